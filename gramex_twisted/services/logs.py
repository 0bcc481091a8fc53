"""The ``log:`` section: Python's logging configuration, applied as a whole or not at all, and undone as a whole.

Handlers stand behind a queue (``logqueue``), so that none of them can block the reactor. Twisted's events reach them
through ``StdlibObserver``.
"""

from __future__ import annotations

import copy
import logging
import logging.config
import logging.handlers
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal

from twisted.logger import LoggingFile

from gramex_twisted.errors import ConfigError
from gramex_twisted.services.logformat import JsonFormatter, TextFormatter
from gramex_twisted.services.logobserver import StdlibObserver
from gramex_twisted.services.logqueue import HandlerErrors, LogQueue, QueueHandler
from gramex_twisted.services.oldlogs import completed

#: Its handlers are not queued: it is written to by the access log's own thread, which drops when they are slow.
DIRECT = "gramex.requests"
#: What this server adds to a handler's options.
OWN_KEYS = frozenset({"keys"})


class LogSetup:
    """A ``log:`` section in effect. Calling it undoes it."""

    def __init__(
        self, queue: LogQueue, handlers: Mapping[str, logging.Handler], consoles: list[Any], stream: IO[str] | None
    ) -> None:
        self.handlers = handlers
        self.stream = stream
        self._queue = queue
        self._consoles = consoles
        self._restore: list[Callable[[], None]] = []
        self._tops: list[logging.Logger] = []  # those whose records may not reach the root logger

    def install(self, name: str | None, config: Mapping[str, Any], handlers: list[logging.Handler]) -> None:
        """Configure one logger, remembering how it was. None is the root logger."""
        logger = logging.getLogger(name)
        before = logger.level, logger.propagate, logger.disabled, logger.handlers[:], logger.filters[:]

        def restore() -> None:
            logger.setLevel(before[0])
            logger.propagate, logger.disabled, logger.handlers[:], logger.filters[:] = before[1:]

        self._restore.append(restore)
        if (level := config.get("level")) is not None:
            logger.setLevel(level)
        logger.disabled = False
        logger.propagate = bool(config.get("propagate", True))
        if name not in (None, DIRECT):
            self._tops.append(logger)
        if handlers and name != DIRECT:
            handlers = [QueueHandler(self._queue, handlers)]
        logger.handlers[:] = handlers

    def follow(self, handler: logging.Handler) -> Callable[[], None]:
        """Let ``handler`` have all records too, in the queue's thread; call the result to let it have no more."""
        loggers = [logging.getLogger(), *(logger for logger in self._tops if not logger.propagate)]
        queued = QueueHandler(self._queue, [handler])
        for logger in loggers:
            logger.addHandler(queued)

        def unfollow() -> None:
            for logger in loggers:
                logger.removeHandler(queued)

        self._restore.append(unfollow)
        return unfollow

    def __call__(self) -> None:
        """Put every logger back as it was, write what is queued and close the handlers."""
        for restore in reversed(self._restore):
            restore()
        self._restore.clear()
        self._queue.stop()
        for handler in self.handlers.values():
            handler.close()

    def observer(self, out_file: IO[str], *_: Any, **__: Any) -> StdlibObserver:
        """What ``twist`` logs through: for its ``fileLogObserverFactory``. Console handlers write to ``out_file``."""
        self.stream = out_file
        for handler in self._consoles:
            handler.setStream(out_file)
        return StdlibObserver()


def configure(
    log_config: Mapping[str, Any],
    *,
    format: Literal["text", "json"] = "text",
    data_dir: str | os.PathLike[str] | None = None,
    stream: IO[str] | None = None,
    marks: Mapping[tuple[Any, ...], object] | None = None,
    replaces: LogSetup | None = None,
) -> LogSetup:
    """Put a ``log:`` section (the schema of ``logging.config.dictConfig``) in effect; call the result to undo it.

    Only the loggers that it names change. Nothing changes when it is wrong. What differs from ``dictConfig``: other
    loggers stay enabled, folders of files are made, ``keys`` of a handler are not its business, a console handler
    without ``stream`` writes to ``stream`` (default: the real stderr), and with ``format="json"`` every console handler
    writes JSON lines.

    :param data_dir: what ``$GRAMEXDATA`` in a ``filename`` stands for.
    :param marks: where keys are in the file, as ``Config.marks``: for errors.
    :param replaces: what was in effect until now: undone once the new one is known to be right, and its stream kept.
    :raises ConfigError: with the place of the key that is wrong.
    """
    if replaces is not None and stream is None:
        stream = replaces.stream
    builder = _Builder(completed(_plain(log_config)), format, data_dir, stream, marks or {})
    builder.build()
    if replaces is not None:
        replaces()
    setup = LogSetup(LogQueue(), builder.handlers, builder.consoles, stream)
    for name, config, handlers in builder.loggers:
        setup.install(name, config, handlers)
    return setup


