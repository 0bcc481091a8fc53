// The list: each change is one request, and the list is drawn anew from what the server has.
const list = document.getElementById("list")
const state = document.getElementById("state")

async function ask(method, place, body) {
  const response = await fetch(`data/${place}`, {method, body: body === undefined ? undefined : JSON.stringify(body)})
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error)
  return answer
}

async function draw() {
  const items = (await ask("GET", "items")) || {}
  list.replaceChildren(...Object.entries(items).map(([key, item]) => line(key, item)))
  const left = Object.values(items).filter((item) => !item.done).length
  state.textContent = `${left} to do, ${Object.keys(items).length - left} done`
}

function line(key, item) {
  const row = document.createElement("li")
  const label = document.createElement("label")
  const box = Object.assign(document.createElement("input"), {type: "checkbox", checked: item.done})
  const text = Object.assign(document.createElement("span"), {textContent: item.what})
  const remove = Object.assign(document.createElement("button"), {type: "button", textContent: "Remove"})
  remove.setAttribute("aria-label", `Remove ${item.what}`)
  box.addEventListener("change", () => change("PATCH", `items/${key}`, {done: box.checked}))
  remove.addEventListener("click", () => change("DELETE", `items/${key}`))
  row.classList.toggle("done", item.done)
  label.append(box, text)
  row.append(label, remove)
  return row
}

async function change(...request) {
  try {
    await ask(...request)
    await draw()
  } catch (error) {
    state.textContent = `Not done: ${error.message}`
  }
}

document.getElementById("add").addEventListener("submit", (event) => {
  event.preventDefault()
  const field = document.getElementById("what")
  change("POST", "items", {what: field.value, done: false})
  field.value = ""
  field.focus()
})

draw()
