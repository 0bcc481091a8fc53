"""What an option set takes, as parts of an OpenAPI 3.1 document: parameters, bodies, responses. Pure.

https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from gramex_twisted.options.converter import LISTS
from gramex_twisted.options.option import Option
from gramex_twisted.options.optionset import OptionSet

Part = dict[str, Any]

#: Methods whose arguments are in the body, save what can only be elsewhere.
WITH_BODY = ("POST", "PUT", "PATCH")
#: The places of a body, with their media types.
BODIES: Mapping[str, Sequence[str]] = {
    "json": ("application/json", "application/msgpack"),
    "yaml": ("application/yaml",),
    "form": ("application/x-www-form-urlencoded", "multipart/form-data"),
}
#: An item of a list in a text: nothing that stands between items, or quotes.
ITEM = r"""^[^\s\u0000-\u001f\u0085|,+"'\\]+$"""
_TYPES: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object"}
_FORMATS: Mapping[Any, str] = {UUID: "uuid", Decimal: "decimal"}
_DATES: Mapping[str, str] = {"%Y-%m-%d": "date"}

ERROR: Part = {
    "type": "object",
    "description": "What is wrong: the status, and for an argument its name and why it does not do.",
    "required": ["code", "success", "error"],
    "properties": {
        "code": {"type": "integer", "minimum": 400, "maximum": 599},
        "success": {"const": False},
        "error": {"type": "string", "description": "The reason, or the status's standard phrase."},
        "missing": {"type": "string", "description": "The argument that is required."},
        "keyword": {"type": "string", "description": "The argument that does not do."},
        "alias": {"description": "Its other names.", "type": ["string", "array"], "items": {"type": "string"}},
        "reason": {"type": "string"},
        "allowed": {"type": "array", "description": "What it must be one of."},
        "min": {"type": "number"},
        "max": {"type": "number"},
        "num": {"description": "The number, or date, that was sent.", "type": ["number", "string"]},
        "size": {"type": "integer", "description": "The length of the list that was sent."},
        "date_format": {"type": "string"},
        "details": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}, "description": "Every argument that does not do."},
    },
}
"""The schema of every error."""


def operation(
    options: OptionSet, method: str, *, formats: Iterable[str] = ("application/json",), error: Part | None = None
) -> Part:
    """The ``parameters``, ``requestBody`` and ``responses`` of ``method``.

    :param formats: the media types of answers. ``error``: the schema of errors, a ``$ref`` for one; default: ERROR.
    """
    found: Part = {"parameters": parameters(options, method)}
    body = request_body(options, method)
    if body is not None:
        found["requestBody"] = body
    failed = {"application/json": {"schema": ERROR if error is None else error}}
    found["responses"] = {
        "200": {"description": "The answer.", "content": {media: {} for media in formats}},
        "400": {"description": "An argument or the body does not do.", "content": failed},
        "default": {"description": "Any other error.", "content": failed},
    }
    return found


def parameters(options: OptionSet, method: str) -> list[Part]:
    """Those of the path and the query. With a body, the query has those that cannot be in it, and ``format``."""
    found = []
    for name, option in options.options(method).items():
        if "path" in option.locator.locations:
            found.append(_parameter(option, "path", name))
        elif "query" in option.locator.locations and not (method in WITH_BODY and _in_body(option)):
            found.append(_parameter(option, "query", name))
    return found


def _in_body(option: Option) -> bool:
    return option.keyword != "format" and not BODIES.keys().isdisjoint(option.locator.locations)


def _parameter(option: Option, place: str, name: str) -> Part:
    part: Part = {"name": name, "in": place, "schema": schema_of(option, text=True)}
    if place == "path" or option.definition.required:
        part["required"] = True
    description = description_of(option)
    return part | ({"description": description} if description else {})


def request_body(options: OptionSet, method: str) -> Part | None:
    """The body of ``method``, in each of its media types; None where nothing may be in it."""
    if method not in WITH_BODY:
        return None
    content: Part = {}
    required = False
    for place, media_types in BODIES.items():
        schema = _object(options, method, place)
        if schema is not None:
            required = required or "required" in schema
            content |= {media: {"schema": schema} for media in media_types}
    return {"content": content, "required": required} if content else None


def _object(options: OptionSet, method: str, place: str) -> Part | None:
    properties: Part = {}
    required = []
    for name, option in options.options(method).items():
        locations = option.locator.locations
        if place in locations and _in_body(option) and "path" not in locations:
            schema = schema_of(option, text=place == "form")
            description = description_of(option)
            properties[name] = schema | ({"description": description} if description else {})
            if option.definition.required:
                required.append(name)
    if not properties:
        return None
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def schema_of(option: Option, *, text: bool) -> Part:
    """The JSON Schema of an option's value. ``text``: where it is sent as text, in which a list is split."""
    made = option.definition
    schema: Part
    if made.type in LISTS:
        items = _scalar(made.items or str, made.enum, made.date_format)
        if text and items == {"type": "string"}:
            items["pattern"] = ITEM
        schema = {"type": "array", "items": items if made.items or text or made.enum or made.date_format else {}}
        limits = ("minItems", "maxItems")
    else:
        schema = _scalar(made.type, made.enum, made.date_format)
        if option.keyword == "jmespath":
            schema["format"] = "jmespath"
        limits = ("minimum", "maximum")
    if made.type in LISTS or made.type in (int, float):
        schema |= {key: value for key, value in zip(limits, (made.min, made.max), strict=True) if value is not None}
    if isinstance(made.default, (str, int, float, list, tuple)):
        schema["default"] = list(made.default) if isinstance(made.default, (list, tuple)) else made.default
    return schema


def _scalar(kind: Any, enum: Sequence[Any], date_format: str | None) -> Part:
    schema: Part = {"type": _TYPES.get(kind, "string")}
    if kind in _FORMATS:
        schema["format"] = _FORMATS[kind]
    if date_format in _DATES:
        schema["format"] = _DATES[str(date_format)]
    if enum:
        schema["enum"] = list(enum)
    return schema


def description_of(option: Option) -> str:
    """What an option is for, and its other names."""
    made = option.definition
    parts = [made.description.strip()]
    if made.alias:
        parts.append(f"Also: {', '.join(made.alias)}.")
    if made.date_format and made.date_format not in _DATES:
        parts.append(f"As {made.date_format}.")
    return " ".join(part for part in parts if part)
