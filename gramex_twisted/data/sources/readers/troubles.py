"""What is wrong with a file of text: said with its line, where that can be found."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from gramex_twisted.data.errors import SourceError

if TYPE_CHECKING:
    from gramex_twisted.data.sources.readers.textoptions import TextOptions

OTHERS = {
    b"PK\x03\x04": "a zip archive, as Excel workbooks are",
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow (Feather)",
    b"SQLite format 3": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (xls)",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "compressed (gzip)",
}
"""What files begin with that are no text."""
MOST_LINES = 3_000_000
"""Lines that are looked at to find the broken one."""
SHOWN = 200


def check_text(path: Path) -> None:
    """Raises SourceError for a file that is empty, or plainly something else."""
    try:
        with open(path, "rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    if not start.strip():
        raise SourceError(f"{path} is empty")
    is_ = is_really(start)
    if is_:
        raise SourceError(f"{path} is not text, but {is_}")


def is_really(start: bytes) -> str | None:
    """What a file is that begins with `start`, if it is known."""
    found = next((what for magic, what in OTHERS.items() if start.startswith(magic)), None)
    if found is None and b"\0" in start and start[:2] not in (b"\xff\xfe", b"\xfe\xff") and start.count(b"\0") > 8:
        return "binary"
    return found


def decoded(path: Path, encoding: str) -> str:
    """The text of a file. Raises SourceError."""
    content = path.read_bytes()
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{path}:{line}: not {encoding}: byte {content[error.start]:#04x}") from None
    except UnicodeError as error:
        raise SourceError(f"{path}: not {encoding}: {error}") from None


def explained(
    path: Path, content: Path | bytes, error: Exception, width: int, skip: int, options: TextOptions
) -> SourceError:
    """Why polars could not read it as `width` columns of text."""
    if isinstance(content, Path):
        line = _not_utf8(content)
        if line:
            return SourceError(f"{path}:{line}: not UTF-8; say encoding:, such as cp1252")
    with _lines(content) as lines:
        reader = csv.reader(lines, delimiter=options.separator, quotechar=options.quote or None, strict=True)
        start = 0
        try:
            for row in reader:
                if len(row) > width and start >= skip:
                    return SourceError(f"{path}:{start + 1}: has {len(row)} columns, but the first line has {width}")
                start = reader.line_num
                if start > MOST_LINES:
                    break
        except csv.Error as wrong:
            return SourceError(f"{path}:{start + 1}: {wrong}")
    said = " ".join(str(error).split("\n\n")[0].split())[:SHOWN]
    return SourceError(f"{path}: {said}")


def _lines(content: Path | bytes) -> io.TextIOWrapper:
    """The lines, which are not held in memory."""
    if isinstance(content, bytes):
        return io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
    return open(content, encoding="utf-8-sig", newline="")


def _not_utf8(path: Path) -> int:
    """The first line that is not UTF-8; 0 where all are."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 0
