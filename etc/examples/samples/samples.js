// The form works without this. With it, the upload shows how far it is, and the list of files is drawn.
const form = document.getElementById("form")
const bar = document.getElementById("progress")
const list = document.getElementById("list")
const state = document.getElementById("state")

function size(bytes) {
  return bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`
}

function send(body, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open("POST", "files")
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest")
    request.responseType = "json"
    request.upload.onprogress = progress
    request.onload = () => request.status === 200 ? resolve(request.response)
      : reject(new Error(request.response ? request.response.error : `status ${request.status}`))
    request.onerror = () => reject(new Error("the connection was lost"))
    request.send(body)
  })
}

async function draw() {
  const files = Object.values(await (await fetch("files")).json()).sort((a, b) => b.created - a.created)
  list.replaceChildren(...files.map((file) => {
    const row = document.createElement("li")
    const remove = Object.assign(document.createElement("button"), {type: "button", textContent: "Remove"})
    remove.setAttribute("aria-label", `Remove ${file.file}`)
    remove.addEventListener("click", async () => {
      const body = new FormData()
      body.append("delete", file.key)
      await send(body)
      await draw()
    })
    row.append(Object.assign(document.createElement("span"), {textContent: `${file.file}, ${size(file.size)}`}), remove)
    return row
  }))
}

form.addEventListener("submit", async (event) => {
  event.preventDefault()
  bar.hidden = false
  state.textContent = "Uploading"
  try {
    const answer = await send(new FormData(form), (step) => { bar.value = step.loaded / step.total })
    state.textContent = `${answer.upload.length} kept: ${answer.upload.map((file) => file.file).join(", ")}`
    form.reset()
  } catch (error) {
    state.textContent = `Not kept: ${error.message}`
  }
  bar.hidden = true
  bar.value = 0
  await draw()
})

draw()
