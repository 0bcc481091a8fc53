"""Charts that Vega or Vega-Lite draws in the browser, from a spec and the data.

Vega, Vega-Lite and Vega-Embed are files of `static/`, to be served by whoever serves the page: nothing comes from
another server. `static/draw.js` loads them and draws; the page has no script of its own, and expressions of specs are
interpreted (Vega-Embed's `ast`), so that `Content-Security-Policy: script-src 'self'` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import orjson

from gramex_twisted.data.formats.answers import Answers, tables
from gramex_twisted.data.formats.known import Options

if TYPE_CHECKING:
    from gramex_twisted.data.formats.page import Page

STATIC = Path(__file__).with_name("static")
"""The files that `assets` is the URL of."""
DRAW = "draw.js"
TEMPLATE = Path(__file__).with_name("chart.html")
DATA = "__DATA__"
"""Stands in a spec for the data."""
OWN = frozenset({"spec", "args", "as", "assets", "title", "handler"})


def write(name: str, answers: Answers, *, single: bool, options: Options, page: Page | None) -> bytes:
    """A page with the chart, or (`as: script`) a script that draws it where it stands in a page.

    Options: `spec`; `args`, whose values fill `{key}` in the texts of the spec; `title` of the page; `assets`, the URL
    of `static/` if the page does not know it; all others are options of Vega-Embed. In the spec, `"__DATA__"` becomes
    the rows of the first dataset, or of that named beside it; `data` that is missing becomes all of them by name.
    Raises ValueError for options that make no chart.
    """
    spec, form = options.get("spec"), options.get("as", "page")
    if not isinstance(spec, Mapping) or not spec:
        raise ValueError(f"spec {spec!r} is no specification of {name}: a mapping")
    if form not in ("page", "script"):
        raise ValueError(f"as {form!r} is neither page nor script")
    assets = str(options.get("assets") or (page.assets if page else ""))
    if form == "page" and not assets:
        raise ValueError(f"format {name} needs the option assets: the URL of Vega's files")
    rows = {key: orjson.Fragment(answer.json()) for key, answer in tables(answers).items()}
    config = {
        "spec": filled(placed(spec, name, rows), options.get("args") or {}),
        "options": {"mode": name} | {key: value for key, value in options.items() if key not in OWN},
        "assets": assets,
    }
    written = orjson.dumps(config, default=_plain).replace(b"<", b"\\u003c")
    if form == "script":
        return (STATIC / DRAW).read_bytes() + b"\ngramexDraw.here(" + written + b")\n"
    title = str(options.get("title") or _title(spec) or (page.title if page else "") or "Chart")
    values = {"title": escape(title), "config": written.decode(), "script": escape(f"{assets}{DRAW}")}
    return Template(TEMPLATE.read_text("utf-8")).substitute(values).encode()


def placed(spec: Mapping[str, Any], name: str, rows: Mapping[str, Any]) -> dict[str, Any]:
    """`spec` with `rows`, the JSON of each dataset by name."""
    first = next(iter(rows), "")
    if "data" not in spec and "datasets" not in spec:
        named = [{"name": key, "values": values} for key, values in rows.items()]
        if name == "vega":
            return {**spec, "data": named}
        others = {"datasets": dict(rows)} if len(rows) > 1 else {}
        return {**spec, **others, "data": {"name": first} if others else named[0]}
    placed: dict[str, Any] = _place(dict(spec), rows, first)
    return placed


def _place(value: Any, rows: Mapping[str, Any], named: str) -> Any:
    """`value` with rows for each DATA: those of the dataset that its dict names, or of `named`."""
    if value == DATA:
        return rows.get(named)
    if isinstance(value, list):
        return [_place(item, rows, named) for item in value]
    if not isinstance(value, Mapping):
        return value
    own = value.get("name")
    known = isinstance(own, str) and own in rows
    made = {key: _place(item, rows, str(own) if known else named) for key, item in value.items()}
    empty = known and set(value) <= {"name", "format", "transform", "on"}
    return {**made, "values": rows[str(own)]} if empty else made


def filled(value: Any, args: Mapping[str, Any]) -> Any:
    """`value` with the first value of `args` for each `{key}` in its texts. Other braces stay."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: _first(args, found[1], found[0]), value)
    if isinstance(value, list):
        return [filled(item, args) for item in value]
    if isinstance(value, Mapping):
        return {key: filled(item, args) for key, item in value.items()}
    return value


def _first(args: Mapping[str, Any], key: str, default: str) -> str:
    found = args.get(key)
    if isinstance(found, list | tuple):
        found = found[0] if found else None
    return default if found is None else str(found)


def _title(spec: Mapping[str, Any]) -> str:
    title = spec.get("title")
    found = title.get("text") if isinstance(title, Mapping) else title
    return found if isinstance(found, str) else ""


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
