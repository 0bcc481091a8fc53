"""The folders of uploaded files, each with a store of what is known of its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gramex_twisted.services.inline import InlineThreads
from gramex_twisted.services.stores.base import Store, StoreError
from gramex_twisted.services.stores.dictstore import DictStore
from gramex_twisted.services.stores.open import open_store
from gramex_twisted.services.uploadfolder import left_over
from gramex_twisted.web.values import dump_json

log = Logger()
Meta = dict[str, Any]


class Library:
    """The files of one folder, by their paths in it."""

    def __init__(self, path: Path, store: Store, threads: Any) -> None:
        self.path = path
        self.store = store
        self._threads = threads
        self._swept: Deferred[None] | None = None

    async def ready(self) -> None:
        """Clean up, once, after a server that was killed: what was never answered has never been."""
        if self._swept is None:
            self._swept = Deferred.fromCoroutine(self._sweep())
        await self._swept

    async def _sweep(self) -> None:
        try:
            for path, names in (await self._threads.run(left_over, self.path)).items():
                for name in names:
                    if await self.store.get(name) is None:
                        await self._threads.run((self.path / name).unlink, True)
                await self._threads.run(path.unlink, True)
        except (OSError, StoreError) as error:
            log.warn("{path}: left-over uploads stay: {error}", path=str(self.path), error=error)

    async def all(self) -> dict[str, Meta]:
        """What is known of every file.

        :raises StoreError: when it cannot be read.
        """
        if isinstance(self.store, DictStore):
            found = await self.store.items()
        else:
            entries = {key: await self.store.get(key) for key in await self.store.keys()}
            found = {key: entry.value for key, entry in entries.items() if entry is not None}
        return await self._threads.run(_decoded, found)  # type: ignore[no-any-return]

    async def keep(self, key: str, meta: Meta) -> None:
        """Note what is known of a file; durable when it returns."""
        await self.store.put(key, dump_json(meta))

    async def remove(self, key: str) -> bool:
        """Remove a file and what is known of it; whether there was one."""
        if await self.store.get(key) is None:
            return False
        removed: bool = await self._threads.run(self._unlink, key)
        return await self.store.delete(key) and removed

    def _unlink(self, key: str) -> bool:
        path = self.path / key
        if not path.parent.resolve().is_relative_to(self.path.resolve()):
            return False
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return True


def _decoded(values: dict[str, bytes]) -> dict[str, Meta]:
    return {key: meta for key, value in values.items() if isinstance(meta := json.loads(value), dict)}


class Uploads(MultiService):
    """The libraries of an app, one for each folder. Their stores are its children."""

    def __init__(self, services: Any) -> None:
        super().__init__()
        self._services = services
        self._libraries: dict[Path, Library] = {}

    def library(self, path: Path, options: Any, where: str) -> Library:
        """The library of the folder ``path``.

        :param options: of its store; see ``config.settings.StoreOptions``. None: SQLite in ``<path>/.meta.db``.
        :raises ConfigError: when the store's package is missing, or its URL is wrong.
        """
        path = path.absolute()
        if path not in self._libraries:
            store = self._store(path, options, where)
            store.setServiceParent(self)
            self._libraries[path] = Library(path, store, self._services.threads)
        return self._libraries[path]

    def _store(self, path: Path, options: Any, where: str) -> Store:
        services = self._services
        threaded = not isinstance(services.threads, InlineThreads)
        if options is None or options.type == "sqlite":
            file = Path(options.path) if options is not None and options.path else path / ".meta.db"
            return DictStore(services.reactor, Path(services.root, file), threaded=threaded)
        if options.path:
            options = options.model_copy(update={"path": str(Path(services.root, options.path))})
        return open_store(
            f"upload:{path}", options, services.reactor, services.data_dir, where=where, threaded=threaded
        )
