"""Answers as bytes: JSON, CSV, pages, spreadsheets and charts. `KNOWN` has the formats, `write` writes one.

    write("csv", {"data": answer}, single=True) -> bytes
    stream("csv", fields, batches) -> Iterator[bytes]       json, jsonl, csv, in the memory of one batch

All of this blocks: call it in a thread. What a format needs is imported when it is first written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from gramex_twisted.data.formats.known import KNOWN, FormatInfo, Options, known

if TYPE_CHECKING:
    from gramex_twisted.data.formats.answers import Answers
    from gramex_twisted.data.formats.page import Page
    from gramex_twisted.data.records import Row
    from gramex_twisted.data.schema import Field

__all__ = ["KNOWN", "FormatInfo", "known", "stream", "write"]

NO_OPTIONS: Options = {}
PACKAGES = ("polars", "xlsxwriter", "pptx", "seaborn", "matplotlib", "pandas")
"""What formats need and extras install."""


def write(
    name: str, answers: Answers, *, single: bool, options: Options = NO_OPTIONS, page: Page | None = None
) -> bytes:
    """`answers`, one for each dataset, in the format `name`.

    `single`: there is one answer, and its name is not shown. `page` is what the page of the format html knows of the
    request. Raises ValueError with a text for people: an unknown format or option, an answer that is no table,
    more datasets than the format holds, a program or package that is missing.
    """
    info = known(name)
    info.check(options)
    if single and len(answers) != 1:
        raise ValueError(f"{len(answers)} answers are not single")
    try:
        module = import_module(f"{__name__}.{info.module}")
        written: bytes = module.write(name, answers, single=single, options=options, page=page)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in PACKAGES:
            raise
        raise ValueError(missing(info, error)) from error
    return written


def stream(
    name: str, fields: Sequence[Field], batches: Iterator[list[Row]], options: Options = NO_OPTIONS
) -> Iterator[bytes]:
    """The one table of `fields` and `batches` of rows in the format `name`: together, the bytes of `write`.

    Raises ValueError for a format that does not stream with these options: see FormatInfo.can_stream.
    """
    info = known(name)
    info.check(options)
    if not info.can_stream(options):
        raise ValueError(f"format {name} does not stream{' with these options' if info.streams else ''}")
    pieces: Iterator[bytes] = import_module(f"{__name__}.{info.module}").stream(name, fields, batches, options)
    return pieces


def missing(info: FormatInfo, error: ModuleNotFoundError) -> str:
    """What to say where a package is missing."""
    return f"format {info.name} needs {error.name}: pip install 'gramex-twisted[{info.extra}]'"
