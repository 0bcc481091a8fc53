"""JSON, lines of JSON, and YAML: lists of records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any

from gramex_twisted.data.changes.cells import Check
from gramex_twisted.data.changes.document import Changes, Document, Origin
from gramex_twisted.data.errors import ReadOnly, SourceError
from gramex_twisted.data.types import Kind

IGNORED = ("encoding", "orient", "convert_dates", "dtype", "lines")
"""Options with which a file can be written as it is read."""


class RecordDocument(Document):
    """A file that is a list of mappings."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin)
        odd = [name for name in origin.options if name not in IGNORED]
        if odd:
            raise ReadOnly(f"{origin.path}: cannot be written with the reader's option {odd[0]}")
        self.encoding = str(origin.options.get("encoding") or "utf-8")
        content = origin.content or b""
        self.mark = b"\xef\xbb\xbf" if content[:3] == b"\xef\xbb\xbf" else b""
        self.text = content[len(self.mark) :].decode(self.encoding)
        self.records: list[Any] = self.parse() if self.text.strip() else []
        if origin.table is not None and len(self.records) != self.frame().height:
            raise SourceError(f"{origin.path}: its {len(self.records)} records are {self.frame().height} rows")

    def parse(self) -> list[Any]:
        """The records."""
        raise NotImplementedError

    def write(self) -> str:
        """The text."""
        raise NotImplementedError

    def value(self, value: Any) -> Any:
        """A value as the file has it."""
        if isinstance(value, Decimal):
            return float(value)
        return value.isoformat() if isinstance(value, date | time) else value

    def checks(self) -> Mapping[str, Check]:
        """See Document. Columns of lists and objects take any."""
        return {field.name: _json for field in self.schema.fields if field.kind is Kind.OTHER}

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """See Document."""
        names = list(self.schema.names)
        self.records += [self.made({name: self.value(row.get(name)) for name in names}) for row in rows]

    def set(self, changes: Changes) -> None:
        """See Document."""
        for places, cells in changes:
            change = {name: self.value(value) for name, value in cells.items()}
            for place in places:
                self.records[place] = self.made({**self.opened(self.records[place]), **change})

    def drop(self, places: Sequence[int]) -> None:
        """See Document."""
        gone = set(places)
        self.records = [record for place, record in enumerate(self.records) if place not in gone]

    def made(self, record: dict[str, Any]) -> Any:
        """A record as `records` has it."""
        return record

    def opened(self, record: Any) -> dict[str, Any]:
        """The opposite."""
        found: dict[str, Any] = record
        return found

    def dump(self) -> bytes:
        """See Document."""
        return self.mark + self.write().encode(self.encoding)


def _json(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None


class JSONDocument(RecordDocument):
    """A list of objects."""

    def parse(self) -> list[Any]:
        """See RecordDocument."""
        found = json.loads(self.text)
        if not isinstance(found, list):
            raise ReadOnly(f"{self.origin.path}: cannot be written, since it is not a list of records")
        return found

    def write(self) -> str:
        """See RecordDocument: with the indentation that it had, and escapes where it had them."""
        ascii_only = self.text.isascii() and "\\u" in self.text
        start = self.text.lstrip()[1:]
        indent: int | str | None = 2 if not self.text else None
        if start[:1] in "\r\n" and start:
            line = start.lstrip("\r\n")
            indent = line[: len(line) - len(line.lstrip(" \t"))]
        compact = indent is None and '": ' not in self.text[:10_000]
        separators = (",", ":") if compact else None
        end = "\n" if self.text.endswith("\n") or not self.text else ""
        return json.dumps(self.records, ensure_ascii=ascii_only, indent=indent, separators=separators) + end


class LinesDocument(RecordDocument):
    """An object a line. Lines that nobody changes keep their very text."""

    def parse(self) -> list[Any]:
        """See RecordDocument."""
        self.compact = '": ' not in self.text.partition("\n")[0]
        return [line for line in self.text.split("\n") if line.strip()]

    def made(self, record: dict[str, Any]) -> Any:
        """See RecordDocument."""
        compact = bool(self.text) and self.compact
        return json.dumps(record, ensure_ascii=False, separators=(",", ":") if compact else None)

    def opened(self, record: Any) -> dict[str, Any]:
        """See RecordDocument."""
        found: dict[str, Any] = json.loads(record)
        return found

    def write(self) -> str:
        """See RecordDocument."""
        return "".join(f"{line}\n" for line in self.records)


class YAMLDocument(RecordDocument):
    """A list of mappings. Comments are lost, so a file that has some is not written."""

    def parse(self) -> list[Any]:
        """See RecordDocument."""
        import yaml

        if any(line.lstrip().startswith("#") or " #" in line for line in self.text.splitlines()):
            raise ReadOnly(f"{self.origin.path}: cannot be written, since it has comments, which would be lost")
        found = yaml.safe_load(self.text)
        if not isinstance(found, list):
            raise ReadOnly(f"{self.origin.path}: cannot be written, since it is not a list of records")
        return found

    def value(self, value: Any) -> Any:
        """See RecordDocument. YAML has dates, but no times of day."""
        return super().value(value) if isinstance(value, Decimal | time) else value

    def write(self) -> str:
        """See RecordDocument."""
        import yaml

        text: str = yaml.safe_dump(self.records, sort_keys=False, allow_unicode=True)
        return text
