"""A multipart form on its way in: fields to memory, files to the folder that they are for."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import multipart  # type: ignore[import-untyped]

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.uploadfolder import Staged
from gramex_twisted.web.queries import RawArguments

#: Bytes of one field, and of all of them; how many parts a form may have.
MAX_FIELD, MAX_FIELDS, MAX_PARTS = 1 << 20, 4 << 20, 1000
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass
class Received:
    """One file: the field that it came in, what its client calls it and its type."""

    field: str
    filename: str
    content_type: str
    staged: Staged


class Receiver:
    """Takes the body of one form, in threads, one call at a time.

    :param keys: the fields whose files are kept; those of others are dropped.
    :param longest: bytes of one file; None for any.
    :param check: raises an HTTPError for the name of a file that is not wanted, before it is read.
    """

    def __init__(
        self,
        folder: Path,
        content_type: str,
        keys: tuple[str, ...],
        longest: int | None,
        check: Callable[[str], None] | None = None,
    ) -> None:
        self.fields: RawArguments = {}
        self.files: list[Received] = []
        self._folder = folder
        self._keys = keys
        self._longest = longest
        self._check = check
        self._field: tuple[str, list[bytes]] | None = None
        self._file: Received | None = None
        self._size = 0
        _, options = multipart.parse_options_header(content_type)
        boundary = options.get("boundary", "")
        if not boundary:
            raise HTTPError(400, "the multipart body has no boundary in its Content-Type")
        try:
            self._parser: Any = multipart.PushMultipartParser(boundary, max_segment_count=MAX_PARTS)
        except multipart.MultipartError as error:
            raise _unreadable(error) from error

    def feed(self, data: bytes) -> None:
        """Take the next bytes; ``b""`` is the end.

        :raises HTTPError: 400 for what is no form, 413 for a file or field that is too long, 507 for a full disk.
        """
        try:
            for event in self._parser.parse(data):
                if event is None:
                    self._end()
                elif isinstance(event, multipart.MultipartSegment):
                    self._begin(event)
                else:
                    self._take(bytes(event))
        except multipart.MultipartError as error:
            raise _unreadable(error) from error
        except OSError as error:
            if error.errno in _FULL:
                raise HTTPError(507, "there is no room for the file on the server's disk") from error
            raise

    def _begin(self, part: Any) -> None:
        name = part.name.encode("utf-8", "surrogateescape").decode("latin-1")
        self._field = self._file = None
        if part.filename is None:
            self._field = (name, [])
        elif part.filename and part.name in self._keys:
            if self._check is not None:
                self._check(part.filename)
            staged = Staged(self._folder)
            self._file = Received(part.name, part.filename, part.content_type or "", staged)
            self.files.append(self._file)

    def _take(self, data: bytes) -> None:
        if self._file is not None:
            staged = self._file.staged
            if self._longest is not None and staged.size + len(data) > self._longest:
                raise HTTPError(413, f"the file {self._file.filename!r} is over {self._longest} bytes")
            staged.write(data)
        elif self._field is not None:
            name, pieces = self._field
            self._size += len(data)
            pieces.append(data)
            if self._size > MAX_FIELDS or sum(map(len, pieces)) > MAX_FIELD:
                raise HTTPError(413, f"the field {name!r} is too long")

    def _end(self) -> None:
        if self._file is not None:
            self._file.staged.whole()
        elif self._field is not None:
            name, pieces = self._field
            self.fields.setdefault(name, []).append(b"".join(pieces))
        self._field = self._file = None

    def close(self) -> None:
        """Remove what has not been published."""
        for received in self.files:
            received.staged.close()


def _unreadable(error: Exception) -> HTTPError:
    return HTTPError(400, f"the multipart body cannot be read: {error}")
