"""What an app does without being asked: its schedules, from their sections of the Config."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from gramex_twisted.config.document import Config
from gramex_twisted.config.gramexlogs import GramexLogApp
from gramex_twisted.config.schedules import Schedule, Times
from gramex_twisted.config.watches import EVENTS, Watch
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import Function, compile_function
from gramex_twisted.services.calls import call
from gramex_twisted.services.container import Services
from gramex_twisted.services.filewatches import Entry, FileWatches
from gramex_twisted.services.scheduler.service import Scheduler
from gramex_twisted.services.scheduler.task import Task
from gramex_twisted.services.sentry.telling import tell


class Background:
    """Makes the tasks of ``config``, which ``services`` will run. ``errors``: what is wrong with those it left out.

    :param waits: whether an app is running that this one is to replace.
    """

    def __init__(self, config: Config, services: Services, *, waits: bool) -> None:
        self.config = config
        self.services = services
        self.errors: list[ConfigError] = []
        self._messengers()
        if config.tree.get("sentry"):
            self._try(self._reports)
        self.scheduler = services.part(Scheduler)
        self.scheduler.waits = waits
        self.scheduler.app = str(config.files[0].absolute()) if config.files else str(services.root)
        for name, schedule in config.schedules.items():
            self._try(self._schedule, name, schedule)
        if config.alerts:
            self._alerts()
        self._watches(waits)
        if config.gramexlog:
            self._gramexlog()
        if config.eventlog.path:
            self._eventlog(config.eventlog.path, waits)

    def _try(self, make: Any, *args: Any) -> None:
        try:
            make(*args)
        except ConfigError as error:
            self.errors.append(error)

    def _schedule(self, name: str, schedule: Schedule) -> None:
        spec = {key: value for key in ("args", "kwargs") if (value := getattr(schedule, key))}
        function = self._function({"function": schedule.function, **spec}, (), "schedule", name, "function")
        work = partial(call, self.services, f"schedule.{name}", function, thread=schedule.thread)
        self._task(f"schedule.{name}", schedule, work)

    def _reports(self) -> None:
        """Whether errors can be reported, as `sentry:` wants it; routes do so."""
        from gramex_twisted.services.sentry.service import Reports

        fault = self.services.part(Reports).fault
        if fault:
            raise ConfigError(str(self.config.mark("sentry")), f"sentry: {fault}")

    def _messengers(self) -> None:
        """Mail and SMS services: now, since user code asks for them in threads."""
        if self.config.tree.get("email"):
            from gramex_twisted.services.emails import Emails

            self.services.part(Emails)
        if self.config.tree.get("sms"):
            from gramex_twisted.services.smses import Smses

            self.services.part(Smses)

    def _alerts(self) -> None:
        from gramex_twisted.services.alerts.making import Maker  # it imports what few apps need

        maker = Maker(self.config, self.services, self._function)
        for name, options in self.config.alerts.items():
            self._try(self._alert, maker, name, options)
        for name in maker.alerts:
            self._try(maker.check_notified, name)

    def _alert(self, maker: Any, name: str, options: Times) -> None:
        self._task(f"alert.{name}", options, maker.make(name, options))

    def _watches(self, waits: bool) -> None:
        watches = self.services.part(FileWatches)
        watches.waits = waits
        for name, options in self.config.watches.items():
            self._try(self._watch, watches, name, options)

    def _watch(self, watches: FileWatches, name: str, options: Watch) -> None:
        functions = {
            key.removeprefix("on_"): self._function(source, ("event",), "watch", name, key)
            for key in EVENTS
            if (source := getattr(options, key))
        }
        paths = [Path(os.path.abspath(self.services.root / path)) for path in options.paths]
        watches.add(Entry(self.services, name, paths, functions))

    def _eventlog(self, path: str, waits: bool) -> None:
        from gramex_twisted.services.eventlog import EventLog

        log = self.services.part(EventLog)
        log.path, log.waits = self.services.root / path, waits

    def _gramexlog(self) -> None:
        from gramex_twisted.services.gramexlog import GramexLogs

        logs = self.services.part(GramexLogs)
        for name, options in self.config.gramexlog.items():
            if isinstance(options, GramexLogApp):
                self._try(logs.add, name, options, str(self.config.mark("gramexlog", name, "keys")))
            elif name == "flush":
                logs.flush = options
            else:
                where = str(self.config.mark("gramexlog", name))
                self.errors.append(ConfigError(where, f"gramexlog.{name}: must be a mapping, not {options:g}"))

    def _task(self, name: str, times: Times, work: Any) -> None:
        task = Task(self.services.reactor, name, times, times, work)
        task.failed = partial(tell, self.services, name)
        self.scheduler.add(task)

    def _function(self, spec: object, variables: tuple[str, ...], *path: str) -> Function:
        """The compiled function that is written at ``path``.

        :raises ConfigError: with its place.
        """
        where = str(self.config.mark(*path))
        try:
            return compile_function(spec, variables, where, modules=self.services.modules)
        except ConfigError as error:
            raise ConfigError(error.where, f"{'.'.join(path)}: {error.message}") from error.__cause__
