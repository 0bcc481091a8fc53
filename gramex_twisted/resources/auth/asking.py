"""Asks a sign-in provider over HTTP, and believes little: deadlines, bounded answers, JSON or nothing, no redirects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from treq.client import HTTPClient
from twisted.internet import defer
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError, TimeoutError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone, ResponseFailed
from twisted.web.error import SchemeNotSupported
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers

from gramex_twisted import __version__

#: Bytes of an answer that are read.
LONGEST = 256 << 10
UNREACHABLE = "The sign-in service cannot be reached now. Try again in a moment."
SLOW = "The sign-in service takes too long to answer. Try again in a moment."
NONSENSE = "The sign-in service gave an answer that cannot be used. Try again, or tell whoever runs this site."


class SignInError(Exception):
    """Why somebody cannot be signed in.

    :param status: of the page that says so.
    :param message: what the page says.
    :param detail: what the log says.
    """

    def __init__(self, status: int, message: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Answer:
    """What a provider says: a status and a JSON object."""

    status: int
    body: Mapping[str, Any]


class Asker:
    """Sends requests to one provider.

    :param seconds: that a provider has for one answer, from the connection to the last byte.
    """

    def __init__(self, reactor: Any, seconds: float) -> None:
        self.reactor = reactor
        self.seconds = seconds

    async def ask(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer of ``url``, whatever its status.

        :raises SignInError: 502 when there is none, or none that is a JSON object; 504 when it does not come in time.
        """
        told = {"Accept": "application/json", "User-Agent": f"gramex-twisted/{__version__}", **(headers or {})}
        work = defer.Deferred.fromCoroutine(self._ask(method, url, told, form))
        try:
            return await work.addTimeout(self.seconds, self.reactor, _too_late)
        except TimeoutError:
            raise SignInError(504, SLOW, f"{url}: no answer within {self.seconds:g} s") from None
        except (ConnectError, ConnectionClosed, DNSLookupError, ResponseFailed, SchemeNotSupported) as error:
            raise SignInError(502, UNREACHABLE, f"{url}: {_reason(error)}") from None

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None) -> Answer:
        # A client of its own for each request: one keeps cookies, which must not go from one visitor to the next.
        client = HTTPClient(Agent(self.reactor, connectTimeout=self.seconds))
        response = await client.request(
            method,
            url,
            headers=Headers({name: [value] for name, value in headers.items()}),
            data=None if form is None else dict(form),
            allow_redirects=False,
            unbuffered=True,
            reactor=self.reactor,
        )
        kind = (response.headers.getRawHeaders("Content-Type") or [""])[-1].partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            _hang_up(response)
            raise SignInError(502, NONSENSE, f"{url}: answered {response.code} with {kind or 'no type'!r}, not JSON")
        reader = _Reader(LONGEST)
        response.deliverBody(reader)
        body = await reader.finished
        if body is None:
            raise SignInError(502, NONSENSE, f"{url}: answered with more than {LONGEST} bytes")
        return Answer(response.code, _object(url, body))


def _too_late(_outcome: Answer | Failure, _seconds: float) -> Answer:
    # Whatever cancelling a request at this stage comes to.
    raise TimeoutError


def _object(url: str, body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SignInError(502, NONSENSE, f"{url}: answered with what is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise SignInError(502, NONSENSE, f"{url}: answered with JSON that is no object")
    return found


class _Reader(Protocol):
    """Gathers a body; ``finished`` fires with it, or with None once it is longer than ``most`` bytes. Cancelling hangs
    up."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.body = bytearray()
        self.finished: defer.Deferred[bytes | None] = defer.Deferred(lambda _: self._stop())

    def dataReceived(self, data: bytes) -> None:
        self.body += data
        if len(self.body) > self.most and not self.finished.called:
            self._stop()
            self.finished.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.finished.called:
            return
        # Without a length, HTTP/1.0 ends a body by closing; what is cut off is not JSON.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.finished.callback(bytes(self.body))
        else:
            self.finished.errback(reason)

    def _stop(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


def _hang_up(response: Any) -> None:
    reader = _Reader(0)
    reader.finished.addErrback(lambda _: None)  # nobody waits for this body
    response.deliverBody(reader)
    if not reader.finished.called:
        reader.finished.callback(None)
    reader._stop()


def _reason(error: Exception) -> str:
    reasons = getattr(error, "reasons", None)
    if reasons:
        return "; ".join(str(reason.value) or type(reason.value).__name__ for reason in reasons)
    return str(error) or type(error).__name__
