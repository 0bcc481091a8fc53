"""CSV and TSV. Rows that nobody changes keep their very bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Any

from gramex_twisted.data.changes.cells import Check
from gramex_twisted.data.changes.document import Changes, Document, Origin
from gramex_twisted.data.errors import ReadOnly, SourceError
from gramex_twisted.data.sources.readers import textoptions
from gramex_twisted.data.sources.readers.textoptions import TextOptions
from gramex_twisted.data.types import Kind

UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
SAMPLE = 100
"""Rows that show how the file writes its values."""
READING = ("header", "names", "usecols", "skiprows", "nrows", "decimal", "thousands", "comment")
"""Options with which a file cannot be written as it is read."""


class TextDocument(Document):
    """A file of records: lines, save that a quoted value may hold line ends."""

    def __init__(self, origin: Origin) -> None:
        self.options = _options(origin)
        content = origin.content or b""
        self.encoding = (self.options.encoding or UTF16.get(content[:2], "utf-8")).lower().replace("_", "-")
        self.mark = _mark(content, self.encoding)
        if self.encoding in ("utf-8-sig", "utf-16") and self.mark:
            self.encoding = UTF16.get(self.mark, "utf-8")
        super().__init__(origin)
        text = content[len(self.mark) :].decode(self.encoding)
        if not text:
            text = self.joined([self.quoted(name) for name in self.schema.names]) + "\n"
            self.changed = True
        if self.options.quote and self.options.quote in text.partition("\n")[0]:
            self.header = next(self.split(text))
        else:
            line, end, _ = text.partition("\n")
            self.header = line + end
        self.body = text[len(self.header) :]
        self.end = "\r\n" if self.header.endswith("\r\n") else "\n"
        if len(self.pieces(self.header)) != len(self.schema.fields):
            raise ReadOnly(f"{origin.path}: cannot be written: its first line has other columns than its rows")
        self._records: list[str] | None = None
        self._tail: list[str] = []

    # --- how it is written

    def split(self, text: str) -> Iterator[str]:
        """The records of `text`, with their line ends."""
        quote = self.options.quote
        start = 0
        while start < len(text):
            end = text.find("\n", start) + 1 or len(text)
            if quote:
                odd = text.count(quote, start, end) % 2
                while odd and end < len(text):
                    following = text.find("\n", end) + 1 or len(text)
                    odd ^= text.count(quote, end, following) % 2
                    end = following
            yield text[start:end]
            start = end

    def pieces(self, record: str) -> list[str]:
        """The values of a record as they are written."""
        separator, quote = self.options.separator, self.options.quote
        line = record.rstrip("\r\n")
        parts = line.split(separator)
        if not quote or quote not in line:
            return parts
        found: list[str] = []
        for part in parts:
            if found and found[-1].count(quote) % 2:
                found[-1] += separator + part
            else:
                found.append(part)
        return found

    def quoted(self, text: str, *, always: bool = False) -> str:
        """`text` as a value."""
        quote = self.options.quote
        if quote and (always or any(char in text for char in (self.options.separator, quote, "\n", "\r"))):
            return quote + text.replace(quote, quote * 2) + quote
        return text

    def joined(self, pieces: Sequence[str]) -> str:
        """A record without its line end. One that would be a blank line is a quoted nothing."""
        return self.options.separator.join(pieces) or (self.options.quote or "") * 2

    # --- what it holds

    @cached_property
    def sample(self) -> list[list[str]]:
        """The first records."""
        found = (self.pieces(record) for record, _ in zip(self.split(self.body), range(SAMPLE), strict=False))
        return [pieces for pieces in found if any(pieces)]

    @cached_property
    def writers(self) -> list[Callable[[Any], str]]:
        """What makes the text of each column's values, as the file has them."""
        quote = self.options.quote or ""
        made = []
        for place, field in enumerate(self.schema.fields):
            like = next((row[place] for row in self.sample if place < len(row) and row[place].strip(quote)), "")
            made.append(self._writer(field.kind, like, always=bool(quote) and like.startswith(quote)))
        return made

    def _writer(self, kind: Kind, like: str, *, always: bool) -> Callable[[Any], str]:
        bare = like.strip(self.options.quote or "")

        def write(value: Any) -> str:
            return "" if value is None else self.quoted(text_of(value, kind, bare), always=always)

        return write

    def checks(self) -> Mapping[str, Check]:
        """Texts that the encoding has, and that need no quoting where there is none."""

        def check(text: str) -> str:
            try:
                text.encode(self.encoding)
            except UnicodeEncodeError as error:
                raise ValueError(f"{error.object[error.start]!r} cannot be written in {self.encoding}") from None
            if not self.options.quote and any(char in text for char in (self.options.separator, "\n", "\r")):
                raise ValueError("holds what separates values, and the file has no quotes")
            return text

        return {field.name: check for field in self.schema.fields if field.kind is Kind.TEXT}

    @property
    def records(self) -> list[str]:
        """The records that are rows; blank lines stay with the record before them."""
        if self._records is None:
            found = list(self.split(self.body))
            blank = "\n\n" in self.origin_text or "\n\r\n" in self.origin_text
            height = self.frame().height - len(self._tail)
            if blank and len(found) != height:
                found = self._without_blank(found)
            if len(found) != height:
                raise SourceError(f"{self.origin.path}: {len(found)} lines are {height} rows, so it cannot be changed")
            if found and not found[-1].endswith("\n"):
                found[-1] += self.end
            self._records = found + self._tail
            self._tail = []
        return self._records

    @property
    def origin_text(self) -> str:
        """All of it, before the changes."""
        return self.header + self.body

    def _without_blank(self, found: Sequence[str]) -> list[str]:
        nothing = set((self.options.quote or "") + self.options.separator + "\r\n")
        kept: list[str] = []
        for record in found:
            if set(record) <= nothing:
                if kept:
                    kept[-1] += record
                else:
                    self.header += record
            else:
                kept.append(record)
        return kept

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """See Document."""
        names = list(self.schema.names)
        made = [
            self.joined([write(row.get(name)) for name, write in zip(names, self.writers, strict=True)]) + self.end
            for row in rows
        ]
        (self._tail if self._records is None else self._records).extend(made)

    def set(self, changes: Changes) -> None:
        """See Document."""
        records = self.records
        columns = {field.name: place for place, field in enumerate(self.schema.fields)}
        for places, cells in changes:
            texts = {columns[name]: self.writers[columns[name]](value) for name, value in cells.items()}
            for place in places:
                pieces = self.pieces(records[place])
                pieces += [""] * (len(columns) - len(pieces))
                for column, text in texts.items():
                    pieces[column] = text
                records[place] = self.joined(pieces) + self.end

    def drop(self, places: Sequence[int]) -> None:
        """See Document."""
        gone = set(places)
        self._records = [record for place, record in enumerate(self.records) if place not in gone]

    def dump(self) -> bytes:
        """See Document."""
        if self._records is None:
            gap = "" if (self.header + self.body).endswith("\n") or not self._tail else self.end
            text = "".join([self.header, self.body, gap, *self._tail])
        else:
            text = "".join([self.header if self.header.endswith("\n") else self.header + self.end, *self._records])
        return self.mark + text.encode(self.encoding)


