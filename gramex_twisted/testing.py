"""AppTestCase: an app from inline YAML, driven in memory. For the tests of your own apps.

    class HelloTests(AppTestCase):
        config = '''
        url:
          hello:
            pattern: /hello
            handler: FunctionHandler
            kwargs: {function: str("hello")}
        '''

        def test_hello(self):
            response = self.get("/hello")
            self.assertEqual((response.status, response.text), (200, "hello"))

Nothing listens and nothing waits: requests go through treq's in-memory agent, time is ``self.clock``, and functions
that would run in a thread run in one while the test waits. An ``async def`` may await Deferreds here, not asyncio.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any, ClassVar

import orjson
import treq
from treq.client import HTTPClient
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.task import Cooperator
from twisted.python.threadable import registerAsIOThread
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH
from twisted.web.resource import Resource

from gramex_twisted.app import Gramex
from gramex_twisted.config import reader, schema
from gramex_twisted.functions import ModuleSet, alias
from gramex_twisted.registry import Registry
from gramex_twisted.services.inline import InlineThreads
from gramex_twisted.services.logrows import Row
from gramex_twisted.web.channel import Limits
from gramex_twisted.web.site import Site


@dataclass(frozen=True)
class Response:
    """An answer: ``status``, ``headers`` (last value of each, by lower-case name) and ``body``."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    raw_headers: Headers

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode("utf-8")

    def json(self) -> Any:
        """The body, parsed as JSON."""
        return orjson.loads(self.body)

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value.decode("latin-1") for value in self.raw_headers.getRawHeaders(name.encode(), [])]


#: What a browser adds to a fetch() from a page of the same site, which needs no XSRF token.
SAME_ORIGIN: Mapping[str, list[str]] = {"Sec-Fetch-Site": ["same-origin"], "Sec-Fetch-Mode": ["cors"]}


class Agent(RequestTraversalAgent):
    """treq's in-memory agent for a Site of ours. ``clock`` is the reactor of both ends."""

    def __init__(self) -> None:
        super().__init__(Resource())
        self.clock: Any = self._memoryReactor
        self._cooperator = Cooperator(scheduler=lambda step: self.clock.callLater(0, step))

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> Deferred[Any]:
        """Send a request."""
        parts = [value[-1] for _, value in getattr(bodyProducer, "_fields", ()) if isinstance(value, tuple)]
        for producer in (bodyProducer, *parts):
            if hasattr(producer, "_cooperate"):
                # It would read step by step on the global reactor, which does not run here.
                producer._cooperate = self._cooperator.cooperate
        response: Deferred[Any] = super().request(method, uri, headers, bodyProducer)
        return response

    def serve(self, site: Site) -> None:
        """Send requests to ``site`` from now on."""
        self._serverFactory = site


class App:
    """One running app. ``agent`` takes requests, ``gramex`` is the app, ``rows`` its access log."""

    def __init__(self, gramex: Gramex, agent: Agent, limits: Limits) -> None:
        self.gramex = gramex
        self.agent = agent
        self.site = Site(gramex.router, agent.clock, limits)
        agent.serve(self.site)
        self.new_client()
        self.rows: list[Row] = []
        gramex.shared.access_log.append = self.rows.append

    def new_client(self) -> None:
        """Be another client from now on: one without the cookies that this one was given."""
        self.client = HTTPClient(self.agent)

    def start(self, method: str, url: str, *, xsrf: bool = True, **options: Any) -> Deferred[Response]:
        """Begin a request; the Deferred fires with the Response once it is complete. ``options`` are treq's.

        POST, PUT, PATCH and DELETE look like a fetch() of the app's own page, so that they need no XSRF token;
        with ``xsrf=False`` they look like any other client's, and do.
        """
        like_own = SAME_ORIGIN if xsrf and method not in ("GET", "HEAD", "OPTIONS") else {}
        headers = {"Connection": ["close"], **like_own, **options.pop("headers", {})}
        options.setdefault("allow_redirects", False)
        options.setdefault("unbuffered", False)
        target = url if url.startswith("http") else f"http://127.0.0.1{url}"
        deferred: Deferred[Any] = self.client.request(method, target, headers=headers, **options)
        return deferred.addCallback(self._read)

    def _read(self, response: Any) -> Deferred[Response]:
        headers = {
            name.decode("latin-1").lower(): values[-1].decode("latin-1")
            for name, values in response.headers.getAllRawHeaders()
        }
        if response.length is not UNKNOWN_LENGTH:
            headers.setdefault("content-length", str(response.length))

        def made(body: bytes) -> Response:
            return Response(response.code, response.phrase.decode("latin-1"), headers, body, response.headers)

        content: Deferred[bytes] = treq.content(response)
        return content.addCallback(made)

    def pump(self) -> None:
        """Carry bytes between the clients and the server until there are none."""
        for _ in range(50):
            self.agent.flush()
            self.agent.clock.advance(0)


class AppTestCase(SynchronousTestCase):
    """A test case with an app. ``config`` is its gramex.yaml, ``files`` what lies beside it (path -> text or bytes)."""

    config: ClassVar[str] = ""
    files: ClassVar[Mapping[str, str | bytes]] = {}
    limits: ClassVar[Limits] = Limits()

    def setUp(self) -> None:
        """Make the folder, and the app if there is a ``config``."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        for name, content in self.files.items():
            self.write(name, content)
        self.app = self.make_app(self.config)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file of the app (dedented, if it is text)."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dedent(content).encode() if isinstance(content, str) else content)
        return path

    def make_app(self, config: str, registry: Registry | None = None) -> App:
        """One more app, from the YAML text ``config``; it lies in ``self.folder`` too."""
        path = self.write("gramex.yaml", config)
        environ = {**os.environ, "GRAMEXDATA": str(self.folder / "data")}
        self._importable()
        alias.install()
        registry = registry or Registry()
        loaded = schema.build(reader.read(path, environ=environ), registry)
        if not loaded.compat:
            alias.remove()
        agent = Agent()
        registerAsIOThread()  # what a reactor does when it starts: here nothing runs one
        gramex = Gramex(loaded, agent.clock, registry, threads=InlineThreads(agent.clock))
        gramex.startService()
        app = App(gramex, agent, self.limits)
        self.addCleanup(gramex.stopService)
        return app

    def _importable(self) -> None:
        """Let the app's Python files be imported, afresh in each test."""
        folder = str(self.folder)
        if folder not in sys.path:
            sys.path.insert(0, folder)
            self.addCleanup(ModuleSet([folder]).forget)
            self.addCleanup(sys.path.remove, folder)

    @property
    def clock(self) -> Any:
        """The reactor of ``self.app``: ``self.clock.advance(seconds)``."""
        return self.app.agent.clock

    def request(self, method: str, url: str, **options: Any) -> Response:
        """The answer to one request; fails the test when there is none yet. ``options`` are treq's, and ``xsrf``:
        false for a POST as other sites send it (``App.start``)."""
        deferred = self.app.start(method, url, **options)
        self.app.pump()
        return self.successResultOf(deferred)

    def get(self, url: str, **options: Any) -> Response:
        """The answer to a GET."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Response:
        """The answer to a POST."""
        return self.request("POST", url, **options)

    def log_of(self, url: str) -> Row:
        """The access log's row of the last request to ``url``."""
        return next(row for row in reversed(self.app.rows) if row[2] == url.encode())

    def forget_errors(self, *kinds: type[BaseException]) -> list[Any]:
        """Errors that were logged: the test expects them."""
        found: list[Any] = self.flushLoggedErrors(*kinds)
        return found
