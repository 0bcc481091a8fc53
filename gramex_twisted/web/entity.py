"""Entity: what a stored body is apart from its bytes, and how a request for it is answered."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING

from gramex_twisted.errors import HTTPError
from gramex_twisted.web.conditional import precondition, wanted_range
from gramex_twisted.web.ranges import Part, partial
from gramex_twisted.web.reply import header_value

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

#: Request headers that make the answer something else than the whole body.
CONDITIONS = (b"If-None-Match", b"If-Modified-Since", b"Range", b"If-Match", b"If-Unmodified-Since")


@dataclass(frozen=True, slots=True)
class Entity:
    """``size`` in bytes, ``etag`` quoted, ``modified`` in whole seconds since the epoch; ``headers`` replace the
    route's. ``varies``: other requests get it in another encoding.
    """

    size: int
    content_type: str
    etag: str
    modified: int | None = None
    headers: Mapping[str, list[str]] = field(default_factory=dict)
    encoding: str | None = None
    varies: bool = False

    def merged(self, headers: dict[str, list[str]]) -> dict[str, list[str]]:
        """``headers``, with those of the entity added."""
        headers.update(self.headers)
        headers.setdefault("Content-Type", [self.content_type])
        headers.setdefault("Etag", [self.etag])
        headers.setdefault("Accept-Ranges", ["bytes"])
        if self.modified is not None:
            headers.setdefault("Last-Modified", [formatdate(self.modified, usegmt=True)])
        if self.encoding is not None:
            headers["Content-Encoding"] = [self.encoding]
        if self.varies:
            headers["Vary"] = [*headers.get("Vary", ()), "Accept-Encoding"]
        return headers

    def answer(self, context: Context) -> Sequence[Part]:
        """Set status and headers on ``context``; what to send as the body, in bytes and positions of this entity.

        :raises HTTPError: 412 and 416.
        """
        own = self.merged(context._own_headers)
        whole = (range(self.size),)
        if context.method in ("GET", "HEAD") and context._status == 200:
            headers = context.native.requestHeaders
            status = precondition(headers, self.etag, self.modified)
            if status == 412:
                raise HTTPError(412, "the file is not the one that the If-Match or If-Unmodified-Since header names")
            if status == 304:
                return self._not_modified(context)
            wanted = wanted_range(headers, self.etag, self.modified) if context.method == "GET" else None
            found = None if wanted is None else partial(wanted, self.size, self.content_type, secrets.token_hex(12))
            if found is not None and found.status == 416:
                raise HTTPError(416, f"the range is not in the file's {self.size} bytes", headers=found.headers)
            if found is not None:
                context.set_status(206)
                own.update({name: [value] for name, value in found.headers.items()})
                own["Content-Length"] = [str(found.length)]
                return found.parts
        own["Content-Length"] = [str(self.size)]
        return whole

    def _not_modified(self, context: Context) -> Sequence[Part]:
        context.set_status(304)
        context._own_headers.pop("Content-Type", None)
        context._own_headers.pop("Content-Encoding", None)
        return ()


def encoded_head(headers: Mapping[str, list[str]]) -> bytes:
    """Header lines, as they are sent."""
    text = "".join([f"{name}: {value}\r\n" for name, values in headers.items() for value in values])
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8")


def send_small(context: Context, body: bytes) -> None:
    """Send ``body`` in one write, with the status and headers of ``context`` as they are."""
    native = context.native
    lines = [b" %d %s\r\n" % (context._status, header_value("reason", context.reason).encode("latin-1", "replace"))]
    if "Date" not in context._own_headers:
        lines.append(native.site.head)
    lines.append(encoded_head(context._own_headers))
    lines.extend(b"Set-Cookie: " + cookie.encode("utf-8") + b"\r\n" for cookie in context.cookie_headers())
    native.send(context._status, b"".join(lines), body)
