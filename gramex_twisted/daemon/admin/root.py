"""The admin's site: who may see what. Everything is shut unless it is said here to be open."""

from __future__ import annotations

import re
from hmac import compare_digest
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET

from gramex_twisted.daemon.admin.access import LASTS, Access, Login, TooManyAttemptsError
from gramex_twisted.daemon.admin.history import History
from gramex_twisted.daemon.admin.pages import Pages
from gramex_twisted.services.logtail import LogTail
from gramex_twisted.services.measures import Measures
from gramex_twisted.web.channel import Limits
from gramex_twisted.web.request import Request
from gramex_twisted.web.site import Site, peer_of

if TYPE_CHECKING:
    from gramex_twisted.daemon.service import GramexDaemon

log = Logger()

LOGIN, LOGOUT, HOME = b"/admin/login", b"/admin/logout", b"/admin/"
#: What anybody may ask for.
OPEN = frozenset({b"/live", b"/ready", LOGIN})
STATIC = b"/admin/static/"
#: A cookie does not know of ports: this path keeps it from other servers of the same host.
COOKIE_PATH = b"/admin/"
_PAGE = re.compile(rb"/admin/[A-Za-z0-9?=&%._+-]*")
LIMITS = Limits(
    max_body_size=16 << 10,
    max_header_size=16 << 10,
    max_headers=100,
    header_timeout=20,
    body_timeout=20,
    idle_timeout=60,
)
HEADERS = {
    b"Cache-Control": b"no-store",
    b"Content-Security-Policy": b"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    b"img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    b"Cross-Origin-Opener-Policy": b"same-origin",
    b"Cross-Origin-Resource-Policy": b"same-origin",
    b"Referrer-Policy": b"same-origin",
    b"X-Content-Type-Options": b"nosniff",
}


class AdminRequest(Request):
    """A request of the admin. ``login``: that of the browser that sent it, if it has logged in."""

    login: Login | None = None


class AdminSite(Site):
    """Answers the admin's requests, while it is open."""

    requestFactory = AdminRequest

    def __init__(self, daemon: GramexDaemon, reactor: Any, measures: Measures, tail: LogTail) -> None:
        self.access = Access(reactor)
        self.history = History(reactor, measures)
        self.daemon = daemon
        pages = Pages(daemon, self.history, measures, tail)
        super().__init__(Root(daemon, self.access, pages), reactor, LIMITS)  # type: ignore[arg-type]
        self.noisy = False

    def open(self, token: str) -> None:
        """Let in who has ``token``."""
        self.access.use(token)
        self.history.start()

    def shut(self) -> None:
        """End all that goes on."""
        self.history.stop()
        self.abort()


