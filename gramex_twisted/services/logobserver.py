"""Twisted's log events as records of Python's logging."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure
from zope.interface import implementer

_LEVELS = {
    LogLevel.debug: logging.DEBUG,
    LogLevel.info: logging.INFO,
    LogLevel.warn: logging.WARNING,
    LogLevel.error: logging.ERROR,
    LogLevel.critical: logging.CRITICAL,
}


@implementer(ILogObserver)
class StdlibObserver:
    """Forwards each event to the logger named like its ``log_namespace``; a ``log_failure`` becomes ``exc_info``."""

    def __call__(self, event: LogEvent) -> None:
        logger = logging.getLogger(event.get("log_namespace") or "twisted")
        level = _LEVELS.get(event.get("log_level", LogLevel.info), logging.INFO)
        if not logger.isEnabledFor(level):
            return
        failure = event.get("log_failure")
        message = formatEvent(event) or (failure.getErrorMessage() if failure else "")
        exc_info = _exc_info(failure) if failure is not None else None
        record = logger.makeRecord(logger.name, level, "", 0, message, (), exc_info)
        record.module = logger.name.rpartition(".")[2]
        if "log_time" in event:
            record.created = event["log_time"]
            record.msecs = record.created % 1 * 1000
        logger.handle(record)


def _exc_info(failure: Failure) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    value: Any = failure.value
    traceback = failure.getTracebackObject() or value.__traceback__
    return type(value), value, traceback