def _plain(config: Any) -> Any:
    if isinstance(config, Mapping):
        return {key: _plain(value) for key, value in config.items()}
    return [_plain(value) for value in config] if isinstance(config, list) else copy.copy(config)


class _Builder(logging.config.DictConfigurator):
    """Makes what a section describes, and installs nothing. ``dictConfig`` would close everybody's handlers first."""

    def __init__(
        self,
        config: dict[str, Any],
        format: str,
        data_dir: str | os.PathLike[str] | None,
        stream: IO[str] | None,
        marks: Mapping[tuple[Any, ...], object],
    ) -> None:
        super().__init__(config)
        self.json = format == "json"
        self.data_dir = data_dir
        self.stream = stream
        self.marks = marks
        self.errors = HandlerErrors()
        self.handlers: dict[str, logging.Handler] = {}
        self.consoles: list[Any] = []
        self.loggers: list[tuple[str | None, Mapping[str, Any], list[logging.Handler]]] = []

    def build(self) -> None:
        for kind, make in (("formatters", self.configure_formatter), ("filters", self.configure_filter)):
            section = self._section(kind)
            for name in section:
                section[name] = self._attempt((kind, name), make, section[name])
        try:
            self._build_handlers()
            for name, config in self._section("loggers").items():
                self._build_logger(name, config or {}, ("loggers", name))
            if self.config.get("root"):
                self._build_logger(None, self.config["root"], ("root",))
        except ConfigError:
            for handler in self.handlers.values():
                handler.close()
            raise

    def _section(self, kind: str) -> Any:
        section = self.config.get(kind) or {}
        if not isinstance(section, dict):
            raise self._error((kind,), "it must be a mapping of names")
        return section

    def _build_handlers(self) -> None:
        section = self._section("handlers")
        # A MemoryHandler names its target, which must be there first.
        for name in sorted(section, key=lambda name: isinstance(section[name], dict) and "target" in section[name]):
            config = section[name]
            if not isinstance(config, dict) or not ("class" in config or "()" in config):
                raise self._error(("handlers", name), "it needs a class:, such as logging.StreamHandler")
            for key in OWN_KEYS & config.keys():
                del config[key]
            named_stream = "stream" in config
            self._prepare_file(name, config)
            handler = self._attempt(("handlers", name), self.configure_handler, config)
            handler.set_name(str(name))
            self.handlers[name] = section[name] = handler
            self.errors.watch(handler)
            if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
                self._prepare_console(handler, named_stream)

    def _prepare_file(self, name: str, config: dict[str, Any]) -> None:
        if not isinstance(config.get("filename"), str):
            return
        if self.data_dir is not None:
            config["filename"] = config["filename"].replace("$GRAMEXDATA", os.fspath(self.data_dir))
        path = Path(config["filename"]).expanduser().absolute()
        config["filename"] = str(path)
        where = ("handlers", name, "filename")
        self._attempt(where, lambda folder: folder.mkdir(parents=True, exist_ok=True), path.parent)
        if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            raise self._error(where, f"cannot write to {path}")

    def _prepare_console(self, handler: logging.StreamHandler[Any], named_stream: bool) -> None:
        if not named_stream:
            self.consoles.append(handler)
        # A redirected sys.stderr is Twisted's log, which comes here: it would go round for ever.
        if not named_stream or isinstance(handler.stream, LoggingFile):
            handler.setStream(self.stream or sys.__stderr__)
        if self.json:
            handler.setFormatter(JsonFormatter())
        elif handler.formatter is None:
            handler.setFormatter(TextFormatter())

    def _build_logger(self, name: str | None, config: Any, path: tuple[str, ...]) -> None:
        if not isinstance(config, dict):
            raise self._error(path, "it must be a mapping with level: and handlers:")
        if config.get("level") is not None:
            config["level"] = self._attempt((*path, "level"), logging._checkLevel, config["level"])  # type: ignore[attr-defined]
        handlers = []
        for handler in config.get("handlers") or ():
            if handler not in self.handlers:
                known = ", ".join(self.handlers) or "none"
                raise self._error((*path, "handlers"), f"there is no handler {handler!r}; there are: {known}")
            handlers.append(self.handlers[handler])
        self.loggers.append((name, config, handlers))

    def _attempt(self, path: tuple[str, ...], make: Callable[[Any], Any], config: Any) -> Any:
        try:
            return make(config)
        except Exception as error:
            raise self._error(path, "; ".join(_reasons(error))) from error

    def _error(self, path: tuple[str, ...], message: str) -> ConfigError:
        key = ".".join(("log", *map(str, path)))
        full: tuple[Any, ...] = ("log", *path)
        places = (str(self.marks[full[:n]]) for n in range(len(full), 0, -1) if full[:n] in self.marks)
        place = next(places, "")
        return ConfigError(place, f"{key}: {message}") if place else ConfigError(key, message)


def _reasons(error: BaseException | None) -> Iterator[str]:
    """The error and what caused it, each in its own words."""
    while error is not None:
        yield str(error) if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: {error}"
        error = error.__cause__
