"""One request to the upstream, and what becomes of it."""

from __future__ import annotations

from typing import Any, TypeVar

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectError,
    ConnectionClosed,
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed
from twisted.web.error import SchemeNotSupported
from twisted.web.http_headers import Headers

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.proxy.patience import Patience, Watch
from gramex_twisted.resources.proxy.sending import Sender
from gramex_twisted.services.upstream.agent import Upstream
from gramex_twisted.services.upstream.head import BadResponseError
from gramex_twisted.services.upstream.response import Response
from gramex_twisted.web.stream import ClientGone

log = Logger()
T = TypeVar("T")


class Exchange:
    """A request, until its response has been passed on.

    ``patience`` runs all the while; ``finish`` ends it.

    :param native: Twisted's request: when its client leaves, the upstream learns it.
    :param watch: of the time that the upstream may be silent.
    """

    def __init__(self, upstream: Upstream, native: Any, watch: Watch) -> None:
        self._upstream = upstream
        self._native = native
        self._asking: Deferred[Any] | None = None
        self._response: Response | None = None
        self._left = False
        self.patience = Patience(watch, self.give_up)

    async def ask(self, method: bytes, url: bytes, headers: Headers, body: Any, route: str) -> Response:
        """The response, whose body may still be coming.

        :raises HTTPError: 502 where there is none, 504 where it does not come in time.
        :raises ClientGone: when the client has left.
        """
        if isinstance(body, Sender):
            body.patience = self.patience
        if self._native._disconnected:
            raise ClientGone
        self._native.on_lost = self._client_left
        try:
            asking: Deferred[Any] = self._upstream.request(method, url, headers, body)
            self._asking = asking
            self._response = response = await asking
        except Exception as error:  # noqa: BLE001 - whatever a connection may fail with
            raise self._explained(error, url, route) from None
        finally:
            self._asking = None
        assert isinstance(response, Response)
        return response

    def body(self, response: Response) -> bytes:
        """The body of a response that is whole.

        :raises HTTPError: 502 where it broke off.
        """
        try:
            return response.take()
        except ResponseFailed as error:
            raise self._broken(error) from None

    async def carried(self, done: Deferred[T]) -> T:
        """What ``done`` comes to, which fires when the body has been taken.

        :raises HTTPError: 502 where it broke off, 504 where the upstream fell silent.
        """
        try:
            return await done
        except ResponseFailed as error:
            raise self._broken(error) from None

    def _broken(self, error: ResponseFailed) -> Exception:
        if self._left:
            return ClientGone()
        if self.patience.ended:
            return HTTPError(504, f"the upstream fell silent for {self.patience.seconds:g} s in its answer")
        cause = root(error)
        if isinstance(cause, (ClientGone, HTTPError)):
            return cause
        return HTTPError(502, f"the upstream's answer broke off: {type(cause).__name__}: {cause}")

    def finish(self) -> None:
        """The response has been passed on, or never will be."""
        self.patience.stop()
        if self._native.on_lost == self._client_left:
            self._native.on_lost = None

    def give_up(self) -> None:
        """Close the connection to the upstream."""
        if self._asking is not None:
            self._asking.cancel()
        elif self._response is not None:
            self._response.abortConnection()

    def _client_left(self) -> None:
        self._left = True
        self.give_up()

    def _explained(self, error: Exception, url: bytes, route: str) -> Exception:
        cause = root(error)
        if self._left or isinstance(cause, ClientGone):
            return ClientGone()
        if isinstance(cause, HTTPError):  # of the request's own body
            return cause
        if self.patience.ended:
            return HTTPError(504, f"the upstream did not answer within {self.patience.seconds:g} s")
        status, reason = explanation(cause)
        log.warn(
            "{route}: {url}: {error}", route=route, url=url.decode("latin-1").partition("?")[0], error=_text(cause)
        )
        return HTTPError(status, f"the upstream {reason}")


def root(error: BaseException) -> BaseException:
    """What has made a response fail."""
    while isinstance(error, ResponseFailed) and error.reasons:
        first = error.reasons[0]
        inner = first.value if isinstance(first, Failure) else first
        if inner is None:
            break
        error = inner
    return error


def explanation(cause: BaseException) -> tuple[int, str]:
    """The status for it, and what to tell the client, which learns nothing of addresses."""
    if isinstance(cause, (TimeoutError, CancelledError)):
        return 504, "did not take the connection in time"
    if isinstance(cause, (TLSError, VerificationError)):
        return 502, "is not who it should be, or speaks no TLS that is safe"
    if isinstance(cause, DNSLookupError):
        return 502, "cannot be found"
    if isinstance(cause, ConnectionRefusedError):
        return 502, "refused the connection"
    if isinstance(cause, (ConnectError, SchemeNotSupported, OSError)):
        return 502, "cannot be reached"
    if isinstance(cause, BadResponseError):
        return 502, "gave an answer that is no HTTP response"
    if isinstance(cause, ConnectionClosed):
        return 502, "closed the connection without a whole answer"
    return 502, "gave an answer that cannot be passed on"


def _text(cause: BaseException) -> str:
    return f"{type(cause).__name__}: {cause}"
