"""The ``log:`` section in effect in this process, and how a reload replaces it."""

from __future__ import annotations

import atexit
import logging
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any, Literal

from gramex_twisted.config.document import Config
from gramex_twisted.services.logs import LogSetup, configure

#: Where a configuration says nothing of its own: everything from INFO up, on the console.
CONSOLE: Mapping[str, Any] = {
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"level": "INFO", "handlers": ["console"]},
}


class ProcessLog:
    """Logs as the app's ``log:`` says, to ``stream`` where that says only "console".

    ``form`` is that of console lines: "text" or "json". What is queued is written before the process exits.
    """

    def __init__(self, form: Literal["text", "json"], stream: IO[str] | None = None) -> None:
        self.form = form
        self.stream = stream or sys.__stderr__
        self._config: Config | None = None
        self._setup: LogSetup | None = None
        self._follower: logging.Handler | None = None
        self._unfollow: Callable[[], None] = _nothing

    def apply(self, config: Config) -> None:
        """Log as ``config`` says from now on. Raises ConfigError when it cannot be done, and goes on as before."""
        before = self._config
        if self._setup is None:
            atexit.register(self.close)
        elif before is not None and before.tree.get("log") == config.tree.get("log"):
            return
        self.close()
        try:
            self._setup = self._configure(config)
        except BaseException:
            if before is not None:
                self._setup = self._configure(before)
            raise
        self._config = config

    def follow(self, handler: logging.Handler | None) -> None:
        """Let ``handler`` have every record too from now on, whatever is logged where; None: nobody."""
        self._unfollow()
        self._follower, self._unfollow = handler, _nothing
        if handler is not None and self._setup is not None:
            self._unfollow = self._setup.follow(handler)

    def close(self) -> None:
        """Write what is queued, and put Python's logging back as it was."""
        if self._setup is not None:
            setup, self._setup = self._setup, None
            setup()

    def _configure(self, config: Config) -> LogSetup:
        section = config.tree.get("log") or CONSOLE
        data = config.variables.get("GRAMEXDATA")
        setup = configure(section, format=self.form, data_dir=data, stream=self.stream, marks=config.marks)
        if self._follower is not None:
            self._unfollow = setup.follow(self._follower)
        return setup


def _nothing() -> None:
    """Nobody follows."""
