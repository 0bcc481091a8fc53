"""A file that is read and replaced as a whole, by several processes, and is whole at any moment."""

from __future__ import annotations

import os
import time
from pathlib import Path

from gramex_twisted.durable import Stamp, replace, stamp
from gramex_twisted.services.stores.base import StoreError


class WholeFile:
    """The file ``path``. It is replaced by one beside it that is fsynced and renamed.

    ``changed`` may be asked in any thread; all else belongs to one.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))  # renaming onto a symbolic link would replace it
        self._seen: Stamp | bool | None = False  # of what was read or written last; None: no file; False: nothing yet
        self._held: int | None = None  # that file, kept open so that no other gets its inode number, and so its stamp

    @property
    def known(self) -> bool:
        """Whether it has been read or written."""
        return self._seen is not False

    def changed(self) -> bool:
        """Whether it is another one than was read or written last.

        :raises StoreError: when it cannot be asked.
        """
        return self._stamp() != self._seen

    def read(self) -> bytes | None:
        """What it holds; None where there is no file.

        :raises StoreError: when it cannot be read.
        """
        self._seen = False
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self.close()
            self._seen = None
            return None
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be read: {error.strerror}") from error
        self._hold(descriptor)
        seen = stamp(os.fstat(descriptor))
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read()
        self._seen = seen
        return content

    def age(self) -> float:
        """Seconds since it was written; 0 where it is gone."""
        try:
            return time.time() - os.stat(self.path).st_mtime
        except FileNotFoundError:
            return 0.0

    def forget(self) -> None:
        """What was read is no use: it must be read again."""
        self._seen = False

    def replace(self, content: bytes) -> None:
        """Make ``content`` the file; returns when it is durable. Its mode stays, a new one has 0600.

        :raises OSError: when it cannot be written; the old one is as it was.
        """
        mode = self.path.stat().st_mode & 0o777 if self._seen else 0o600
        descriptor = replace(self.path, content, self.beside(".tmp"), mode)
        self._hold(descriptor)
        self._seen = stamp(os.fstat(descriptor))

    def beside(self, suffix: str) -> Path:
        """The path with ``suffix`` added to its name."""
        return self.path.with_name(self.path.name + suffix)

    def close(self) -> None:
        """Hold no file open."""
        self._hold(None)

    def _stamp(self) -> Stamp | None:
        try:
            return stamp(os.stat(self.path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error

    def _hold(self, descriptor: int | None) -> None:
        if self._held is not None:
            os.close(self._held)
        self._held = descriptor
