"""Pydantic's errors in the words of someone who writes YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from gramex_twisted.config.marks import KeyPath

EXPECTED = {
    "bool": "true or false",
    "bytes": "text",
    "date": "a date",
    "datetime": "a date and time",
    "dict": "a mapping",
    "float": "a number",
    "frozen_set": "a list",
    "int": "a whole number",
    "iterable": "a list",
    "list": "a list",
    "mapping": "a mapping",
    "model": "a mapping",
    "set": "a list",
    "string": "text",
    "tuple": "a list",
}
"""By the first word of pydantic's error type: `int_type`, `int_parsing` ..."""

SUFFIXES = ("_type", "_parsing", "_from_float", "_attributes_type", "_from_date_parsing", "_from_datetime_parsing")

LIMITS = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "finite_number": "must be a finite number",
}


def translate(error: ValidationError, data: Any) -> list[tuple[KeyPath, str]]:
    """The place within ``data`` and the message of each mistake. A missing key is placed at its parent.

    Of a union pydantic reports every member: they become one message ("must be a number or a list"), or only that of
    the member that came furthest.
    """
    grouped: dict[KeyPath, list[Mapping[str, Any]]] = {}
    for item in error.errors(include_url=False):
        path = real_path(item["loc"], data)
        if item["type"] == "missing" and path and path[-1] == item["loc"][-1]:  # written as null, which counts as not
            item["type"], item["msg"] = "empty", "must not be empty"
        grouped.setdefault(path, []).append(item)
    found = []
    for path, items in grouped.items():
        if any(len(other) > len(path) and other[: len(path)] == path for other in grouped):
            items = [item for item in items if expectation(item["type"], item.get("ctx", {})) is None]
        found += [(path, message) for message in messages(items)]
    return found


def real_path(location: Sequence[str | int], data: Any) -> KeyPath:
    """``location`` without the names of union members that pydantic puts into it."""
    path: list[str | int] = []
    for part in location:
        if isinstance(data, dict):
            key = next((key for key in data if key == part or str(key) == str(part)), None)
            if key is None:
                continue
            data = data[key]
            path.append(key)
        elif isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
            data = data[part]
            path.append(part)
    return tuple(path)


def messages(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is wrong at one place."""
    expected: list[str] = []
    others: list[str] = []
    key = value = None
    for item in items:
        kind, context = item["type"], item.get("ctx", {})
        if kind == "missing":
            others.append(f"'{item['loc'][-1]}' is missing")
            continue
        value = item["input"]
        if item["loc"] and item["loc"][-1] == "[key]":
            key = value
        phrase = expectation(kind, context)
        if phrase:
            expected.append(phrase)
        else:
            others.append(other(kind, context, item["msg"], value))
    if not expected:
        return list(dict.fromkeys(others))
    wanted = either(list(dict.fromkeys(expected)))
    limits = [text for text in others if text.startswith("must ")]
    if key is not None:
        return [f"the key {shown(key)} must be {wanted}"]
    return limits[:1] if limits else [*dict.fromkeys(others), f"must be {wanted}, not {shown(value)}"]


def expectation(kind: str, context: Mapping[str, Any]) -> str | None:
    """What kind of value should stand there; None when the kind is right and something else is wrong."""
    if kind in ("literal_error", "enum"):
        return str(context["expected"]).replace("False", "false").replace("True", "true")
    if kind == "none_required":
        return "empty"
    return next((EXPECTED.get(kind.removesuffix(suffix)) for suffix in SUFFIXES if kind.endswith(suffix)), None)


def other(kind: str, context: Mapping[str, Any], text: str, value: Any) -> str:
    """A limit that is not kept, or what a validator says."""
    if kind in LIMITS:
        numbers = {key: f"{limit:g}" if isinstance(limit, float) else limit for key, limit in context.items()}
        return f"{LIMITS[kind].format(**numbers)}, not {shown(value)}"
    if "error" in context:
        return str(context["error"])
    return text[:1].lower() + text[1:]


def either(words: list[str]) -> str:
    """``["a", "b", "c"]`` as "a, b or c"."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def shown(value: Any) -> str:
    """A value as messages show it: as it reads in YAML, shortened."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
