"""The head of a request: what it must be before anything is made of it.

A server behind another one must not find another end of a request than that one does, or what follows is a request of
its own that nobody has looked at. So what RFC 9112 lets a server mend, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

#: Bytes of the longest Content-Length line. Python makes no number of more than 4300 digits.
LONGEST_LENGTH = 100
#: What a continued header line begins with (RFC 9112, 5.2).
FOLDED = (b" ", b"\t")

_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:%\[\]-]*")


def may_be_header(line: bytes) -> bool:
    """Whether ``line``, one of a head, is neither a continued one nor a Content-Length that is no number of bytes."""
    if line[:1] in FOLDED:
        return False
    return len(line) <= LONGEST_LENGTH or line[:15].lower() != b"content-length:"


def is_clear(headers: Mapping[bytes, Sequence[bytes]], version: bytes) -> bool:
    """Whether a request has one host, and its body one end.

    :param headers: by canonical name.
    """
    hosts = headers.get(b"Host", ())
    if len(hosts) != 1:
        if hosts or version == b"HTTP/1.1":
            return False
    elif not _HOST.fullmatch(hosts[0]):
        return False
    codings = headers.get(b"Transfer-Encoding")
    return codings is None or (version == b"HTTP/1.1" and len(codings) == 1 and codings[0].lower() == b"chunked")
