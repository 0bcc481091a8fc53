"""Query strings and urlencoded forms as Tornado has them: latin-1 names, byte values."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from gramex_twisted.errors import HTTPError

RawArguments = dict[str, list[bytes]]

#: Arguments of one form or query. Many short ones in a long form would take 20 times its bytes, and all of the server.
MOST = 10_000


def parse_query(query: bytes) -> RawArguments:
    """The arguments of ``query``, in order; blank values are kept. No bytes are lost, whatever their encoding.

    :raises HTTPError: 400 where there are over ``MOST``.
    """
    if query.count(b"&") >= MOST:
        raise HTTPError(400, f"there are over {MOST} arguments")
    found: RawArguments = {}
    for pair in query.split(b"&"):
        if pair:
            if b"+" in pair:
                pair = pair.replace(b"+", b" ")
            name, _, value = pair.partition(b"=")
            if b"%" in pair:
                name, value = unquote_to_bytes(name), unquote_to_bytes(value)
            found.setdefault(name.decode("latin-1"), []).append(value)
    return found
