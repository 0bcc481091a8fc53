"""Opening and reading the files that a Finder found. Runs in threads, but for ``open_found``, which is quick."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.files.finder import Found, Identity, identity
from gramex_twisted.web.filebody import OpenFile

if TYPE_CHECKING:
    from mimetypes import MimeTypes

#: File extension of each encoding, for compressed copies that lie beside a file.
PACKED = {"zstd": ".zst", "br": ".br", "gzip": ".gz"}

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_WITH_CHARSET = ("application/json", "application/javascript", "application/xml")


class StaleError(Exception):
    """A file is no longer what it was when it was found."""


def open_found(found: Found) -> OpenFile:
    """Open the file, and make sure that it is the one that was found.

    :raises StaleError: when it is another one by now.
    :raises HTTPError: 403 where the system forbids to read it.
    """
    return open_identical(found.file, found.identity)


def open_identical(path: str, wanted: Identity) -> OpenFile:
    """Open ``path``; see ``open_found``."""
    try:
        fd = os.open(path, _FLAGS)
    except PermissionError:
        raise HTTPError(403) from None
    except OSError:
        raise StaleError(path) from None
    if identity(os.fstat(fd)) != wanted:
        os.close(fd)
        raise StaleError(path)
    return OpenFile(fd, wanted[4], path)


def read_found(found: Found) -> bytes:
    """The whole file."""
    file = open_found(found)
    try:
        return _read(file)
    finally:
        file.close()


def _read(file: OpenFile) -> bytes:
    parts, position = [], 0
    while position < file.size:
        parts.append(file.read(position, file.size - position))
        position += len(parts[-1])
    return b"".join(parts)


def packed_copies(found: Found) -> tuple[tuple[str, str, Identity], ...]:
    """The compressed copies beside a file that are not older than it: encoding, path and identity of each."""
    copies = []
    for encoding, extension in PACKED.items():
        path = found.file + extension
        try:
            state = os.lstat(path)
        except OSError:
            continue
        if stat.S_ISREG(state.st_mode) and state.st_mtime_ns >= found.identity[2]:
            copies.append((encoding, path, identity(state)))
    return tuple(copies)


def read_copies(copies: Sequence[tuple[str, str, Identity]]) -> dict[str, bytes]:
    """The compressed copies, by encoding; without those that cannot be read."""
    found = {}
    for encoding, path, state in copies:
        try:
            file = open_identical(path, state)
        except (StaleError, HTTPError):
            continue
        try:
            found[encoding] = _read(file)
        finally:
            file.close()
    return found


def content_type(path: str, types: MimeTypes) -> str:
    """The Content-Type of a file: by its name, with a charset for text. What is packed is not unpacked by browsers."""
    kind, encoding = types.guess_type(os.path.basename(path), strict=False)
    if encoding is not None:
        return "application/gzip" if encoding == "gzip" else "application/octet-stream"
    if kind is None:
        return "application/octet-stream"
    return f"{kind}; charset=UTF-8" if kind.startswith("text/") or kind in _WITH_CHARSET else kind
