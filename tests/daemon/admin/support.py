"""AdminCase: a daemon with its admin, in this process, on ports of its own."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, ClassVar

import treq
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from gramex_twisted.daemon.processlog import ProcessLog
from gramex_twisted.daemon.service import GramexDaemon
from gramex_twisted.daemon.source import Source
from gramex_twisted.functions import ModuleSet
from gramex_twisted.services.logobserver import StdlibObserver
from gramex_twisted.testing import Response

reactor: Any = installed
TOKEN = "only-the-tests-know-it"
#: Seconds that anything may take on a busy machine.
DEADLINE = 60.0


class AdminCase(TestCase):
    """``config``: the gramex.yaml without `app:`; ``app``: what that has beside the ports; ``files`` lie beside it."""

    timeout = 120
    config: ClassVar[str] = ""
    app: ClassVar[str] = "session: {type: memory}"
    files: ClassVar[Mapping[str, str]] = {}

    async def setUp(self) -> None:  # type: ignore[override]
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        for name, text in self.files.items():
            (self.folder / name).write_text(dedent(text))
        self.configure(self.config)
        self._path, data = list(sys.path), os.environ.get("GRAMEXDATA")
        os.environ["GRAMEXDATA"] = str(self.folder / "data")
        self.addCleanup(lambda: os.environ.update(GRAMEXDATA=data) if data else os.environ.pop("GRAMEXDATA", None))
        source = Source.find(str(self.folder / "gramex.yaml"))
        source.enter()
        config = source.load()
        log = ProcessLog("text", io.StringIO())
        log.apply(config)
        observer = StdlibObserver()
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.addCleanup(log.close)
        self.addCleanup(self._forget_modules)
        self.daemon = GramexDaemon(source, config, reactor, {}, log=log)
        self.daemon.startService()
        self.addCleanup(self.daemon.stopService)
        while not self.daemon.started:
            await turn()

    def _forget_modules(self) -> None:
        ModuleSet([self.folder]).forget()
        sys.path[:] = self._path

    def configure(self, config: str, app: str | None = None, token: str = TOKEN) -> None:
        """Write the gramex.yaml."""
        listen = "listen: {port: 0, address: 127.0.0.1}"
        admin = f"admin: {{listen: 127.0.0.1:0, token: {token}}}"
        inner = "".join(f"  {line}\n" for line in (listen, admin, *(app or self.app).splitlines()))
        (self.folder / "gramex.yaml").write_text(f"app:\n{inner}{dedent(config)}\ncompat: false\n")

    async def reload(self) -> None:
        """Reload, and wait until that has ended, however it did."""
        record = self.daemon.reloader.record
        before = record.done + record.failed
        self.daemon.reloader.request("the test")
        while record.done + record.failed == before:
            await turn()

    @property
    def url(self) -> str:
        """The app's."""
        return self.daemon.listeners.urls[0]

    @property
    def admin(self) -> str:
        """The admin's."""
        return self.daemon.admin.urls[0]

    async def ask(
        self, path: str, method: str = "GET", *, token: str | None = TOKEN, html: bool = False, **options: Any
    ) -> Response:
        """The admin's answer (or anybody's, by a whole URL) to a program with ``token``, or to a browser (``html``)."""
        headers = {"Accept": "text/html"} if html else {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        client = treq.client.HTTPClient(Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False)))
        url = path if path.startswith("http") else f"{self.admin}{path}"
        options = {"allow_redirects": False, **options, "headers": headers | options.pop("headers", {})}
        asking = Deferred.fromCoroutine(_answer(client, method, url, options))
        return await asking.addTimeout(DEADLINE, reactor)

    async def page(self, path: str, **options: Any) -> str:
        """A page as a browser with the token sees it."""
        response = await self.ask(path, html=True, **options)
        self.assertEqual((response.status, response.headers["content-type"]), (200, "text/html; charset=utf-8"))
        return response.text

    async def log_in(self) -> Browser:
        """A browser that has logged in."""
        response = await self.ask("/admin/login", "POST", token=None, html=True, data={"token": TOKEN})
        self.assertEqual((response.status, response.headers["location"]), (303, "/admin/"))
        return Browser(self, response.headers["set-cookie"])

    async def samples(self) -> dict[str, float]:
        """The metrics, by ``name{label=value,...}``."""
        response = await self.ask("/metrics")
        self.assertEqual(response.status, 200)
        return parsed(response.text)

    async def until(self, met: Any) -> None:
        """Wait until ``met()``."""
        waiting = Deferred.fromCoroutine(_until(met))
        await waiting.addTimeout(DEADLINE, reactor)


class Browser:
    """What a browser remembers: its cookie, and the token in the forms that it was sent."""

    def __init__(self, case: AdminCase, cookie: str) -> None:
        self.case = case
        self.set_cookie = cookie
        self.cookie = cookie.partition(";")[0]

    async def get(self, path: str) -> Response:
        """A page."""
        return await self.case.ask(path, token=None, html=True, headers={"Cookie": self.cookie})

    async def post(self, path: str, data: Mapping[str, str], **headers: str) -> Response:
        """Send a form as it is."""
        sent = {"Cookie": self.cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await self.case.ask(path, "POST", token=None, html=True, headers=sent, data=dict(data))

    async def xsrf(self) -> str:
        """What its forms must have."""
        found = re.search(r'name="_xsrf" value="([^"]+)"', (await self.get("/admin/schedules")).text)
        assert found is not None
        return found[1]


def parsed(text: str) -> dict[str, float]:
    """Metrics by ``name{label=value,...}``."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def turn() -> None:
    """Wait a turn of the reactor, and leave the processor to others."""
    waiting: Deferred[None] = Deferred()
    reactor.callLater(0.005, waiting.callback, None)
    await waiting


async def _until(met: Any) -> None:
    while not met():
        await turn()


async def _answer(client: Any, method: str, url: str, options: Any) -> Response:
    response = await client.request(method, url, **options)
    body = await response.content()
    headers = {
        name.decode("latin-1").lower(): values[-1].decode("latin-1")
        for name, values in response.headers.getAllRawHeaders()
    }
    return Response(response.code, response.phrase.decode("latin-1"), headers, body, response.headers)