class Root:
    """Lets the right ones through to ``pages``. It is root and endpoint in one."""

    isLeaf = True
    max_body_size = LIMITS.max_body_size

    def __init__(self, daemon: GramexDaemon, access: Access, pages: Pages) -> None:
        self.daemon = daemon
        self.access = access
        self.pages = pages.resource()

    @property
    def services(self) -> Any:
        """Whose threads store a long body, which there is none of here."""
        return self.daemon.app.shared

    def getChildWithDefault(self, path: bytes, request: AdminRequest) -> Root:
        """See IResource."""
        return self

    def streams_body(self, request: AdminRequest) -> bool:
        """Never."""
        return False

    def held(self, seconds: float) -> None:
        """A step held the reactor."""
        log.warn("admin: held the reactor for {ms} ms", ms=round(seconds * 1000))

    def render(self, request: AdminRequest) -> int:
        """Start to answer ``request``."""
        request.setHeader(b"Server", request.site.server)
        request.setHeader(b"Date", request.site.date)
        for name, value in HEADERS.items():
            request.setHeader(name, value)
        answering = Deferred.fromCoroutine(self._answer(request))
        answering.addErrback(self._failed, request)
        return NOT_DONE_YET

    def _failed(self, failure: Failure, request: AdminRequest) -> None:
        log.failure("admin: {uri} failed", failure, uri=request.uri.decode("latin-1"))
        if not request.startedWriting and not request._disconnected:
            answer(request, 500, "the server's log says why")

    async def _answer(self, request: AdminRequest) -> None:
        if request.refusal is not None:
            answer(request, request.refusal.status_code, str(request.refusal.reason))
        elif request.path == b"/":
            redirect(request, HOME)
        elif not self.daemon.started and request.path not in (b"/live", b"/ready"):
            answer(request, 503, "the server is starting")
        elif request.path in OPEN or request.path.startswith(STATIC):
            await self._open(request)
        elif await self._admitted(request):
            self._pass(request)

    def _pass(self, request: AdminRequest) -> None:
        request.prepath, request.postpath = [], request.path.split(b"/")[1:]
        request.render(self.pages)

    # Who is it? -------------------------------------------------------------------------------------------------------

    async def _admitted(self, request: AdminRequest) -> bool:
        """Whether it may go on; else it has been answered."""
        kind, _, token = (request.getHeader(b"Authorization") or b"").partition(b" ")
        if kind.lower() == b"bearer":
            return await self._admitted_by_token(request, token.strip())
        cookie = _text(request.getCookie(cookie_name(request)))
        request.login = self.access.login_of(cookie)
        if request.login is None:
            self._ask_for_login(request)
            return False
        if request.method not in (b"GET", b"HEAD") and not self._is_own(request, request.login):
            answer(request, 403, "this form is not of the admin, or too old: go back, reload the page and try again")
            return False
        if request.path == LOGOUT:
            self._log_out(request, cookie)
            return False
        return True

    async def _admitted_by_token(self, request: AdminRequest, token: bytes) -> bool:
        if await self._opens(request, token):
            return True
        if not request.startedWriting and not request._disconnected:
            request.setHeader(b"WWW-Authenticate", b'Bearer realm="admin", error="invalid_token"')
            answer(request, 401, "the token is wrong")
        return False

    async def _opens(self, request: AdminRequest, token: bytes) -> bool:
        """Whether the token is right. One of too many is answered."""
        try:
            return await self.access.opens(_text(token) or "", peer_of(request))
        except TooManyAttemptsError:
            request.setHeader(b"Retry-After", b"8")
            answer(request, 429, "too many wrong tokens at once: wait a moment, then try again")
            return False

    def _ask_for_login(self, request: AdminRequest) -> None:
        accept = request.getHeader(b"Accept") or b""
        if request.method in (b"GET", b"HEAD") and b"text/html" in accept:
            redirect(request, LOGIN + b"?next=" + quote(request.uri, safe="").encode())
        else:
            request.setHeader(b"WWW-Authenticate", b'Bearer realm="admin"')
            answer(request, 401, "send the token: Authorization: Bearer ...")

    def _is_own(self, request: AdminRequest, login: Login) -> bool:
        """Whether a form of the admin's own pages was sent."""
        sent = _text(request.args.get(b"_xsrf", [b""])[0]) or ""
        return same_origin(request) and compare_digest(sent.encode("utf-8", "replace"), login.xsrf.encode())

    # Logging in and out -----------------------------------------------------------------------------------------------

    async def _open(self, request: AdminRequest) -> None:
        if request.path != LOGIN:
            self._pass(request)
            return
        request.login = self.access.login_of(_text(request.getCookie(cookie_name(request))))
        if request.method != b"POST":
            if request.login is not None:
                redirect(request, HOME)
            else:
                self._pass(request)
        elif not same_origin(request):
            answer(request, 403, "this form is not of the admin")
        elif await self._opens(request, request.args.get(b"token", [b""])[0].strip()):
            self._set_cookie(request, self.access.log_in().encode(), int(LASTS))
            log.info("admin: a log-in from {address}", address=peer_of(request))
            redirect(request, safe_next(request.args.get(b"next", [b""])[0]))
        elif not request.startedWriting and not request._disconnected:
            request.setResponseCode(403)
            self._pass(request)  # the form, which says that the token was wrong

    def _log_out(self, request: AdminRequest, cookie: str | None) -> None:
        if request.method != b"POST":
            answer(request, 405, "log out by the button")
            return
        self.access.log_out(cookie)
        self._set_cookie(request, b"", 0)
        redirect(request, LOGIN)

    def _set_cookie(self, request: AdminRequest, value: bytes, max_age: int) -> None:
        request.addCookie(
            cookie_name(request),
            value,
            path=COOKIE_PATH,
            max_age=str(max_age).encode(),
            secure=request.isSecure(),
            httpOnly=True,
            sameSite=b"strict",
        )


def cookie_name(request: AdminRequest) -> bytes:
    """The name has the port, so that one can be logged in to the admins of several servers of a host."""
    port = (request.getHeader(b"Host") or b"").rpartition(b":")[2]
    return b"gramex-admin-%b" % port if port.isdigit() and len(port) <= 5 else b"gramex-admin"


def same_origin(request: AdminRequest) -> bool:
    """Whether a page of this very origin sent the form, as far as the browser tells."""
    site, origin = request.getHeader(b"Sec-Fetch-Site"), request.getHeader(b"Origin")
    if site is not None and site not in (b"same-origin", b"none"):
        return False
    return origin is None or urlsplit(origin).netloc == (request.getHeader(b"Host") or b"")


def safe_next(path: bytes) -> bytes:
    """A page of the admin to go on with: ``path`` where it is one."""
    return path if _PAGE.fullmatch(path) else HOME


def answer(request: AdminRequest, status: int, text: str) -> None:
    """A short answer for people and programs."""
    body = f"{status} {HTTPStatus(status).phrase}: {text}\n".encode()
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
    request.setHeader(b"Content-Length", str(len(body)).encode())
    request.write(body)
    request.finish()


def redirect(request: AdminRequest, path: bytes) -> None:
    """See another page."""
    request.setResponseCode(303)
    request.setHeader(b"Location", path)
    request.setHeader(b"Content-Length", b"0")
    request.write(b"")
    request.finish()


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "surrogateescape")
