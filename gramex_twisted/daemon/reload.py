"""Reload: a new app is built beside the old one, and takes over only when all of it works.

A reload reads the configuration in a thread, opens new ports, imports the user modules afresh, builds and starts the
new Gramex. Whatever fails on the way is logged with its place and undone, and the old app goes on as if nothing had
been. Triggers that come while a reload runs become one more reload after it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from gramex_twisted.daemon.sockets import ListenError
from gramex_twisted.daemon.source import config_errors
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import ModuleSet
from gramex_twisted.services.watcher import Watcher

if TYPE_CHECKING:
    from gramex_twisted.app import Gramex
    from gramex_twisted.config.document import Config
    from gramex_twisted.daemon.service import Changes, GramexDaemon

log = Logger()


@dataclass
class Record:
    """How reloads have ended: how many worked and how many failed; when the last one ended, in seconds since 1970, and
    why it failed, if it did."""

    done: int = 0
    failed: int = 0
    last: float | None = None
    error: str = ""

    def ended(self, error: str = "") -> None:
        """Note one that has ended just now."""
        self.done += not error
        self.failed += bool(error)
        self.last, self.error = time.time(), error


class Reloader:
    """Reloads the app of ``daemon``, when asked to and (``app.watch``) when its files change."""

    def __init__(self, daemon: GramexDaemon, reactor: Any) -> None:
        self.daemon = daemon
        self.reactor = reactor
        self.watcher = Watcher(reactor, self._changed)
        self.record = Record()
        self._running: Deferred[None] | None = None
        self._again = ""
        self._stopped = False

    def request(self, reason: str) -> None:
        """Reload soon; ``reason`` is for the log."""
        if self._stopped:
            return
        if self._running is not None and not self._running.called:
            self._again = reason
            return
        self._running = Deferred.fromCoroutine(self._run(reason))
        self._running.addErrback(lambda failure: log.failure("reload failed", failure))

    def watch(self, config: Config) -> None:
        """Watch the files of the app that now serves, if it wants that."""
        self.watcher.rest()
        if config.app.watch and not self._stopped:
            self.watcher.watch(self._files(config))

    async def stop(self) -> None:
        """Give up the reload that may be running, and watch no more."""
        self._stopped = True
        self.watcher.stopService()
        if self._running is not None and not self._running.called:
            self._running.cancel()
            await self._running

    def _changed(self, paths: list[Path]) -> None:
        self.request(", ".join(path.name for path in paths) + (" have" if len(paths) > 1 else " has") + " changed")

    def _files(self, config: Config) -> set[Path]:
        return {self.daemon.source.path, *config.files, *modules_of(config).files()}

    async def _run(self, reason: str) -> None:
        while reason and not self._stopped:
            self._again = ""
            await self._reload(reason)
            reason = self._again

    async def _reload(self, reason: str) -> None:
        daemon = self.daemon
        log.info("reloading {path}: {reason}", path=str(daemon.source), reason=reason)
        daemon.notifier.reloading()
        self.watcher.reading()
        try:
            await self._replace()
        except CancelledError:
            log.info("reload given up: the server stops")
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the new app, the old one goes on
            report(error)
            log.error("the reload failed; the app goes on as it was")
            self.record.ended(first_line(error))
            self._watch_for_mending(error)
            daemon.notifier.ready(f"reload failed, serving what was loaded before: {first_line(error)}")
        else:
            log.info("reloaded {path}", path=str(daemon.source))
            self.record.ended()
            self.watch(daemon.app.config)
            daemon.notifier.ready(daemon.status)

    def _watch_for_mending(self, error: BaseException) -> None:
        """The new files are not known: they are where the errors are, or beside the old ones."""
        config = self.daemon.app.config
        if config.app.watch:
            places = {Path(fault.where.partition(":")[0]) for fault in config_errors(error) if fault.where}
            named = {place.absolute() for place in places if place.is_file()}
            self.watcher.watch(self._files(config) | named, any_source=True)

    async def _replace(self) -> None:
        config = await deferToThread(self.daemon.source.load)
        change = await self.daemon.prepare(config)
        try:
            app = await self._build(config)
        except BaseException:
            change.abandon()
            raise
        await self._take_over(app, change)

    async def _build(self, config: Config) -> Gramex:
        """A started Gramex with fresh user modules; on failure the modules that were imported before are back."""
        old = self.daemon.app
        modules = modules_of(old.config, config)
        imported = modules.forget()
        try:
            app = self.daemon.make_app(config)
            refuse_worse(app, old)
            app.setServiceParent(self.daemon)
            try:
                await app.ready()
                if self.daemon.log is not None:
                    self.daemon.log.apply(config)
            except BaseException:
                await app.disownServiceParent()
                raise
        except BaseException:
            modules.restore(imported)
            raise
        return app

    async def _take_over(self, app: Gramex, change: Changes) -> None:
        old = self.daemon.app
        self.daemon.use(app)
        old.hand_over(app)
        retiring = Deferred.fromCoroutine(retire(old))
        retiring.addErrback(lambda failure: log.failure("the app that was replaced did not stop", failure))
        await change.commit()


async def retire(app: Gramex) -> None:
    """Stop an app that gets no new requests, once those it has are done."""
    await app.idle()
    await app.disownServiceParent()


def modules_of(*configs: Config) -> ModuleSet:
    """The user modules of apps: those in the folders of their YAML files."""
    return ModuleSet(sorted({file.parent for config in configs for file in config.files}))


class RoutesBroke(ExceptionGroup[ConfigError]):
    """Routes of the new app that cannot be set up; the app has logged them."""


def refuse_worse(new: Gramex, old: Gramex) -> None:
    """Raise what is wrong with the routes of ``new`` and was not wrong in ``old``.

    A route that could not be set up all along is no reason to refuse an edit elsewhere. That edit may have moved it to
    another line, so places are not compared.
    """
    known = {error.message for error in old.errors}
    errors = [error for error in new.errors if error.message not in known]
    if errors:
        raise RoutesBroke("routes cannot be set up", errors)


def report(error: BaseException) -> None:
    """Log what is wrong, each error on a line that begins with its place."""
    if isinstance(error, RoutesBroke):
        return
    known = lines(error)
    for line in known:
        log.error("{line}", line=line)
    if not known:
        log.failure("unexpected error")


def lines(error: BaseException) -> list[str]:
    """One line for each mistake of the user's in ``error``; none when it is somebody else's."""
    if isinstance(error, ListenError):
        return [str(error)]
    return [str(fault) for fault in config_errors(error)]


def first_line(error: BaseException) -> str:
    return (lines(error) or [f"{type(error).__name__}: {error}"])[0]
