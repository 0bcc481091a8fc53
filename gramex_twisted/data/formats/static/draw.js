// Draws charts with Vega-Embed, which it loads when it is not there yet. Needs no inline scripts, and no eval.
window.gramexDraw = window.gramexDraw || (function () {
  var loading

  function load(url) {
    return new Promise(function (resolve, reject) {
      var script = document.createElement("script")
      script.src = url
      script.onload = resolve
      script.onerror = function () { reject(new Error(url + " cannot be loaded")) }
      document.head.append(script)
    })
  }

  function library(assets) {
    if (window.vegaEmbed) return Promise.resolve()
    if (!assets) return Promise.reject(new Error("Vega-Embed is missing: load it before, or set assets"))
    loading = loading || load(assets + "vega.min.js")
      .then(function () { return load(assets + "vega-lite.min.js") })
      .then(function () { return load(assets + "vega-embed.min.js") })
    return loading
  }

  function options(given) {
    var dark = matchMedia("(prefers-color-scheme: dark)").matches && !given.theme
    var found = Object.assign(
      { renderer: "svg", ast: true, actions: { export: true, source: false, compiled: false, editor: false } },
      dark ? { theme: "dark" } : {},
      given,
    )
    var lines = { gridColor: "#343c46", domainColor: "#6d7987", tickColor: "#6d7987" } // those of the theme outshine the data
    found.config = Object.assign({ background: "transparent" }, dark ? { axis: lines } : {}, given.config)
    return found
  }

  // Puts the chart of config ({spec, options, assets}) into the element target.
  function draw(target, config) {
    return library(config.assets)
      .then(function () { return window.vegaEmbed(target, config.spec, options(config.options)) })
      .then(function (view) {
        target.querySelectorAll("details > summary").forEach(function (menu) {
          menu.setAttribute("aria-label", "Save the chart")
        })
        return view
      })
      .catch(function (error) {
        var said = document.createElement("p")
        said.setAttribute("role", "alert")
        said.textContent = "This chart cannot be drawn. " + error.message
        target.replaceChildren(said)
        console.error(error)
      })
  }

  // Puts the chart after the script that runs; its data-id, data-width and data-height say how.
  draw.here = function (config) {
    var script = document.currentScript
    var target = document.createElement("div")
    if (script.dataset.id) target.id = script.dataset.id
    if (script.dataset.width) config.spec.width = +script.dataset.width
    if (script.dataset.height) config.spec.height = +script.dataset.height
    script.after(target)
    return draw(target, config)
  }

  return draw
})()

document.querySelectorAll('script[type="application/json"][data-chart]').forEach(function (script) {
  if (script.dataset.drawn) return
  script.dataset.drawn = "yes"
  window.gramexDraw(document.getElementById(script.dataset.chart), JSON.parse(script.textContent))
})
