"""JSON and JSON lines, from frames and from rows: the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, time
from io import BytesIO
from typing import TYPE_CHECKING, Any

import orjson

from gramex_twisted.data.formats.answers import Answer, Answers, Tabular, only, table, tabular
from gramex_twisted.data.formats.known import Options
from gramex_twisted.data.frame import TEMPORAL, FrameResult
from gramex_twisted.data.framecolumns import iso
from gramex_twisted.data.records import Result, Row, default, dump
from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import Kind

if TYPE_CHECKING:
    import polars as pl

    from gramex_twisted.data.formats.page import Page


OPTION = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME
"""orjson 3.13 writes 00:00:00.010000 as 00:00:00.10000, so times are written here."""


def write(name: str, answers: Answers, *, single: bool, options: Options, page: Page | None) -> bytes:
    """One answer as a list of records, or whatever it is; several as {name: list}. Lines hold one table."""
    if name == "jsonl":
        return _lines(only(answers, name))
    written = [_written(answer, str(options.get("orient", "records"))) for answer in answers.values()]
    if single:
        return _indented(written[0], options)
    pairs = [dump(key) + b":" + text for key, text in zip(answers, written, strict=True)]
    return _indented(b"{" + b",".join(pairs) + b"}", options)


def stream(name: str, fields: Sequence[Field], batches: Iterator[list[Row]], options: Options) -> Iterator[bytes]:
    """The text of `write`, a piece for each batch."""
    columns = tuple(fields)
    if name == "jsonl":
        yield from (_row_lines(Result(columns, rows)) for rows in batches if rows)
        return
    before = b"["
    for rows in batches:
        if rows:
            yield before + Result(columns, rows).json()[1:-1]
            before = b","
    yield b"]" if before == b"," else b"[]"


def text(value: Any) -> bytes:
    """`value` as JSON whatever is in it: integers of any size, keys that are no texts, null for NaN."""
    try:
        return orjson.dumps(value, default=_other, option=OPTION)
    except TypeError:  # such as integers of more than 64 bits, or halves of surrogate pairs
        return json.dumps(_plain(value), separators=(",", ":")).encode()


def _other(value: Any) -> Any:
    """What orjson does not know: tables inside of something else as records, mappings as dicts."""
    found = tabular(value)
    if found is not None:
        return orjson.Fragment(found.json())
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, date | time):
        return value.isoformat() if value == value else None  # NaT
    return list(value) if isinstance(value, tuple) else default(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else _key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int):
        return value
    return orjson.loads(orjson.dumps(value, default=_other, option=OPTION))


def _key(key: Any) -> str:
    """A key as orjson would write it as a value: true, 5, 2024-12-31."""
    return orjson.dumps(key, default=_other).decode().strip('"')


def _written(answer: Answer, orient: str) -> bytes:
    if orient == "records":
        found = tabular(answer)
        return text(answer) if found is None else found.json()
    if orient not in ORIENTS:
        raise ValueError(f"orient {orient!r} is not one of records, {', '.join(ORIENTS)}")
    found = table(answer)
    return text(ORIENTS[orient](found.names, _texts(found)))


def _texts(found: Tabular) -> list[list[Any]]:
    """The rows with times as `dump` wants them."""
    plain = found.result() if isinstance(found, FrameResult) else found
    return [list(record.values()) for record in plain.plain()]


ORIENTS: Mapping[str, Callable[[list[str], list[list[Any]]], Any]] = {
    "split": lambda names, rows: {"columns": names, "index": list(range(len(rows))), "data": rows},
    "values": lambda names, rows: rows,
    "columns": lambda names, rows: {
        name: {str(place): row[column] for place, row in enumerate(rows)} for column, name in enumerate(names)
    },
    "index": lambda names, rows: {str(place): dict(zip(names, row, strict=True)) for place, row in enumerate(rows)},
}
"""What pandas calls the other shapes of its JSON."""


def _indented(written: bytes, options: Options) -> bytes:
    if not options.get("indent"):
        return written
    if options["indent"] not in (2, "2", True):
        raise ValueError(f"indent {options['indent']!r} is not 2")
    return orjson.dumps(orjson.loads(written), option=orjson.OPT_INDENT_2)


def _lines(found: Tabular) -> bytes:
    if isinstance(found, Result):
        return _row_lines(found)
    if any(field.rounded or field.kind is Kind.OTHER for field in found.fields):
        return _row_lines(found.result())
    buffer = BytesIO()
    iso_texts(found.frame, found.fields).write_ndjson(buffer)
    return buffer.getvalue()


def _row_lines(result: Result) -> bytes:
    """A line for each row: four times as fast from the list of all, where no value has records of its own.

    There, `},{"name` stands between two rows only: in a text its quote would have a backslash, or end the text, and
    what follows is no letter then.
    """
    fields = result.fields
    if result.rows and fields and fields[0].name[:1].isalpha() and all(f.kind is not Kind.OTHER for f in fields):
        start = dump(fields[0].name)[:-1]
        return result.json()[1:-1].replace(b"},{" + start, b"}\n{" + start) + b"\n"
    option = orjson.OPT_APPEND_NEWLINE
    return b"".join([orjson.dumps(record, default=default, option=option) for record in result.plain()])


def iso_texts(frame: pl.DataFrame, fields: Sequence[Field], between: str = "T") -> pl.DataFrame:
    """`frame` with its times as texts, `between` date and time."""
    import polars as pl

    texts = {place: field.kind for place, field in enumerate(fields) if field.kind in TEMPORAL}
    if not texts:
        return frame
    renamed = frame.clone()
    renamed.columns = [f"c{place}" for place in range(frame.width)]  # polars takes some names for patterns
    made = [iso(pl.col(f"c{place}"), kind).str.replace("T", between, literal=True) for place, kind in texts.items()]
    written = renamed.with_columns([text.alias(f"c{place}") for text, place in zip(made, texts, strict=True)])
    written.columns = frame.columns
    return written
