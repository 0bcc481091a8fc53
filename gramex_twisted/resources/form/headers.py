"""The headers of an answer: FH-<dataset>-<key>, and a Link to the next page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import orjson

from gramex_twisted.data.records import default

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context


def set_meta(context: Context, dataset: str, meta: Mapping[str, Any]) -> None:
    """Set FH-<dataset>-<key> for each key."""
    for key, value in meta.items():
        context.set_header(f"FH-{dataset}-{key}", ascii_json(value))


def ascii_json(value: Any) -> str:
    """Compact JSON in ASCII."""
    text = orjson.dumps(value, default=default).decode()
    return text if text.isascii() else json.dumps(json.loads(text), separators=(",", ":"))


def set_next(context: Context, after: str | None) -> None:
    """Set `Link`, to the page after the cursor `after`."""
    if after is None:
        return
    path, _, query = context.xrequest_uri.partition("?")
    asked = parse_qsl(query, keep_blank_values=True)
    pairs = [(key, value) for key, value in asked if key not in ("_after", "_offset")]
    url = f"{path}?{urlencode([*pairs, ('_after', after)])}"
    context.set_header("Link", f'<{url}>; rel="next"')
