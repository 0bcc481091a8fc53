"""Mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def is_address(text: str) -> bool:
    """Whether ``text`` is one plain mail address."""
    return len(text) <= 254 and ADDRESS.fullmatch(text) is not None and ".." not in text


_ENTRY = re.compile(
    r"""\s*(?:(?P<name>"(?:[^"\\]|\\.)*"|[^"<>,;]*?)\s*<\s*(?P<spec>[^<>\s]*)\s*>|(?P<bare>[^"<>,;\s]+))\s*(?:[,;]\s*|$)"""
)


def split_addresses(text: str) -> Iterator[tuple[str, str]]:
    """Names and addresses of ``Ada <ada@example.org>, bob@example.org``.

    :raises ValueError: for anything else. What it yields need not be addresses.
    """
    text = text.strip(" ,;")
    position = 0
    while position < len(text):
        found = _ENTRY.match(text, position)
        if found is None:
            raise ValueError(f"{text[position:]!r} is no mail address")
        name = (found["name"] or "").strip()
        if name.startswith('"'):
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
        yield name, found["spec"] or found["bare"] or ""
        position = found.end()
