// What the page can do beyond folding: copy the path of a key, fold and unfold everything.
'use strict'

const bar = document.querySelector('.path')
const shown = bar.querySelector('code')
const copy = bar.querySelector('button')

function show(link) {
  shown.textContent = link.title
  copy.textContent = 'Copy'
  bar.hidden = false
}

document.querySelector('main').addEventListener('click', event => {
  const link = event.target.closest('a.k, a.i')
  if (!link) return
  event.preventDefault() // the key of a branch is in its summary: it is not folded
  history.replaceState(null, '', link.href)
  show(link)
})

copy.addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText(shown.textContent)
    copy.textContent = 'Copied'
  } catch { // not over https: the visitor copies what is selected
    getSelection().selectAllChildren(shown)
  }
})

for (const button of document.querySelectorAll('[data-open]')) {
  button.parentElement.hidden = !document.querySelector('.tree details')
  button.addEventListener('click', () => {
    for (const branch of document.querySelectorAll('.tree details')) branch.open = button.dataset.open === 'true'
  })
}

const target = location.hash && document.getElementById(location.hash.slice(1))
if (target && target.title) {
  for (let branch = target.closest('details'); branch; branch = branch.parentElement.closest('details')) branch.open = true
  show(target)
  target.scrollIntoView({ block: 'center' })
}
