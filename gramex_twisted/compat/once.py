"""Once: which keys have been seen, in the SQLite file of Gramex 1.x, which Gramex can read on."""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from types import TracebackType

#: Seconds that another process may keep the file locked.
PATIENCE = 10.0
SEEN = pickle.dumps(True)


class Once:
    """The keys in ``folder``/once.db. Raises sqlite3.Error where it cannot be used."""

    def __init__(self, folder: str) -> None:
        path = Path(folder) / "once.db"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=PATIENCE)
        self._connection.execute("CREATE TABLE IF NOT EXISTS once (key TEXT PRIMARY KEY, value BLOB)")

    def __enter__(self) -> Once:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with closing(self._connection):
            self._connection.commit()

    def add(self, key: str) -> bool:
        """Whether ``key`` is new. Of several processes that ask at once, one is told so."""
        return self._connection.execute("INSERT OR IGNORE INTO once VALUES (?, ?)", (key, SEEN)).rowcount == 1

    def forget(self, key: str) -> None:
        """Forget ``key``."""
        self._connection.execute("DELETE FROM once WHERE key = ?", (key,))
