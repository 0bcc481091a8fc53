"""The response that a Context gathers: status, headers, cookies and buffered body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, urljoin

import orjson

from gramex_twisted.errors import standard_reason

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

Headers = dict[str, list[str]]


def canonical(name: str) -> str:
    """``content-type`` -> ``Content-Type``.

    :raises ValueError: for what is no header name.
    """
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is not a header name")
    return name.title()


def header_value(name: str, value: object) -> str:
    """``value`` as a header's text.

    :raises ValueError: for line breaks and other control characters (response splitting).
    """
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    elif isinstance(value, datetime):
        value = format_datetime(value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC), usegmt=True)
    text = str(value)
    if _FORBIDDEN.search(text):
        raise ValueError(f"header {name}: a value may not contain line breaks or control characters")
    return text


class Reply:
    """Response methods of the Context."""

    request: Any
    _status: int
    _reason: str | None
    _headers: Headers | None
    _chunks: list[bytes]
    _cookies: SimpleCookie | None
    _kept: Headers | None = None
    finished: bool

    def _default_headers(self) -> Headers:
        raise NotImplementedError

    @property
    def _own_headers(self) -> Headers:
        if self._headers is None:
            self._headers = self._default_headers()
        return self._headers

    def set_status(self, status_code: int, reason: str | None = None) -> None:
        """Set the status, with another ``reason`` than the standard phrase where given."""
        if not 100 <= int(status_code) <= 999:
            raise ValueError(f"{status_code} is not an HTTP status")
        if reason is not None:
            header_value("reason", reason)
        self._status = int(status_code)
        self._reason = reason

    def get_status(self) -> int:
        """The status that will be sent."""
        return self._status

    @property
    def reason(self) -> str:
        """The reason phrase that will be sent."""
        return self._reason or standard_reason(self._status)

    def set_header(self, name: str, value: object) -> None:
        """Set a header, replacing what it had. ``value``: text, a number or a datetime."""
        name = canonical(name)
        self._own_headers[name] = [header_value(name, value)]

    def add_header(self, name: str, value: object) -> None:
        """Add one more value of a header."""
        name = canonical(name)
        self._own_headers.setdefault(name, []).append(header_value(name, value))

    def keep_header(self, name: str, value: object) -> None:
        """Set a header that ``clear`` leaves: one that an error page has too, such as a guard's."""
        self.keep_headers({canonical(name): [header_value(name, value)]})

    def keep_headers(self, headers: Headers) -> None:
        """``keep_header`` for several, as they are sent: canonical names, checked values."""
        self._own_headers.update(headers)
        self._kept = headers if self._kept is None else self._kept | headers

    def clear_header(self, name: str) -> None:
        """Remove a header, also a default one."""
        self._own_headers.pop(canonical(name), None)

    def get_header(self, name: str) -> str | None:
        """A header of the response as it stands, None where it has not been set."""
        values = self._own_headers.get(canonical(name))
        return ",".join(values) if values else None

    def clear(self) -> None:
        """Forget the status, headers and buffered body."""
        self._status, self._reason = 200, None
        self._headers = None if self._kept is None else self._default_headers() | self._kept
        self._cookies = None
        self._chunks.clear()

    def write(self, chunk: object) -> None:
        """Add to the body: text, bytes, or a dict or list that goes out as JSON."""
        if self.finished:
            raise RuntimeError("handler.write() after handler.finish()")
        if isinstance(chunk, str):
            chunk = chunk.encode("utf-8")
        elif isinstance(chunk, (dict, list)):
            chunk = orjson.dumps(chunk, default=str, option=orjson.OPT_NON_STR_KEYS)
            self.set_header("Content-Type", "application/json; charset=UTF-8")
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise TypeError(f"handler.write() takes text, bytes, a dict or a list, not {type(chunk).__name__}")
        self._chunks.append(bytes(chunk))

    def take_written(self) -> bytes:
        """What has been written since the last call, in bytes."""
        data = b"".join(self._chunks)
        self._chunks.clear()
        return data

    def redirect(self, url: str, permanent: bool = False, status: int | None = None) -> None:
        """Answer with a redirect to ``url`` (302, or 301 when ``permanent``) and finish."""
        self.set_status(status or (301 if permanent else 302))
        here = "/" + self.request.uri.lstrip("/")  # //host/path is a path here, and a host in a Location
        self.set_header("Location", _quoted(urljoin(here, header_value("Location", url))))
        self._chunks.clear()
        self.finished = True

    def set_cookie(
        self,
        name: str,
        value: str | bytes,
        domain: str | None = None,
        expires: float | datetime | None = None,
        path: str = "/",
        expires_days: float | None = None,
        **attributes: Any,
    ) -> None:
        """Set a cookie. ``attributes``: max_age, httponly, secure, samesite."""
        text = value.decode("utf-8") if isinstance(value, bytes) else value
        if re.search(r"[\x00-\x20]", name + text):
            raise ValueError(f"cookie {name!r}: names and values may not contain spaces or control characters")
        if self._cookies is None:
            self._cookies = SimpleCookie()
        self._cookies[name] = text
        morsel = self._cookies[name]
        if expires_days is not None and expires is None:
            expires = datetime.now(UTC) + timedelta(days=expires_days)
        if expires is not None:
            moment = expires if isinstance(expires, datetime) else datetime.fromtimestamp(expires, UTC)
            morsel["expires"] = header_value("Expires", moment)
        if domain:
            morsel["domain"] = header_value("Domain", domain)
        if path:
            morsel["path"] = header_value("Path", path)
        for key, attribute in attributes.items():
            if attribute not in (None, False):
                flag = attribute is True
                morsel[key.replace("_", "-").lower()] = True if flag else header_value(key, attribute)

    def clear_cookie(self, name: str, path: str = "/", domain: str | None = None, **attributes: Any) -> None:
        """Delete a cookie in the browser."""
        self.set_cookie(name, "", domain, datetime(1970, 1, 1, tzinfo=UTC), path, **attributes)

    def cookie_headers(self) -> Iterator[str]:
        """The Set-Cookie values."""
        for morsel in (self._cookies or SimpleCookie()).values():
            yield morsel.OutputString()


def _quoted(url: str) -> str:
    """``url`` fit for a Location header: spaces and non-ASCII percent-encoded, the rest as it is."""
    return quote(url, safe="%/:=&?~#+!$,;'@()*[]")