def text_of(value: Any, kind: Kind, like: str) -> str:
    """A value as a column has it whose first value is `like`."""
    if isinstance(value, bool):
        word = "true" if value else "false"
        return word.upper() if like.isupper() else word.title() if like.istitle() else word
    if isinstance(value, datetime):
        zone = "Z" if kind is Kind.INSTANT and like.endswith("Z") else "+00:00" if kind is Kind.INSTANT else ""
        moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return moment.isoformat("T" if like[10:11] == "T" else " ") + zone
    if isinstance(value, date | time):
        return value.isoformat()
    return value if isinstance(value, str) else str(value)


def _options(origin: Origin) -> TextOptions:
    made = textoptions.parse(origin.path, origin.options, "\t" if origin.kind == "tsv" else ",")
    plain = TextOptions()
    for name in READING:
        if made is None or getattr(made, name) != getattr(plain, name):
            given = name if made is not None else ", ".join(origin.options)
            raise ReadOnly(f"{origin.path}: cannot be written with the reader's option {given}")
    assert made is not None
    return made


def _mark(content: bytes, encoding: str) -> bytes:
    """The mark that the file begins with."""
    if content[:3] == b"\xef\xbb\xbf" and encoding.startswith("utf-8"):
        return content[:3]
    return content[:2] if encoding.startswith("utf-16") and content[:2] in UTF16 else b""
