"""Changes files: each is read, changed and replaced as a whole, by one thread of one process at a time."""

from __future__ import annotations

import errno
import importlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gramex_twisted import durable
from gramex_twisted.data.changes.change import Change, Insert, Operation
from gramex_twisted.data.changes.document import Document, Origin, schema_for
from gramex_twisted.data.errors import DataError, ReadOnly, SourceError, Unavailable
from gramex_twisted.data.sources.files import FileSource, check_size
from gramex_twisted.data.sources.readers import kind_of
from gramex_twisted.data.types import QueryError
from gramex_twisted.data.writers import Job

if TYPE_CHECKING:
    from gramex_twisted.data.sources.base import Frame

KINDS: Mapping[str, str] = {
    "csv": "textdocument:TextDocument",
    "tsv": "textdocument:TextDocument",
    "json": "recorddocument:JSONDocument",
    "jsonl": "recorddocument:LinesDocument",
    "yaml": "recorddocument:YAMLDocument",
    "xlsx": "xlsxdocument:XLSXDocument",
    "parquet": "framedocument:FrameDocument",
    "arrow": "framedocument:FrameDocument",
}
"""What a reader is called -> module:class that writes the same."""
ATTEMPTS = 5
"""How often a file is read that other programs replace meanwhile."""
COURTESY = 0.002
"""Seconds that are left to another process that writes the same file."""


class FileChange:
    """One operation on one file."""

    def __init__(self, operation: Operation, source: FileSource) -> None:
        """Raises ReadOnly for what cannot be written, QueryError."""
        self.operation = operation
        self.source = source
        dataset = source.dataset
        # renaming onto a symbolic link would replace the link
        self.path = Path(os.path.realpath(source.path(operation.values)))
        self.kind = kind_of(self.path.name, dataset.ext)
        if dataset.table is not None:
            raise ReadOnly(f"{self.path}: a table of a workbook cannot be written, only a sheet")
        if self.kind not in KINDS:
            raise ReadOnly(f"{self.path}: {self.kind} cannot be written")
        if self.kind == "json" and dataset.options.get("lines"):
            self.kind = "jsonl"

    def check(self) -> None:
        """Raise what the operation would raise on the file as it is now."""
        self._document(self._content()).apply(self.operation)

    def run(self) -> Change:
        """Do it; returns when it is durable. Changes that wait for the same file share one rewriting."""
        key = (self.kind, self.source.dataset.ext, repr(sorted(self.source.dataset.options.items())))
        change: Change = self.source.shared.writers.submit(self.path, key, self, rewrite)
        return change

    def document(self) -> tuple[Document, durable.Stamp | None]:
        """The file, and what tells whether it has been changed since."""
        for _ in range(ATTEMPTS):
            before = stamp_of(self.path)
            made = self._document(self._content())
            if stamp_of(self.path) == before:
                return made, before
        raise Unavailable(f"{self.path} changes all the time")

    def _content(self) -> bytes | None:
        try:
            check_size(self.path, self.kind, self.source.shared.memory.size)
            content = self.path.read_bytes()
            return content if content or self.kind == "jsonl" else None  # lines may be none at all
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SourceError(f"{self.path}: {error.strerror}") from None

    def _document(self, content: bytes | None) -> Document:
        options = self.source.dataset.options
        if content is not None:
            found: Frame = self.source.open(self.operation.values)
            if found.schema.fields or not isinstance(self.operation, Insert):
                origin = Origin(self.path, self.kind, options, content, found.schema, found.table)
            else:  # an empty list of records
                origin = Origin(self.path, self.kind, options, content, schema_for(self.operation))
        elif isinstance(self.operation, Insert):
            origin = Origin(self.path, self.kind, options, None, schema_for(self.operation))
        else:
            raise SourceError(f"no file {self.path}" if stamp_of(self.path) is None else f"{self.path} is empty")
        module, _, name = KINDS[self.kind].partition(":")
        made = getattr(importlib.import_module(f"gramex_twisted.data.changes.{module}"), name)
        document: Document = made(origin)
        return document


def rewrite(jobs: list[Job], deadline: float) -> None:
    """Do the changes that are the jobs' work in one rewriting of their file, which is durable when this returns."""
    first: FileChange = jobs[0].work
    path = first.path
    _check_writable(path)
    try:
        with durable.locked(beside(path, "lock"), deadline, 0o666):
            while not _rewritten(jobs, path):
                if time.monotonic() >= deadline:
                    raise Unavailable(f"{path} changes all the time")
                time.sleep(COURTESY)
    except TimeoutError:
        raise Unavailable(f"{path}: locked by another process") from None
    except OSError as error:
        raise trouble(path, error) from error


def _rewritten(jobs: list[Job], path: Path) -> bool:
    """Whether the file could be replaced: no other program has changed it meanwhile."""
    for job in jobs:
        job.result = job.error = None
    document: Document | None = None
    stamp: durable.Stamp | None = None
    for job in jobs:
        try:
            if document is None:
                document, stamp = job.work.document()
            job.result = document.apply(job.work.operation)
        except (DataError, QueryError) as error:
            job.error = error
    if document is None or not document.changed or all(job.error for job in jobs):
        return True
    content = document.dump()
    if stamp_of(path) != stamp:
        return False
    os.close(_replace(path, content))
    return True


def _replace(path: Path, content: bytes) -> int:
    """Write it, with the mode and the owner of the old one."""
    try:
        old = path.stat()
    except FileNotFoundError:
        mode = beside(path, "lock").stat().st_mode & 0o666  # which the process's umask has made
        return durable.replace(path, content, beside(path, "tmp"), mode)
    return durable.replace(path, content, beside(path, "tmp"), old.st_mode & 0o7777, (old.st_uid, old.st_gid))


def _check_writable(path: Path) -> None:
    if not path.parent.is_dir():
        raise SourceError(f"{path}: there is no folder {path.parent}")
    if path.exists() and not os.access(path, os.W_OK):
        raise ReadOnly(f"{path} is read-only")


def trouble(path: Path, error: OSError) -> DataError:
    """What it means that a file cannot be written."""
    kind = ReadOnly if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) else Unavailable
    return kind(f"{path}: cannot be written: {error.strerror}")


def beside(path: Path, end: str) -> Path:
    """A hidden file in the same folder."""
    return path.with_name(f".{path.name}.{end}")


def stamp_of(path: Path) -> durable.Stamp | None:
    """What tells a file from one that replaces it; None where there is none."""
    try:
        return durable.stamp(path.stat())
    except FileNotFoundError:
        return None
