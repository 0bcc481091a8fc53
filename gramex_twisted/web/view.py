"""``handler.request``: the request with the attributes that Tornado's HTTPServerRequest has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from http.cookies import CookieError, SimpleCookie, _unquote
from ipaddress import ip_address
from time import perf_counter
from typing import TYPE_CHECKING, Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.web.queries import parse_query
from gramex_twisted.web.site import peer_of

if TYPE_CHECKING:
    from gramex_twisted.web.request import Request


class RequestHeaders(Mapping[str, str]):
    """Request headers by name, any case; several of one name are joined with a comma."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def get_list(self, name: str) -> list[str]:
        """Every value of the header ``name``."""
        values = self._raw.getRawHeaders(name.encode("latin-1", "replace"))
        return [value.decode("latin-1") for value in values or ()]

    def __getitem__(self, name: str) -> str:
        values = self.get_list(name)
        if not values:
            raise KeyError(name)
        return ",".join(values)

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name, _ in self._raw.getAllRawHeaders())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_list(name))

    def get_all(self) -> Iterator[tuple[str, str]]:
        """Every (name, value), repeated names repeated."""
        for name, values in self._raw.getAllRawHeaders():
            for value in values:
                yield name.decode("latin-1"), value.decode("latin-1")


class RequestView:
    """What user code reads of a request. Everything is computed when first read."""

    def __init__(self, request: Request, method: str, trusted: Callable[[str], bool]) -> None:
        self._request = request
        self._trusted = trusted
        self.method = method
        self.uri = request.uri.decode("latin-1")
        self.path, _, self.query = self.uri.partition("?")
        self.version = request.clientproto.decode("latin-1")
        self.headers = RequestHeaders(request.requestHeaders)

    @cached_property
    def body(self) -> bytes:
        """The body as it came, in bytes; empty where the handler reads it while it arrives."""
        content = self._request.content
        content.seek(0)
        data: bytes = content.read()
        content.seek(0)
        return data

    @cached_property
    def query_arguments(self) -> dict[str, list[bytes]]:
        """Arguments of the query: byte values, as Tornado has them."""
        return parse_query(self.query.encode("latin-1"))

    @cached_property
    def body_arguments(self) -> dict[str, list[bytes]]:
        """Arguments of a form body; empty for other bodies."""
        return self._form[0]

    @cached_property
    def files(self) -> dict[str, list[AttrDict]]:
        """Uploaded files: ``{field: [{filename, content_type, body}]}``."""
        return self._form[1]

    @cached_property
    def arguments(self) -> dict[str, list[bytes]]:
        """Query and form arguments together."""
        merged = {name: list(values) for name, values in self.query_arguments.items()}
        for name, values in self.body_arguments.items():
            merged.setdefault(name, []).extend(values)
        return merged

    def set_form(self, arguments: dict[str, list[bytes]], files: dict[str, list[AttrDict]]) -> None:
        """Show the arguments and files of a form that the handler has read while it arrived."""
        self.__dict__.pop("arguments", None)
        self.__dict__ |= {"body_arguments": arguments, "files": files}

    @cached_property
    def _form(self) -> tuple[dict[str, list[bytes]], dict[str, list[AttrDict]]]:
        if self._request.streamed is not None:
            return {}, {}
        from gramex_twisted.web.forms import parse_form

        return parse_form(self.headers.get("Content-Type", ""), self._request.content)

    @cached_property
    def cookies(self) -> SimpleCookie:
        """Cookies by name; each has a ``value``."""
        cookies = SimpleCookie()
        for name, value in self._request.received_cookies.items():
            try:
                cookies[name.decode("latin-1")] = _unquote(value.decode("latin-1"))
            except CookieError:
                continue  # a name that no cookie may have: not ours
        return cookies

    @cached_property
    def remote_ip(self) -> str:
        """The client's address: the peer's, or what a trusted proxy says."""
        peer = peer_of(self._request)
        if not self._trusted(peer):
            return peer
        forwarded = [part.strip() for part in self.headers.get("X-Forwarded-For", "").split(",")]
        client = next((part for part in reversed(forwarded) if part and not self._trusted(part)), "")
        return _valid_ip(self.headers.get("X-Real-Ip", client).strip()) or peer

    @cached_property
    def protocol(self) -> str:
        """``"http"`` or ``"https"``: the connection's, or what a trusted proxy says."""
        own = "https" if self._request.isSecure() else "http"
        if not self._trusted(peer_of(self._request)):
            return own
        said = self.headers.get("X-Scheme") or self.headers.get("X-Forwarded-Proto", "").split(",")[-1]
        return said.strip().lower() if said.strip().lower() in ("http", "https") else own

    @cached_property
    def host(self) -> str:
        """The Host header, as sent; ``127.0.0.1`` where HTTP/1.0 sent none."""
        return self.headers.get("Host", "127.0.0.1")

    @property
    def host_name(self) -> str:
        """``host`` without its port."""
        name, colon, port = self.host.rpartition(":")
        return name if colon and port.isdigit() else self.host

    @property
    def connection(self) -> Any:
        """The connection's channel."""
        return self._request.channel

    def full_url(self) -> str:
        """The URL that the client asked for."""
        return f"{self.protocol}://{self.host}{self.uri}"

    def request_time(self) -> float:
        """Seconds since the request line arrived."""
        return perf_counter() - self._request.started


def _valid_ip(text: str) -> str | None:
    if not text:
        return None
    try:
        ip_address(text)
    except ValueError:
        return None
    return text
