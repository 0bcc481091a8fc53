// Counts the clicks by their sources. The browser reconnects by itself when the stream ends.
const counts = new Map()
const body = document.getElementById("sources")

new EventSource("/ticker").onmessage = (event) => {
  const click = JSON.parse(event.data)
  counts.set(click.source, (counts.get(click.source) || 0) + 1)
  document.getElementById("count").textContent = `${click.number} clicks`
  body.replaceChildren(...[...counts].sort().map(([source, count]) => {
    const row = document.createElement("tr")
    for (const text of [source, count]) {
      row.append(Object.assign(document.createElement("td"), {textContent: text}))
    }
    return row
  }))
}
