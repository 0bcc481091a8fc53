"""`JSONStore`: a dict in a JSON file of Gramex 1.x."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from gramex_twisted.compat.config import app_log
from gramex_twisted.compat.jsoncoding import CustomJSONDecoder
from gramex_twisted.compat.keystore import PATIENCE, KeyStore, dumps, made, text
from gramex_twisted.durable import locked, replace

#: Seconds that Gramex gets to write a file that is not whole, and between looks.
WRITING, PAUSE = 1.0, 0.02


class JSONStore(KeyStore):
    """A JSON file that is rewritten as a whole. Of what other processes have written, nothing is lost.

    A file that is no JSON is an empty store; where something is written, the file is kept as ``<path>.damaged``.
    """

    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = made(path)
        self.changed: dict[str, Any] = {}
        self.store = self._read()

    def dump(self, key: str | bytes, value: Any) -> None:
        """See KeyStore."""
        with self.lock:
            name = text(key)
            self.store[name] = self.changed[name] = value
            due = self.flush_every is not None and time.monotonic() - self._flushed >= self.flush_every
        if due:
            self.flush()

    def flush(self) -> None:
        """See KeyStore."""
        with self.lock:
            self._flushed = time.monotonic()
            if self.changed:
                self._rewrite()

    def purge(self) -> None:
        """See KeyStore."""
        with self.lock:
            self._rewrite()

    def _rewrite(self) -> None:
        """Write the file with what has changed and without what ``purge_keys`` says."""
        with self._alone():
            data = {**self._read(), **self.changed}
            for key in list(self.purge_keys(dict(data))):
                data.pop(key, None)
            self._write(data)

    def _alone(self) -> AbstractContextManager[object]:
        """While it is entered, no other process of ours writes the file. Raises TimeoutError."""
        path = Path(self.path)
        return locked(path.with_name(f".{path.name}.lock"), time.monotonic() + PATIENCE)

    def _read(self) -> dict[str, Any]:
        path, end = Path(self.path), time.monotonic() + WRITING
        self.damaged = False
        while True:
            try:
                found = json.loads(path.read_text("utf-8"), cls=CustomJSONDecoder)
                return found if isinstance(found, dict) else {}
            except FileNotFoundError:
                return {}
            except ValueError as error:
                # Gramex writes it in place: it may be whole in a moment.
                if time.monotonic() > end or time.time() - path.stat().st_mtime > 2 * WRITING:
                    self.damaged = path.stat().st_size > 0
                    if self.damaged:
                        app_log.error("%s: is not JSON: %s", path, error)
                    return {}
            time.sleep(PAUSE)

    def _write(self, data: dict[str, Any]) -> None:
        path = Path(self.path)
        if self.damaged:
            shutil.copy2(path, f"{path}.damaged")
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o600
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        os.close(replace(path, dumps(data).encode("utf-8"), temporary, mode))
        self.store, self.changed = data, {}
