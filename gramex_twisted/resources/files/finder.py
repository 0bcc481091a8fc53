"""Finder: from a Place to the file that may be served there. Looks at the file system: runs in a thread."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.files.paths import Visibility, inside
from gramex_twisted.resources.files.places import Place

Identity = tuple[int, int, int, int, int]
"""What tells one state of one file from every other: device, inode, mtime and ctime in nanoseconds, size."""


def identity(found: os.stat_result) -> Identity:
    """The Identity of what was found."""
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


@dataclass(frozen=True, slots=True)
class Found:
    """What is at a Place: the file to serve, or a folder (``file`` is ``path`` then) to list or to redirect to.

    ``watched``: the paths that the answer depends on, as they were.
    """

    place: Place
    file: str
    identity: Identity
    watched: tuple[tuple[str, Identity], ...]
    is_folder: bool = False
    redirect: bool = False

    @property
    def size(self) -> int:
        """Bytes."""
        return self.identity[4]

    @property
    def modified(self) -> int:
        """Whole seconds since the epoch."""
        return self.identity[2] // 1_000_000_000

    @property
    def etag(self) -> str:
        """Strong: another for every state of the file. Without quotes."""
        return f"{self.identity[2]:x}-{self.size:x}-{self.identity[1]:x}"

    @property
    def relative(self) -> str:
        """The file's path below the root."""
        return os.path.relpath(self.file, self.place.root)


class Finder:
    """Finds files, for one route.

    :param default: names of the files that stand for their folder, first choice first.
    :param index: a folder without one of these is listed.
    :param links: symbolic links may lead out of the root.
    """

    def __init__(self, visibility: Visibility, default: Sequence[str], *, index: bool, links: bool) -> None:
        self.visibility = visibility
        self.default = default
        self.index = index
        self.links = links

    def find(self, place: Place) -> Found:
        """What may be served at ``place``.

        :raises HTTPError: 404, and 403 where the system forbids to look.
        """
        try:
            return self._find(place)
        except PermissionError:
            raise HTTPError(403) from None
        except (OSError, ValueError):
            raise HTTPError(404) from None

    def _find(self, place: Place) -> Found:
        state = os.stat(place.path)
        if stat.S_ISDIR(state.st_mode):
            return self._folder(place, identity(state))
        if place.slash and place.relative:
            raise HTTPError(404)  # /file.txt/
        return self._file(place, place.path, ())

    def _folder(self, place: Place, state: Identity) -> Found:
        self._check(place, place.path)
        watched = ((place.path, state),)
        found = self._default(place, watched)
        if found is None and not self.index:
            raise HTTPError(404)
        if place.bare:
            return Found(place, place.path, state, watched, is_folder=True, redirect=True)
        return found or Found(place, place.path, state, watched, is_folder=True)

    def _default(self, place: Place, watched: tuple[tuple[str, Identity], ...]) -> Found | None:
        for name in self.default:
            try:
                return self._file(place, os.path.join(place.path, name), watched)
            except (OSError, HTTPError):
                continue
        return None

    def _file(self, place: Place, path: str, watched: tuple[tuple[str, Identity], ...]) -> Found:
        state = os.stat(self._check(place, path))
        if not stat.S_ISREG(state.st_mode):
            raise HTTPError(404)  # never opened: reading from a FIFO or a device may wait for ever
        return Found(place, path, identity(state), ((path, identity(state)), *watched))

    def _check(self, place: Place, path: str) -> str:
        """The real path of ``path``, which may be seen and is inside the root.

        :raises HTTPError: 404.
        """
        relative = "" if path == place.root else os.path.relpath(path, place.root)
        real = os.path.realpath(path)
        if relative and self.visibility.hidden(relative, path):
            raise HTTPError(404)
        if place.fixed or self.links:
            if self.visibility.hidden(os.path.basename(real), real):
                raise HTTPError(404)
            return real
        root = os.path.realpath(place.root)
        if not inside(real, root):
            raise HTTPError(404)
        if real != root and self.visibility.hidden(os.path.relpath(real, root), real):
            raise HTTPError(404)
        return real

    def visible(self, place: Place, path: str) -> bool:
        """Whether the file or folder ``path``, below the one at ``place``, may be served."""
        try:
            mode = os.stat(self._check(place, path)).st_mode
        except (OSError, HTTPError):
            return False
        return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
