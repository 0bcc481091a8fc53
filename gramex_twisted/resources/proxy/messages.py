"""What ``prepare`` and ``modify`` see: a request on its way to the upstream, and its response."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.proxy.headers import HTTPHeaders

if TYPE_CHECKING:
    from gramex_twisted.services.upstream.response import Response


class ProxyRequest:
    """A request that is about to be sent. Everything may be changed in place; ``body`` is bytes, text or None."""

    def __init__(self, url: str, method: str, headers: HTTPHeaders, body: bytes | None) -> None:
        self.url = url
        self.method = method
        self.headers = headers
        self.body: Any = body

    def __repr__(self) -> str:
        return f"<{self.method} {self.url}>"


class ProxyResponse:
    """A response that is about to be passed on.

    ``code, reason, headers`` and ``body`` (bytes or text) may be changed in place; ``effective_url`` is the URL that
    answered, ``request`` what it was asked.
    """

    def __init__(self, request: ProxyRequest, code: int, reason: str, headers: HTTPHeaders, body: bytes) -> None:
        self.request = request
        self.effective_url = request.url
        self.code = code
        self.reason = reason
        self.headers = headers
        self.body: Any = body
        self.error = None

    @classmethod
    def of(cls, request: ProxyRequest, response: Response, body: bytes | None, longest: int) -> ProxyResponse:
        """What an upstream has sent, unpacked.

        :param body: as it came; None where it is over ``longest`` bytes.
        :raises HTTPError: 502 where it is too long, or is not what it says.
        """
        headers = HTTPHeaders(response.headers)
        if body and headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip"):
            try:
                body = unpacked(body, longest)
            except ValueError as error:
                raise HTTPError(502, f"the upstream's answer is no gzip, as it says: {error}") from None
            del headers["Content-Encoding"]
        if body is None or len(body) > longest:
            raise HTTPError(502, f"the upstream's answer is over {longest} bytes (max_response_size)")
        for name in ("Content-Length", "Accept-Ranges", "Content-Md5", "Digest"):
            headers.pop(name, None)
        etag = headers.get("Etag", "")
        if etag and not etag.startswith("W/"):
            headers["Etag"] = "W/" + etag  # of what `modify` makes of it, it is true only in substance
        reason = response.phrase.decode("latin-1")
        return cls(request, response.code, reason, headers, body)

    def rethrow(self) -> None:
        """Nothing to throw: an upstream that does not answer has no response."""

    def __repr__(self) -> str:
        return f"<{self.code} {self.reason} from {self.effective_url}>"


def as_bytes(body: Any, what: str) -> bytes:
    """A body that a user function has set.

    :raises HTTPError: 500 for what is none.
    """
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8")
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise HTTPError(500, f"{what}: the body is {type(body).__name__}; set text or bytes")


def unpacked(data: bytes, longest: int) -> bytes | None:
    """What gzip has made ``data`` of; None where it is more than ``longest`` bytes.

    :raises ValueError: for what is not gzip, or breaks off.
    """
    parts: list[bytes] = []
    size = 0
    while data:
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            part = unpacker.decompress(data, longest - size + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        size += len(part)
        if size > longest:
            return None
        if not unpacker.eof:
            raise ValueError("it breaks off")
        parts.append(part)
        data = unpacker.unused_data.lstrip(b"\0")  # members follow each other, and padding the last
    return b"".join(parts)
