"""Requests that keep a server's user code asleep."""

from __future__ import annotations

import http.client
from threading import Event, Thread
from types import TracebackType
from typing import Self
from urllib.request import urlopen


class Sleepers:
    """A context manager: inside it ``count`` clients ask for ``url``, each again as soon as it is answered.

    Stop the server before leaving, so that no client waits for it. ``woken`` counts the answers.
    """

    def __init__(self, url: str, count: int) -> None:
        self.url = url
        self.woken = 0
        self.stopping = Event()
        self.threads = [Thread(target=self._ask, daemon=True) for _ in range(count)]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _ask(self) -> None:
        while not self.stopping.is_set():
            try:
                with urlopen(self.url) as response:
                    response.read()
            except (OSError, http.client.HTTPException):
                return  # the server was stopped
            self.woken += 1
