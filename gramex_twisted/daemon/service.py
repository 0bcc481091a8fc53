"""GramexDaemon: what is of the process and not of one app.

It owns the Site, the ports, the current Gramex and the process-wide effects: signals, sys.path, logging, systemd. An
app comes and goes with each reload; this stays.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.app import Gramex
from gramex_twisted.config.document import Config
from gramex_twisted.config.settings import Listen
from gramex_twisted.daemon.admin.service import AdminChange, Administration
from gramex_twisted.daemon.browser import open_browser
from gramex_twisted.daemon.differences import tell_differences
from gramex_twisted.daemon.listeners import Change, Listeners, listeners_of
from gramex_twisted.daemon.notify import Notifier
from gramex_twisted.daemon.processlog import ProcessLog
from gramex_twisted.daemon.reload import Reloader, lines
from gramex_twisted.daemon.sockets import Inherited, ListenError
from gramex_twisted.daemon.source import Source
from gramex_twisted.daemon.starting import Starting
from gramex_twisted.web.channel import Limits
from gramex_twisted.web.site import Site

log = Logger()

EXIT_FAILURE, EXIT_CONFIG = 1, 64
#: Seconds in which requests that lie in the kernel are read, before connections without a request are closed.
GRACE = 0.05
#: Seconds in which an app whose requests were cut may still stop in order: its threads are of no more use.
LAST_CALL = 0.5


class GramexDaemon(MultiService):
    """Serves the app of ``source``, whose first ``config`` has been loaded already, and whose ``log:`` is in effect.

    ``startService`` exits with one line and status 1 when a port cannot be opened, and with 64 when the app is at
    fault. SIGHUP reloads; SIGTERM and SIGINT finish what runs, for ``app.shutdown_timeout`` seconds at most, and end
    with status 0; a second one does not wait.
    """

    app: Gramex

    def __init__(
        self,
        source: Source,
        config: Config,
        reactor: Any,
        environ: MutableMapping[str, str] = os.environ,
        *,
        log: ProcessLog | None = None,
    ) -> None:
        super().__init__()
        self.source = source
        self.reactor = reactor
        self.notifier = Notifier(reactor, environ)
        self.site = Site(Starting(), reactor, limits_of(config.app.listen))
        self.site.noisy = False  # it is started and stopped with every port
        self.listeners = Listeners(reactor, self.site, Inherited(environ))
        self.admin = Administration(self, reactor, self.listeners.inherited)
        self.reloader = Reloader(self, reactor)
        self.log = log
        self._first_config = config
        self._exit_status = 0
        self.started = self.stopping = False
        self._hurry: Deferred[None] = Deferred()
        self._handlers: dict[int, Any] = {}

    @property
    def status(self) -> str:
        """One line for people: what is served, and where."""
        return f"serving {self.source} on {', '.join(self.listeners.urls)}"

    def make_app(self, config: Config) -> Gramex:
        """An app for ``config``, not started."""
        measures = self.admin.measures if config.app.admin is not None else None
        return Gramex(config, self.reactor, previous=getattr(self, "app", None), measures=measures)

    @property
    def apps(self) -> list[Gramex]:
        """The current app, and those before it that still have something to finish."""
        return [app for app in self if isinstance(app, Gramex)]

    async def prepare(self, config: Config) -> Changes:
        """Open the ports that ``config`` wants: all of them, or none and ListenError is raised (or ConfigError)."""
        change = await self.listeners.prepare(listeners_of(config.app.listen))
        try:
            return Changes(change, await self.admin.prepare(config))
        except BaseException:
            change.abandon()
            raise

    def use(self, app: Gramex) -> None:
        """Let ``app`` answer from now on."""
        for warning in app.config.warnings:
            log.warn("{warning}", warning=str(warning))
        self.app = app
        self.site.resource = app.router
        self.site.limits = limits_of(app.config.app.listen)

    # Start ------------------------------------------------------------------------------------------------------------

    def startService(self) -> None:
        super().startService()
        Deferred.fromCoroutine(self._start()).addErrback(self._start_failed)
        if self._exit_status:
            raise SystemExit(self._exit_status)

    async def _start(self) -> None:
        """Open the ports and build the app, before the reactor runs wherever that is possible; then announce it."""
        config = self._first_config
        change = await self.prepare(config)
        app = self.make_app(config)
        app.setServiceParent(self)
        self.use(app)
        await app.ready()
        await change.commit()
        running: Deferred[None] = Deferred()
        self.reactor.callWhenRunning(running.callback, None)
        await running
        self._install_signals()
        self.started = True
        self.notifier.start_watchdog()
        self.reloader.watch(config)
        log.info("{status}", status=self.status)
        self.notifier.ready(self.status)
        open_browser(config.app.browser, self.listeners.urls)
        tell_differences(app)

    def _start_failed(self, failure: Failure) -> None:
        """Say why in as few lines as it takes, and end the process: nothing would be served."""
        error = failure.value
        told = lines(error) if error is not None else []
        sys.stderr.write("\n".join(told or [failure.getTraceback().rstrip()]) + "\n")
        self._exit_status = EXIT_CONFIG if told and not failure.check(ListenError) else EXIT_FAILURE
        if self.reactor.running:
            self.reactor.addSystemEventTrigger("after", "shutdown", self._exit_process)
            self.reactor.stop()

    def _limit_exit(self) -> None:
        """Python waits for threads that user code has started, for ever if need be: end without them then."""
        timer = threading.Timer(LAST_CALL, self._exit_process)
        timer.daemon = True
        timer.start()

    def _exit_process(self) -> None:
        """End with a status once the reactor has stopped: ``twist`` itself knows only success."""
        if self.log is not None:
            self.log.close()
        sys.stderr.flush()
        os._exit(self._exit_status)

    # Signals ----------------------------------------------------------------------------------------------------------

    def _install_signals(self) -> None:
        """Take the signals over from the reactor, which would report SIGTERM as the cause of the exit."""
        actions: dict[int, Callable[[int], None]] = {
            signal.SIGHUP: self._hang_up,
            signal.SIGTERM: self._terminate,
            signal.SIGINT: self._terminate,
        }
        for number, action in actions.items():
            self._handlers[number] = signal.signal(number, self._handler(action))

    def _handler(self, action: Callable[[int], None]) -> Callable[[int, object], None]:
        return lambda number, frame: self.reactor.callFromThread(action, number)

    def _restore_signals(self) -> None:
        while self._handlers:
            signal.signal(*self._handlers.popitem())

    def _hang_up(self, number: int) -> None:
        self.reloader.request(signal.Signals(number).name)

    def _terminate(self, number: int) -> None:
        name = signal.Signals(number).name
        if not self.stopping:
            log.info("{name}: stopping", name=name)
            self.stopping = True
            self.reactor.addSystemEventTrigger("after", "shutdown", self._limit_exit)
            self.reactor.stop()
        else:
            log.warn("{name} again: stopping at once", name=name)
            self._hurry_up()

    def _hurry_up(self) -> None:
        if not self._hurry.called:
            self._hurry.callback(None)

    # Stop -------------------------------------------------------------------------------------------------------------

    def stopService(self) -> Deferred[None]:
        """Stop accepting, finish what runs, stop the app. Fires when all that is done, or its time is up."""
        self.stopping = True
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self.notifier.stopping(f"finishing {self.app.in_flight} requests")
        await self.reloader.stop()
        await self.listeners.close()
        await deferLater(self.reactor, GRACE)
        if not await self._drain():
            self.reactor.callLater(LAST_CALL, self._hurry_up)
        await first_of(maybeDeferred(super().stopService), self._hurry)
        await self.admin.close()
        self.notifier.stop_watchdog()
        self._restore_signals()
        log.info("stopped")

    async def _drain(self) -> bool:
        """Wait for connections and requests to end, for ``app.shutdown_timeout`` seconds or until a second signal.

        False when some had to be cut.
        """
        timeout = self.app.config.app.shutdown_timeout
        apps = [app.drain() for app in self.apps]
        done = DeferredList([self.site.drain(), *apps])
        time_up: Deferred[None] = Deferred()
        timer = self.reactor.callLater(timeout, time_up.callback, None)
        await first_of(done, time_up, self._hurry)
        if timer.active():
            timer.cancel()
        if not done.called:
            left = len(self.site.channels)
            log.warn("cutting {left} connections that did not end within {timeout} s", left=left, timeout=timeout)
            self.site.abort()
        return bool(done.called)


@dataclass(frozen=True)
class Changes:
    """New ports of the server and of its admin, to be put to use or to be given up together."""

    ports: Change
    admin: AdminChange

    def abandon(self) -> None:
        """Close what was opened."""
        self.ports.abandon()
        self.admin.abandon()

    async def commit(self) -> None:
        """Put what was opened to use, and close what is no longer wanted."""
        await self.ports.commit()
        await self.admin.commit()


def limits_of(listen: Listen) -> Limits:
    """What one connection may cost, as ``app.listen`` says."""
    return Limits(
        max_body_size=listen.max_body_size,
        max_header_size=listen.max_header_size,
        max_headers=listen.max_headers,
        header_timeout=listen.header_timeout,
        body_timeout=listen.body_timeout,
        idle_timeout=listen.idle_timeout,
    )


async def first_of(*deferreds: Deferred[Any]) -> None:
    """Wait until one of ``deferreds`` fires. The others go on."""
    await DeferredList(deferreds, fireOnOneCallback=True, fireOnOneErrback=True)
