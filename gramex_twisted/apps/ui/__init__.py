"""The app `ui`: libraries of the browser, by their names in npm.

They come from a public CDN, as those of Gramex 1.84 and later do. Themes are Bootstrap, or a theme of Bootswatch, as it
is: the variables in a theme's address have no effect.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from gramex_twisted.errors import HTTPError

CDN = "https://cdn.jsdelivr.net/npm/"

VERSIONS = {
    "@fortawesome/fontawesome-free": "5",
    "bootstrap": "4",
    "bootstrap-select": "1",
    "bootswatch": "4",
    "comicgen": "1",
    "d3-scale-chromatic": "3",
    "dayjs": "1",
    "dropzone": "5",
    "file-saver": "2",
    "font-awesome": "4",
    "g1": "0.18",
    "html2canvas": "1",
    "jquery": "3",
    "leaflet": "1",
    "lodash": "4",
    "moment": "2",
    "morphdom": "2",
    "noty": "3",
    "numeral": "2",
    "popper.js": "1",
    "select2": "4",
    "tether-shepherd": "1",
    "topojson": "3",
    "uifactory": "1",
    "vega": "5",
    "vega-embed": "6",
    "vega-lite": "4",
}
"""Package -> the major version that apps of Gramex were written for. All others are the newest."""

RENAMED = {
    "bootstrap5": "bootstrap@5",
    "d3v5": "d3@5",
    "daterangepickerv3": "daterangepicker@3",
    "url-search-params": "@ungap/url-search-params@0.1",
}
"""Folder -> package and version."""

BOOTSTRAP = "bootstrap@{}/dist/css/bootstrap.min.css"
BOOTSWATCH = "bootswatch@4/dist/{}/bootstrap.min.css"


def package(handler: Any) -> None:
    """Redirect `/ui/d3/dist/d3.min.js` to that file of the npm package `d3`. With `?v=` browsers may remember it."""
    path = handler.path_args[0]
    folder = "/".join(path.split("/")[: 2 if path.startswith("@") else 1])
    file = path[len(folder) :]
    version = VERSIONS.get(folder)
    _redirect(handler, RENAMED.get(folder, f"{folder}@{version}" if version else folder) + file)


def theme(handler: Any) -> None:
    """Redirect `/ui/theme/bootswatch/cosmo.scss` to that theme's CSS; any other theme to Bootstrap's."""
    name = handler.path_args[0] if handler.path_args else "default.scss"
    if not name.endswith(".scss"):
        raise HTTPError(404)
    swatch = re.fullmatch(r"bootswatch/([a-z]+)\.scss", name)
    if swatch:
        _redirect(handler, BOOTSWATCH.format(swatch[1]))
    else:
        _redirect(handler, BOOTSTRAP.format(5 if name == "bootstrap5.scss" else 4))


def _redirect(handler: Any, path: str) -> None:
    """To ``path`` of the CDN, which it cannot leave."""
    parts = path.split("/")
    if not parts[0] or ".." in parts or "\\" in path:
        raise HTTPError(404)
    handler.redirect(CDN + quote(path, safe="/@"), permanent=bool(handler.get_arg("v", "")))
