"""What a native resource writes, held back until the session that it has changed is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

#: What it is doing: waiting for the first byte, storing the session, letting everything pass, dropping everything.
_WAITING, _STORING, _PASSING, _DROPPING = range(4)


class HeldAnswer:
    """Stands between a native resource and its request.

    The first byte waits until the session is stored and brings the cookies that the resource has set through its
    Context; the end waits until what has changed after that is stored. ``over`` fires when the request has finished,
    and fails where the session cannot be stored: nothing of the answer has been sent then, or its end has not, and
    nothing will.
    """

    def __init__(self, context: Context) -> None:
        self.over: Deferred[Any] = Deferred()
        context.native.notifyFinish().addBoth(self._settle)
        self._context = context
        self._request = context.native
        self._state = _WAITING
        self._pieces: list[bytes] = []
        self._ending = False

    def write(self, data: bytes) -> bool:
        """Whether ``data`` may be sent now; else it is sent later."""
        if self._state in (_PASSING, _DROPPING):
            return self._state == _PASSING
        self._pieces.append(data)
        if self._state == _WAITING:
            self._store()
        return False

    def end(self) -> bool:
        """Whether the request may finish now; else it does later."""
        if self._state == _DROPPING or self._ending:
            return False
        self._ending = True
        if self._state != _STORING:
            if self._state == _WAITING:
                self._pieces.append(b"")
            self._store()
        return False

    def _store(self) -> None:
        self._state = _STORING
        Deferred.fromCoroutine(self._context.save_session()).addCallbacks(self._stored, self._not_stored)

    def _stored(self, _: object) -> None:
        request = self._request
        if request._disconnected:
            self._state = _DROPPING
            return
        if not request.startedWriting:
            request.cookies.extend(cookie.encode() for cookie in self._context.cookie_headers())
        self._state = _PASSING
        pieces, self._pieces = self._pieces, []
        for piece in pieces:
            request.write(piece)
        if self._ending:
            request.answer = None
            request.finish()

    def _not_stored(self, failure: Failure) -> None:
        self._state = _DROPPING
        self._pieces.clear()
        self._settle(failure)

    def _settle(self, result: object) -> None:
        if not self.over.called:
            self.over.callback(result)
