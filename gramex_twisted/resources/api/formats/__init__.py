"""The formats of an API's answers: a value becomes bytes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gramex_twisted.resources.api.formats.jsontext import to_json, to_lines
from gramex_twisted.resources.api.formats.msgpacked import to_msgpack
from gramex_twisted.resources.api.formats.yamltext import to_yaml


@dataclass(frozen=True, slots=True)
class Format:
    """``encode`` may raise TypeError, for a value that the format cannot say. ``light``: how many items of a value
    are written on the reactor; more go to a thread."""

    name: str
    content_type: str
    media_types: tuple[str, ...]
    encode: Callable[[Any], bytes] | None
    light: int


_ALL = (
    Format("json", "application/json; charset=UTF-8", ("application/json", "text/json"), to_json, 2000),
    Format(
        "yaml",
        "text/x-yaml; charset=UTF-8",
        ("application/yaml", "text/x-yaml", "text/yaml", "application/x-yaml"),
        to_yaml,
        30,
    ),
    # Made by htmlpage.to_html, which wants to know more than the value.
    Format("html", "text/html; charset=utf-8", ("text/html", "application/xhtml+xml"), None, 100),
    Format(
        "msgpack",
        "application/x-msgpack",
        ("application/x-msgpack", "application/msgpack", "application/vnd.msgpack"),
        to_msgpack,
        500,
    ),
    Format("jsonl", "application/jsonl", ("application/jsonl", "application/x-ndjson"), to_lines, 2000),
)
FORMATS: Mapping[str, Format] = {format_.name: format_ for format_ in _ALL}
"""By the name that ``?format=`` says."""
