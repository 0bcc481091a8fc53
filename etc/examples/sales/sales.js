// The page works without this. With it, a chosen filter narrows the choices of the others, before anything is shown.
const form = document.getElementById("filters")
const selects = [...form.querySelectorAll("select")]

async function narrow() {
  const asked = new URLSearchParams({_limit: 1000})
  for (const {name, value} of selects) {
    asked.append("_c", name)
    if (value) asked.append(name, value)
  }
  const answer = await fetch(`choices?${asked}`)
  if (!answer.ok) return
  const found = await answer.json()
  for (const select of selects) {
    const {name, value} = select
    const values = new Set(found[name].map((row) => row[name]))
    if (value) values.add(value)
    select.replaceChildren(select.options[0], ...[...values].sort().map((text) => new Option(text, text)))
    select.value = value
  }
}

form.addEventListener("change", narrow)
form.addEventListener("formdata", ({formData}) => {
  for (const [name, value] of [...formData]) if (!value) formData.delete(name) // for a short address
})
