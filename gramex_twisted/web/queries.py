"""Query strings and urlencoded forms as Tornado has them: latin-1 names, byte values."""

from __future__ import annotations

from urllib.parse import parse_qs

RawArguments = dict[str, list[bytes]]


def parse_query(query: bytes) -> RawArguments:
    """The arguments of ``query``, in order; blank values are kept. No bytes are lost, whatever their encoding."""
    if not query:
        return {}
    parsed = parse_qs(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1", errors="strict")
    return {name: [value.encode("latin-1") for value in values] for name, values in parsed.items()}
