"""Handlers and formatters of Gramex 1.x by name, for a ``log:`` section that uses or changes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

CSV_CLASS = "gramex.config.TimedRotatingCSVHandler"
WEEKLY = {
    "class": "logging.handlers.TimedRotatingFileHandler",
    "encoding": "utf-8",
    "when": "W0",
    "interval": 1,
    "backupCount": 52,
    "delay": True,
}


def _file(name: str, **options: Any) -> dict[str, Any]:
    return {**WEEKLY, "filename": f"$GRAMEXDATA/logs/{name}", **options}


CONSOLE = {"class": "logging.StreamHandler"}
HANDLERS: Mapping[str, Mapping[str, Any]] = {
    **dict.fromkeys(("console", "gramex-console", "text"), CONSOLE),
    **dict.fromkeys(("logfile", "gramex-logfile"), _file("gramex.log", formatter="text")),
    "access-log": _file("access.csv", formatter="file", level="INFO"),
    "warn-log": _file("warn.csv", formatter="file", level="WARN"),
    "alert": _file("alert.csv", formatter="message", level="INFO"),
    "user": _file("user.csv", formatter="message", level="INFO"),
}
LINE = {"format": "%(levelname)1.1s %(asctime)s %(name)s:%(module)s %(message)s", "datefmt": "%d-%b %H:%M:%S"}
FORMATTERS: Mapping[str, Mapping[str, Any]] = {
    **dict.fromkeys(("console", "gramex-console", "gramex-text", "text"), LINE),
    "file": {"format": '%(levelname)1.1s,%(asctime)s,%(name)s:%(module)s,%(lineno)d,"%(message)s"'},
    "csv-message": {"format": "%(asctime)s,%(message)s"},
    "message": {"format": "%(message)s"},
}


def completed(config: dict[str, Any]) -> dict[str, Any]:
    """``config`` with what it names of Gramex, and does not have itself."""
    handlers, formatters = config.get("handlers"), config.get("formatters")
    written = dict(handlers) if isinstance(handlers, dict) else {}
    for name in (*written, *_used(config)):
        own = written.get(name, {})
        if name in HANDLERS and isinstance(own, dict) and not {"class", "()"} & own.keys():
            written[name] = {**HANDLERS[name], **own}
    known = dict(formatters) if isinstance(formatters, dict) else {}
    for handler in written.values():
        if isinstance(handler, dict):
            if handler.get("class") == CSV_CLASS:
                handler["class"] = WEEKLY["class"]
            wanted = handler.get("formatter")
            if isinstance(wanted, str) and wanted in FORMATTERS and wanted not in known:
                known[wanted] = dict(FORMATTERS[wanted])
    made = {**config}
    if isinstance(handlers, dict | None) and written:
        made["handlers"] = written
    if isinstance(formatters, dict | None) and known:
        made["formatters"] = known
    return made


def _used(config: Mapping[str, Any]) -> Iterator[str]:
    """The handlers that loggers name."""
    loggers = config.get("loggers")
    for logger in (config.get("root"), *(loggers.values() if isinstance(loggers, dict) else ())):
        names = logger.get("handlers") if isinstance(logger, dict) else None
        yield from (name for name in names if isinstance(name, str)) if isinstance(names, list) else ()
