"""GramexLog: what ``gramex.log(...)`` is given, sent to Elasticsearch in bulk every few seconds: ``gramexlog:``."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from treq.client import HTTPClient
from twisted.application.service import Service
from twisted.internet.defer import Deferred, TimeoutError, gatherResults
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from gramex_twisted.config.gramexlogs import GramexLogApp
from gramex_twisted.errors import ConfigError
from gramex_twisted.services.container import Services
from gramex_twisted.services.fetching import too_late
from gramex_twisted.services.logkeys import build_keys

log = Logger()
#: Records that wait for one server; older ones are left out. Those of one request. Seconds for the last, at the end.
MOST_WAITING, BATCH, LAST = 100_000, 1000, 5.0


class GramexLogs(Service):
    """The logs of an app, by name. ``add`` them while the app is built."""

    name = "gramexlog"

    def __init__(self, services: Services) -> None:
        self.apps: dict[str, ElasticLog] = {}
        self.flush = 5.0
        self._services = services
        self._loop = LoopingCall(self.push)
        self._loop.clock = services.reactor

    def add(self, name: str, options: GramexLogApp, where: str) -> None:
        """One more.

        :raises ConfigError: for an unknown key.
        """
        self.apps[name] = ElasticLog(self._services, name, options, where)

    def log(self, *args: Any, **record: Any) -> None:
        """Keep ``record`` for the next push. Of a handler among ``args``, the arguments and the ``keys:``; a text among
        them is the name of a log; default: the first. From any thread.

        :raises ValueError: when there is no such log.
        """
        handler, name = None, next(iter(self.apps), None)
        for arg in args:
            if hasattr(getattr(arg, "args", None), "items"):
                handler = arg
            elif isinstance(arg, str):
                name = arg
        if name not in self.apps:
            raise ValueError(f"gramexlog: there is no {name!r}; there is {', '.join(self.apps) or 'none'}")
        self.apps[name].add(record, handler)

    def push(self) -> Deferred[None]:
        """Send what waits; fires when that has been tried."""
        pushing = [Deferred.fromCoroutine(app.push()) for app in self.apps.values()]
        return gatherResults(pushing).addCallback(lambda _: None)

    def startService(self) -> None:
        """See IService."""
        super().startService()
        if self.apps:
            self._loop.start(self.flush, now=False)

    def stopService(self) -> Deferred[None]:
        """Send what waits, if that is done soon."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        last = self.push().addTimeout(LAST, self._services.reactor, too_late)
        return last.addErrback(lambda failure: failure.trap(TimeoutError) and None)


class ElasticLog:
    """One entry."""

    def __init__(self, services: Services, name: str, options: GramexLogApp, where: str) -> None:
        self.name = name
        self.index = options.index or name
        self.waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._keys: Sequence[str] = options.keys
        try:
            self._values = build_keys(options.keys, where)
        except ConfigError as error:
            raise ConfigError(where, f"gramexlog.{name}.keys: {error.message}") from None
        self._options = options
        self._urls = options.urls
        self._reactor = services.reactor
        self._pushing: Deferred[None] | None = None
        self._failing = False

    def add(self, record: Mapping[str, Any], handler: Any) -> None:
        """Keep a record."""
        found = {key: values[-1] for key, values in handler.args.items() if values} if handler else {}
        found = {**record, **found}
        if handler is not None and self._keys:
            found.update(zip(self._keys, self._values(handler), strict=True))
        action = orjson.dumps({"index": {"_index": self.index}})
        self.waiting.append(action + b"\n" + orjson.dumps(found, default=str, option=orjson.OPT_NON_STR_KEYS) + b"\n")

    async def push(self) -> None:
        """Send what waits. What no server takes waits for the next time."""
        while self.waiting:
            batch = [self.waiting.popleft() for _ in range(min(BATCH, len(self.waiting)))]
            sent = False
            try:
                sent = await self._send(b"".join(batch))
            finally:
                if not sent:
                    self.waiting.extendleft(reversed(batch))
            if not sent:
                return

    async def _send(self, body: bytes) -> bool:
        error = ""
        for url in list(self._urls):
            try:
                await self._post(f"{url}/_bulk", body)
            except Exception as failed:  # noqa: BLE001 - whatever is wrong with one, another may do
                error = f"{url}: {str(failed) or type(failed).__name__}"
                self._urls.append(self._urls.pop(0))  # the next time, another first
                continue
            if self._failing:
                log.info("gramexlog.{name}: sending again", name=self.name)
            self._failing = False
            return True
        if not self._failing:
            log.error("gramexlog.{name}: {error}; {count} records wait", name=self.name, error=error,
                      count=len(self.waiting))  # fmt: skip
        self._failing = True
        return False

    async def _post(self, url: str, body: bytes) -> None:
        auth = self._options.http_auth
        pair = tuple(auth.split(":", 1)) if isinstance(auth, str) else tuple(auth) if auth else None
        headers = Headers({"Content-Type": ["application/x-ndjson"]})
        if self._options.api_key:
            headers.addRawHeader("Authorization", f"ApiKey {self._options.api_key}")
        agent = Agent(self._reactor, pool=HTTPConnectionPool(self._reactor, persistent=False), connectTimeout=10)
        client: Any = HTTPClient(agent)
        asking = Deferred.fromCoroutine(_answer(client.post(url, headers=headers, data=body, auth=pair)))
        code, content = await asking.addTimeout(self._options.timeout, self._reactor, too_late)
        if not 200 <= code < 300:
            raise RuntimeError(f"{code} {content[:300].decode('utf-8', 'replace')}")
        found = orjson.loads(content)
        if found.get("errors"):
            refused = [item["index"]["error"] for item in found["items"] if "error" in item.get("index", {})]
            log.error("gramexlog.{name}: {count} records refused, such as for: {reason}", name=self.name,
                      count=len(refused), reason=str(refused[:1])[:300])  # fmt: skip


async def _answer(asked: Deferred[Any]) -> tuple[int, bytes]:
    response = await asked
    return response.code, await response.content()
