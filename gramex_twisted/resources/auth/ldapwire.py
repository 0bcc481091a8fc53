"""One connection to an LDAP server, by ldaptor. Importing this imports the reactor."""

from __future__ import annotations

from typing import Any

from ldaptor.protocols import pureldap  # type: ignore[import-untyped]
from ldaptor.protocols.ldap.ldapclient import LDAPClient  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from gramex_twisted.resources.auth.asking import SignInError
from gramex_twisted.resources.auth.directory import REFUSALS, UNREACHABLE, Entry

#: Bytes that a server may send in one conversation.
LONGEST = 1 << 20
#: What every LDAPMessage begins with: a SEQUENCE.
_MESSAGE = b"\x30"
#: The result codes that a search may end with: success, and sizeLimitExceeded, since few entries are asked for.
_FOUND = frozenset({0, 4})


class Connection(LDAPClient):  # type: ignore[misc]
    """A connection for one conversation."""

    def __init__(self) -> None:
        super().__init__()
        self.received = 0
        self.broken: Failure | None = None

    def dataReceived(self, recd: bytes) -> None:
        """Read answers. Whatever is wrong with them ends the conversation."""
        if self.broken is not None:
            return
        self.received += len(recd)
        try:
            if self.received > LONGEST:
                raise ValueError(f"more than {LONGEST} bytes")
            if not (self.buffer or recd).startswith(_MESSAGE):
                raise ValueError("not LDAP")
            super().dataReceived(recd)
        except Exception as error:  # noqa: BLE001 - bytes from elsewhere; ldaptor checks them by assertions
            reason = f"the directory's answer cannot be read: {error or type(error).__name__}"
            self.broken = Failure(SignInError(502, UNREACHABLE, reason))
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Whoever waits for an answer learns why none comes."""
        super().connectionLost(self.broken or reason)

    def hang_up(self) -> None:
        """End the conversation, also one that stands still."""
        if self.connected:
            self.transport.abortConnection()

    async def start_tls(self, options: Any) -> None:
        """Go on in TLS. Until then nothing is told, and nothing believed."""
        answer = await self._ask(pureldap.LDAPStartTLSRequest(), pureldap.LDAPExtendedResponse)
        if answer.resultCode != 0:
            raise SignInError(502, UNREACHABLE, f"the directory refuses StartTLS: {_said(answer)}")
        if self.buffer:
            raise SignInError(502, UNREACHABLE, "the directory sent more than it should before StartTLS")
        self.transport.startTLS(options)

    async def bind(self, name: str, password: str) -> str:
        """Bind as ``name``. Returns what the server says against it; "" when it is right.

        :raises ValueError: without a name or a password, with which servers bind as nobody, and say that it is right.
        :raises SignInError: when the server does not say either.
        """
        if not name or not password:
            raise ValueError("a bind needs a name and a password")
        request = pureldap.LDAPBindRequest(dn=_bytes(name), auth=_bytes(password))
        answer = await self._ask(request, pureldap.LDAPBindResponse)
        if answer.resultCode == 0:
            return ""
        if answer.resultCode not in REFUSALS:
            raise SignInError(502, UNREACHABLE, f"the directory cannot bind {name!r}: {_said(answer)}")
        return _said(answer)

    async def search(
        self, base: str, filter: bytes, attributes: list[str], *, own: bool = False, most: int = 2
    ) -> list[Entry]:
        """The first ``most`` entries under ``base`` that match; with ``own`` that of ``base`` alone.

        :param filter: in BER.
        :raises SignInError: when the server does not search.
        """
        request = pureldap.LDAPSearchRequest(
            baseObject=_bytes(base),
            scope=pureldap.LDAP_SCOPE_baseObject if own else pureldap.LDAP_SCOPE_wholeSubtree,
            sizeLimit=most,
            filter=_Filter(filter),
            attributes=[_bytes(name) for name in attributes],
        )
        entries: list[Entry] = []
        done: Deferred[Any] = Deferred()

        def heard(answer: Any) -> bool:
            if isinstance(answer, pureldap.LDAPSearchResultEntry):
                entries.append(_entry(answer))
            elif isinstance(answer, pureldap.LDAPSearchResultDone):
                done.callback(answer)
                return True
            return False

        waiting = self.send_multiResponse(request, heard)
        waiting.addErrback(done.errback)  # the connection is lost
        answer = await done
        if answer.resultCode not in _FOUND:
            raise SignInError(502, UNREACHABLE, f"the directory does not search {base!r}: {_said(answer)}")
        return entries[:most]

    async def _ask(self, request: Any, kind: type) -> Any:
        if not self.connected:
            raise ConnectionDone
        answer = await self.send(request)
        if not isinstance(answer, kind):
            raise SignInError(502, UNREACHABLE, f"the directory answered with {type(answer).__name__}")
        return answer


class _Filter:
    """A filter that is in BER already, as ldaptor takes it."""

    def __init__(self, wire: bytes) -> None:
        self.wire = wire

    def toWire(self) -> bytes:
        return self.wire


def _entry(answer: Any) -> Entry:
    attributes = tuple(
        (name.decode("utf-8", "replace"), tuple(bytes(value) for value in values)) for name, values in answer.attributes
    )
    return Entry(answer.objectName.decode("utf-8"), attributes)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _said(answer: Any) -> str:
    message = bytes(getattr(answer, "errorMessage", b"") or b"").decode("utf-8", "replace")
    return f"result {answer.resultCode} {message}"[:200].strip()
