// Everything works without this: it keeps a page that is being watched up to date, and asks before a session is ended.
(function () {
  "use strict"
  var seconds = Number(document.body.dataset.watch)
  if (seconds) setInterval(renew, seconds * 1000)

  function renew() {
    if (document.hidden || document.querySelector("main :focus")) return
    fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" }).then(function (answer) {
      if (!answer.ok) throw new Error(String(answer.status))
      return answer.text()
    }).then(function (text) {
      var fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main")
      document.querySelector("main").replaceWith(fresh)
      document.body.removeAttribute("data-lost")
    }).catch(function () { document.body.setAttribute("data-lost", "") })
  }

  document.addEventListener("submit", function (event) {
    var question = event.target.dataset.confirm
    if (question && !confirm(question)) event.preventDefault()
  })
})()
