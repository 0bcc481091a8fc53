"""JSON documents that requests read and change: in memory, or in a file that is whole at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList

from gramex_twisted.services.inline import InlineThreads
from gramex_twisted.services.jsontree import dumped, loaded
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.services.stores.lane import Job, Lane
from gramex_twisted.services.stores.locks import locked
from gramex_twisted.services.stores.wholefile import WholeFile

#: Seconds in which a change must be stored, and that a busy writer leaves to other processes after each rewriting.
TIMEOUT, COURTESY = 10.0, 0.002

Change = Callable[[Any], tuple[Any, Any]]
"""From the tree to the new one and a result. It must leave the old one as it is; what it raises, ``update`` raises."""


class Work(NamedTuple):
    """What the thread does; without a ``change`` it reads the file."""

    change: Change | None


class MemoryDocument:
    """A document that lasts as long as the app."""

    def __init__(self, tree: Any = None) -> None:
        self._tree = tree

    async def tree(self) -> Any:
        """The whole tree, which nobody may change."""
        return self._tree

    async def update(self, change: Change) -> Any:
        """Make a change; its result."""
        self._tree, result = change(self._tree)
        return result


class FileDocument:
    """The document in the file ``path``; None where there is no file.

    A change is confirmed when it is on disk. Those that come while one is being written are written together. A lock
    file, ``<path>.lock``, lets processes take turns, and a file that another program has replaced is read again.

    :param threaded: False: do everything on the reactor (tests with a Clock).
    """

    def __init__(self, reactor: Any, path: Path, *, threaded: bool = True) -> None:
        self._file = file = WholeFile(path)
        self._lane: Lane[Work] = Lane(reactor, str(path), self._run, TIMEOUT, finish=file.close, threaded=threaded)
        self._tree: Any = None  # replaced, never changed, by the thread

    async def tree(self) -> Any:
        """The whole tree, which nobody may change.

        :raises StoreError: when the file cannot be read, or is not JSON.
        """
        if self._lane.stopping or self._file.changed():
            await self._lane.submit(Work(None))
        return self._tree

    async def update(self, change: Change) -> Any:
        """Make a change; its result, when it is durable.

        :raises StoreError: when it cannot be stored: nothing has changed then, unless the disk did not answer in time.
        """
        return await self._lane.submit(Work(change))

    def stop(self) -> Deferred[None]:
        """Finish what has begun."""
        return self._lane.stop()

    # --- the thread's side

    def _run(self, jobs: list[Job[Work]]) -> None:
        try:
            if any(job.work.change is not None for job in jobs):
                self._rewrite(jobs)
            else:
                self._refresh()
        except (StoreError, OSError) as error:
            reason = f"{self._file.path}: cannot be written: {error.strerror}" if isinstance(error, OSError) else ""
            for job in jobs:
                job.fail(StoreError(reason or str(error)))

    def _rewrite(self, jobs: list[Job[Work]]) -> None:
        self._file.path.parent.mkdir(parents=True, exist_ok=True)
        if self._file.known and self._file.changed():  # other processes write too: let them
            time.sleep(COURTESY)
        with locked(self._file.beside(".lock"), jobs[0].deadline - TIMEOUT / 10):
            self._refresh()
            tree = self._tree
            for job in jobs:
                if job.work.change is not None:
                    try:
                        tree, job.result = job.work.change(tree)
                    except Exception as error:  # noqa: BLE001 - it is for whoever wanted the change
                        job.fail(error)
            if tree is not self._tree:
                self._file.replace(dumped(tree))
                self._tree = tree

    def _refresh(self) -> None:
        if self._file.changed():
            content = self._file.read()
            try:
                self._tree = loaded(content) if content and content.strip() else None
            except ValueError as error:
                self._file.forget()
                raise StoreError(f"{self._file.path}: is not JSON: {error}; mend it, or move it away") from None


class Documents(Service):
    """The documents of an app, one for each file."""

    name = "documents"

    def __init__(self, services: Any) -> None:
        self._reactor = services.reactor
        self._threaded = not isinstance(services.threads, InlineThreads)
        self._files: dict[Path, FileDocument] = {}

    def file(self, path: Path) -> FileDocument:
        """The document in the file ``path``."""
        path = path.absolute()
        if path not in self._files:
            self._files[path] = FileDocument(self._reactor, path, threaded=self._threaded)
        return self._files[path]

    def stopService(self) -> Deferred[Any]:
        """Finish what has begun."""
        super().stopService()
        return DeferredList([document.stop() for document in self._files.values()])
