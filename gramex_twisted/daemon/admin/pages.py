"""The pages of the admin, a Klein app: each is plain data, shown to people as HTML and to programs as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
from klein import Klein
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from werkzeug.exceptions import HTTPException, NotFound

from gramex_twisted.daemon.admin import formats
from gramex_twisted.daemon.admin.health import READY, state
from gramex_twisted.daemon.admin.history import History
from gramex_twisted.daemon.admin.listing import LEVELS, config_text, log_lines, routes_of, schedules_of
from gramex_twisted.daemon.admin.metrics import Exposition
from gramex_twisted.daemon.admin.numbers import Numbers, SessionCount, numbers_of
from gramex_twisted.daemon.admin.overview import overview_of
from gramex_twisted.daemon.admin.visitors import end_session, sessions_of, user_keys
from gramex_twisted.services.measures import Measures
from gramex_twisted.services.scheduler.service import Scheduler
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.services.templates import Templates

if TYPE_CHECKING:
    from gramex_twisted.daemon.admin.root import AdminRequest
    from gramex_twisted.daemon.service import GramexDaemon
    from gramex_twisted.services.logtail import LogTail

log = Logger()

FOLDER = Path(__file__).parent
STATIC = {"style.css": b"text/css", "admin.js": b"text/javascript", "icon.svg": b"image/svg+xml"}
TEXT, HTML, JSON = b"text/plain; charset=utf-8", b"text/html; charset=utf-8", b"application/json"
#: Titles of the pages, in the order of their links.
TITLES = {
    "overview": "Overview",
    "routes": "Routes",
    "schedules": "Schedules",
    "sessions": "Sessions",
    "log": "Log",
    "config": "Configuration",
}
#: Seconds after which a page that is being watched is fetched again.
REFRESH = {"overview": 5, "routes": 5, "schedules": 5, "log": 3}
Names = dict[str, Any]


class Pages:
    """What there is to see and to do in the admin of ``daemon``. Who may, has been decided before."""

    router = Klein()

    def __init__(self, daemon: GramexDaemon, history: History, measures: Measures, tail: LogTail) -> None:
        self.daemon = daemon
        self.history = history
        self.measures = measures
        self.tail = tail
        self.exposition = Exposition()
        self.sessions = SessionCount(history.reactor.seconds)
        self.templates = Templates(watch=False)

    def resource(self) -> Any:
        """The Klein app as a Twisted resource."""
        return self.router.resource()

    async def numbers(self) -> Numbers:
        """How the server is now."""
        daemon = self.daemon
        ready = state(daemon) == READY
        sessions = await self.sessions.of(daemon.app)
        return numbers_of(daemon, self.measures, ready=ready, delay=self.history.delay, sessions=sessions)

    # For programs -----------------------------------------------------------------------------------------------------

    @router.route("/live")
    def live(self, request: AdminRequest) -> bytes:
        """The reactor answers: that is all that can be said."""
        return sent(request, b"live\n")

    @router.route("/ready")
    def ready(self, request: AdminRequest) -> bytes:
        """Whether requests are welcome."""
        found = state(self.daemon)
        request.setResponseCode(200 if found == READY else 503)
        return sent(request, f"{found}\n".encode())

    @router.route("/metrics")
    @router.route("/admin/metrics")
    async def metrics(self, request: AdminRequest) -> bytes:
        """For Prometheus."""
        accept = (request.getHeader(b"Accept") or b"").decode("latin-1")
        body, content_type = await deferToThread(self.exposition.text, await self.numbers(), accept)
        return sent(request, body, content_type.encode())

    @router.route("/admin/static/<name>")
    def static(self, request: AdminRequest, name: str) -> bytes:
        """What the pages are drawn with."""
        if name not in STATIC:
            raise NotFound
        request.setHeader(b"Cache-Control", b"max-age=300")
        return sent(request, (FOLDER / "static" / name).read_bytes(), STATIC[name])

    @router.handle_errors(HTTPException)
    def wrong(self, request: Any, failure: Any) -> bytes:
        """Addresses that there are not, methods that they do not have."""
        request.setResponseCode(failure.value.code)
        return sent(request, f"{failure.value.code} {failure.value.name}\n".encode())

    @router.handle_errors(StoreError)
    def store_fails(self, request: Any, failure: Any) -> bytes:
        """Sessions cannot be told now."""
        request.setResponseCode(503)
        return sent(request, f"503 Service Unavailable: {failure.value}\n".encode())

    @router.handle_errors(Exception)
    def failed(self, request: Any, failure: Any) -> bytes:
        """A mistake of ours."""
        log.failure("admin: {uri} failed", failure, uri=request.uri.decode("latin-1"))
        request.setResponseCode(500)
        return sent(request, b"500 Internal Server Error: the server's log says why\n")

    # Pages ------------------------------------------------------------------------------------------------------------

    @router.route("/admin/login", methods=["GET", "POST"])
    async def login(self, request: AdminRequest) -> bytes:
        """The form for the token."""
        wanted = request.args.get(b"next", [b""])[0].decode("utf-8", "replace")
        return await self._draw(
            request, "login", {"next": wanted, "wrong": request.method == b"POST", "title": "Log in"}
        )

    @router.route("/admin/")
    async def overview(self, request: AdminRequest) -> bytes:
        """How the server is."""
        found = overview_of(self.daemon, await self.numbers(), self.history, self.tail)
        return await self._show(request, "overview", found)

    @router.route("/admin/routes")
    async def routes(self, request: AdminRequest) -> bytes:
        """The routes, and what they have answered."""
        rows = routes_of(self.daemon.app, (await self.numbers()).routes)
        return await self._show(request, "routes", {"routes": rows})

    @router.route("/admin/schedules")
    async def schedules(self, request: AdminRequest) -> bytes:
        """The schedules and alerts."""
        return await self._show(request, "schedules", {"schedules": schedules_of(self.daemon.app)})

    @router.route("/admin/schedules/run", methods=["POST"])
    async def run(self, request: AdminRequest) -> bytes:
        """Run one now, whatever its times."""
        name = _argument(request, b"name")
        try:
            running = self.daemon.app.shared.part(Scheduler).run_now(name)
        except KeyError:
            return self._done(request, "schedules", "There is no such schedule.", 404)
        except RuntimeError as error:
            return self._done(request, "schedules", f"{error}.", 409)
        log.info("admin: {name}: run now", name=name)
        running.addErrback(lambda failure: log.failure("admin: {name}", failure, name=name))
        return self._done(request, "schedules", f"{name} has begun.")

    @router.route("/admin/sessions")
    async def visitors(self, request: AdminRequest) -> bytes:
        """Who is signed in."""
        app = self.daemon.app
        found = await sessions_of(app.shared.sessions, user_keys(app), _argument(request, b"user"))
        return await self._show(request, "sessions", found)

    @router.route("/admin/sessions/end", methods=["POST"])
    async def end(self, request: AdminRequest) -> bytes:
        """End a session."""
        if await end_session(self.daemon.app.shared.sessions, _argument(request, b"id")):
            return self._done(request, "sessions", "The session has ended.")
        return self._done(request, "sessions", "There is no such session any more.", 404)

    @router.route("/admin/log")
    async def log_tail(self, request: AdminRequest) -> bytes:
        """The last lines of the log, the newest first."""
        level = _argument(request, b"level")
        level = level if level in LEVELS else "all"
        lines = log_lines(self.tail, self.daemon.app.config, level)
        return await self._show(request, "log", {"lines": lines[::-1], "level": level, "levels": list(LEVELS)})

    @router.route("/admin/config")
    async def config(self, request: AdminRequest) -> bytes:
        """What holds, without secrets."""
        config = self.daemon.app.config
        found = {"files": [str(file) for file in config.files], "warnings": [str(text) for text in config.warnings]}
        return await self._show(request, "config", {**found, "yaml": await deferToThread(config_text, config)})

    # Answers ----------------------------------------------------------------------------------------------------------

    async def _show(self, request: AdminRequest, page: str, data: Names) -> bytes:
        if wants_json(request):
            return sent(request, orjson.dumps(data, default=str), JSON)
        return await self._draw(request, page, {**data, "title": TITLES[page], "notice": _argument(request, b"notice")})

    async def _draw(self, request: AdminRequest, page: str, names: Names) -> bytes:
        watch = REFRESH.get(page, 0) if _argument(request, b"watch") else 0
        names = {
            **formats.HELPERS,
            **names,
            "page": page,
            "titles": TITLES,
            "xsrf": request.login.xsrf if request.login is not None else "",
            "watch": watch,
            "can_watch": page in REFRESH,
            "source": str(self.daemon.source),
        }
        body: bytes = await deferToThread(self.templates.render, FOLDER / "templates" / f"{page}.html", names)
        return sent(request, body, HTML)

    def _done(self, request: AdminRequest, page: str, notice: str, status: int = 200) -> bytes:
        """What came of a form: for people, the page again, which says so."""
        if wants_json(request):
            request.setResponseCode(status)
            return sent(request, orjson.dumps({"done": status == 200, "notice": notice}), JSON)
        request.setResponseCode(303)
        request.setHeader(b"Location", f"/admin/{page}?notice={quote(notice)}".encode())
        return sent(request, b"")


def sent(request: AdminRequest, body: bytes, content_type: bytes = TEXT) -> bytes:
    """``body``, with the headers that it needs."""
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Content-Length", str(len(body)).encode())
    return body


def wants_json(request: AdminRequest) -> bool:
    """Whether a program asks: one that does not ask for HTML."""
    return b"text/html" not in (request.getHeader(b"Accept") or b"")


def _argument(request: AdminRequest, name: bytes) -> str:
    return request.args.get(name, [b""])[0].decode("utf-8", "replace")
