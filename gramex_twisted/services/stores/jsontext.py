"""The text of a session.json as Gramex 1.x writes it: one JSON object, ``{key: {..., "_t": time of expiry}}``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gramex_twisted.services.stores.base import Entry, StoreError


def parse(content: bytes, path: Path) -> dict[str, Entry]:
    """The entries of the file ``path``. What is not an object there stays what it is, and never expires.

    :raises StoreError: when it is not one JSON object.
    """
    if not content.strip():
        return {}
    advice = "mend it, or move it away"
    try:
        tree = json.loads(content.decode())
    except ValueError as error:
        where = f":{error.lineno}:{error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise StoreError(f"{path}{where}: is not JSON; {advice}") from error
    if not isinstance(tree, dict):
        raise StoreError(f"{path}: holds no JSON object of keys and values; {advice}")
    return {key: _entry(value) for key, value in tree.items()}


def _entry(value: Any) -> Entry:
    expires = value.get("_t") if isinstance(value, dict) else None
    if not isinstance(expires, int | float) or isinstance(expires, bool):
        return Entry(_dumps(value))
    return Entry(_dumps({name: part for name, part in value.items() if name != "_t"}), expires)


def checked(value: bytes) -> bytes:
    """``value``, a JSON object, without the ``_t`` that is the store's.

    :raises ValueError: when it is anything else.
    """
    try:
        tree = json.loads(value.decode())
    except ValueError:
        tree = None
    if not isinstance(tree, dict):
        raise ValueError(
            f"a json store keeps JSON objects only, and not {value[:40]!r}; sqlite and redis keep any bytes"
        )
    return _dumps({name: part for name, part in tree.items() if name != "_t"}) if "_t" in tree else value.strip()


def render(entries: Mapping[str, Entry]) -> bytes:
    """The file that holds ``entries``."""
    return b"{" + b",\n".join(_members(entries)) + b"}\n"


def _members(entries: Mapping[str, Entry]) -> Iterator[bytes]:
    for key, (value, expires) in entries.items():
        if expires is not None:
            inside = value[1:-1].strip()  # an object: only those expire
            value = b"{" + inside + (b"," if inside else b"") + b'"_t":' + _dumps(expires) + b"}"
        yield _dumps(key) + b":" + value


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
