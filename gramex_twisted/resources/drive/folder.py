"""The files of a DriveHandler: they come and go together with the rows of the table. All of it blocks."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from gramex_twisted.durable import sync_folder
from gramex_twisted.errors import HTTPError
from gramex_twisted.services.uploadfolder import Staged, left_over
from gramex_twisted.web.filebody import OpenFile


class Leaving:
    """Files whose rows are about to be deleted, or whose content is about to be replaced.

    Each gets a second, hidden name first. Who finds one after a crash can tell from the table what became of it.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self.folder = folder
        self._links: list[tuple[Path, Path]] = []
        try:
            for name in names:
                self._hide(name)
        except BaseException:
            self.stay()
            raise

    def _hide(self, name: str) -> None:
        path = inside(self.folder, name)
        if path is None or not path.is_file():
            return
        staged = Staged(self.folder)
        staged.close()  # only its name is wanted
        os.link(path, staged.path)
        self._links.append((path, staged.path))

    def gone(self) -> None:
        """The rows are deleted: so are the files."""
        for path, hidden in self._links:
            path.unlink(missing_ok=True)
            hidden.unlink(missing_ok=True)

    def stay(self) -> None:
        """Nothing has happened; files that were replaced are as they were."""
        for path, hidden in self._links:
            with suppress(FileNotFoundError):
                if path.exists() and path.samefile(hidden):
                    hidden.unlink()
                else:
                    os.replace(hidden, path)

    def replaced(self) -> None:
        """The files have their new content for good."""
        for _, hidden in self._links:
            hidden.unlink(missing_ok=True)


def inside(folder: Path, name: str) -> Path | None:
    """The file `name` of the folder; None for what is none of its own."""
    path = folder / name
    real = Path(os.path.realpath(path))
    return (
        path
        if name and real.parent.is_relative_to(os.path.realpath(folder)) and not path.name.startswith(".")
        else None
    )


def sweep(folder: Path, known: Callable[[list[str]], set[str]]) -> None:
    """Finish what a server that was killed has begun. `known` tells which of some paths have a row."""
    found = left_over(folder)
    names = sorted({name for each in found.values() for name in each})
    kept = known(names) if names else set()
    for hidden, own in found.items():
        for name in own:
            if name not in kept:
                (folder / name).unlink(missing_ok=True)
        hidden.unlink(missing_ok=True)
    if found:
        sync_folder(folder)


def opened(folder: Path, name: str) -> tuple[OpenFile, os.stat_result]:
    """The file `name`, open for reading. Raises HTTPError 404 where there is none."""
    path = inside(folder, name)
    if path is None:
        raise HTTPError(404, "the file is missing")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise HTTPError(404, "the file is missing") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise HTTPError(404, "the file is missing")
    return OpenFile(descriptor, found.st_size, str(path)), found
