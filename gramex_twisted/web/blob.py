"""Blob: a body in memory that is served again and again, with its compressed forms and its ready-made heads."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING

from gramex_twisted.web.compress import SMALLEST, compressible
from gramex_twisted.web.entity import CONDITIONS, Entity, encoded_head, send_small
from gramex_twisted.web.stream import SLICE, slices

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

#: Bytes above which compressing goes to a thread.
LARGE = 64 << 10


class Variant:
    """The body in one encoding. ``heads`` are its header lines for each route that has served it."""

    __slots__ = ("body", "entity", "heads")

    def __init__(self, body: bytes, entity: Entity) -> None:
        self.body = body
        self.entity = entity
        self.heads: dict[str, bytes] = {}


class Blob:
    """A body in memory.

    :param etag: without quotes; default: made from the body.
    :param modified: whole seconds since the epoch.
    :param headers: replace the route's.
    :param packed: compressed forms that exist already, by encoding.
    """

    def __init__(
        self,
        body: bytes,
        content_type: str,
        etag: str | None = None,
        modified: int | None = None,
        headers: Mapping[str, list[str]] | None = None,
        packed: Mapping[str, bytes] | None = None,
    ) -> None:
        self.etag = etag or blake2b(body, digest_size=12).hexdigest()
        self.content_type = content_type
        self.modified = modified
        self.headers = headers or {}
        shown = (self.headers.get("Content-Type") or [content_type])[0]
        self.packs = compressible(shown) and len(body) >= SMALLEST and "Content-Encoding" not in self.headers
        self.varies = self.packs or bool(packed)
        self.plain = self._variant(body, None)
        self.variants = {name: self._variant(data, name) for name, data in (packed or {}).items()}

    @property
    def size(self) -> int:
        """Bytes of memory: the body, its compressed forms, and those that may come."""
        body = len(self.plain.body)
        return body + sum(len(variant.body) for variant in self.variants.values()) + (body if self.packs else 0)

    def _variant(self, body: bytes, encoding: str | None) -> Variant:
        etag = f'"{self.etag}-{encoding}"' if encoding else f'"{self.etag}"'
        return Variant(
            body,
            Entity(len(body), self.content_type, etag, self.modified, self.headers, encoding, self.varies),
        )

    async def respond(self, context: Context) -> None:
        """Send the response."""
        native, wanted = context.native, context.native.requestHeaders
        variant = await self._choose(context) if self.varies else self.plain
        body = variant.body
        if context._headers is None and context._cookies is None and len(body) <= SLICE and context._status == 200:
            for name in CONDITIONS:
                if wanted.hasHeader(name):
                    break
            else:
                head = variant.heads.get(context.name) or _head(context, variant)
                native.send(200, b"".join((b" 200 OK\r\n", native.site.head, head)), body)
                return
        await _send(context, variant)

    async def _choose(self, context: Context) -> Variant:
        """The variant for the request's Accept-Encoding. Ranges are those of the plain body."""
        headers, services = context.native.requestHeaders, context.route.services
        accept = headers.getRawHeaders(b"Accept-Encoding")
        if not accept or services.compressors is None or headers.hasHeader(b"Range"):
            return self.plain
        header = b",".join(accept).decode("latin-1")
        encoding = services.compressors.choose(header, self.variants, only_ready=not self.packs)
        if encoding is None:
            return self.plain
        found = self.variants.get(encoding)
        if found is None:
            pack, plain = services.compressors.compress, self.plain.body
            large = len(plain) >= LARGE
            body = await services.threads.run(pack, encoding, plain) if large else pack(encoding, plain)
            found = self.variants[encoding] = self._variant(body, encoding)
        return found


def _head(context: Context, variant: Variant) -> bytes:
    defaults = context._default_headers()
    headers = variant.entity.merged(defaults)
    if "Date" in headers:
        headers.pop("Date")  # the clock is the server's
    head = encoded_head(headers) + b"Content-Length: %d\r\n" % len(variant.body)
    variant.heads[context.name] = head
    return head


async def _send(context: Context, variant: Variant) -> None:
    parts = variant.entity.answer(context)
    body = b"".join(part if isinstance(part, bytes) else variant.body[part.start : part.stop] for part in parts)
    if len(body) <= SLICE:
        send_small(context, body)
        return
    stream = context.open_stream()
    if context.native.method != b"HEAD":
        await stream.write_all(slices(body))
    stream.finish()
