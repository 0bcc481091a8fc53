"""CSV, and what else is text with a separator.

polars reads it as soon as the first rows have told what its columns hold. Where a later row says otherwise, all is
read as text, and then each column is what all of its values are. Options that polars lacks are read with pandas.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.sources.readers import textoptions, troubles
from gramex_twisted.data.sources.readers.guess import Convert, guess
from gramex_twisted.data.sources.readers.textoptions import TextOptions

if TYPE_CHECKING:
    import polars as pl

Input: TypeAlias = "Path | bytes"

SAMPLE = 1000
"""Rows that tell what columns hold."""
SAMPLED = 1 << 20
"""Bytes that have so many rows in most files: polars takes a tenth of a second to read a few rows of a long one."""
HEAD, LONGEST_HEAD = 1 << 16, 1 << 24
"""Bytes in which the line with the names must end: at first, and at most."""


def read_csv(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """A CSV file. Raises SourceError, with the line where that is known."""
    return _read(path, options, ",")


def read_tsv(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """The same with tabs."""
    return _read(path, options, "\t")


def _read(path: Path, options: dict[str, Any], separator: str) -> pl.DataFrame:
    troubles.check_text(path)
    known = textoptions.parse(path, options, separator)
    if known is None:
        return textoptions.read_with_pandas(path, {"sep": separator, **options})
    return TextFile(path, known).read()


class TextFile:
    """A file to be read, once."""

    def __init__(self, path: Path, options: TextOptions) -> None:
        self.path = path
        self.options = options
        self.input: Input = path
        with open(path, "rb") as file:
            self.start = file.read(HEAD)
        encoding = options.encoding or ("utf-16" if self.start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
        if encoding.lower().replace("_", "-") not in ("utf-8", "utf8", "utf-8-sig"):
            self.input = troubles.decoded(path, encoding).encode()
            self.start = self.input[:HEAD]
        if b"\r" in self.start and b"\n" not in self.start:  # as old Macs ended lines
            content = self.input if isinstance(self.input, bytes) else path.read_bytes()
            self.input = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            self.start = self.input[:HEAD]

    def read(self) -> pl.DataFrame:
        """What is in it."""
        import polars as pl

        names, skip = self.names()
        shown = self.shown(names)
        texts: list[Any] = [pl.String()] * len(names)
        sample = self.sample(len(names), skip, shown, texts)
        types = list(texts)
        for place in shown:
            types[place] = self.type_of(sample[f"column_{place}"], names[place])
        # also where the sample was all: only a read to the end finds a quote that is never closed
        found = self.parse(len(names), skip, shown, types, self.options.nrows, fallback=types != texts)
        frame = self.without_blank_lines(found)
        made = [self.typed(frame[f"column_{place}"], names[place]).alias(names[place]) for place in shown]
        return pl.DataFrame(made)

    def names(self) -> tuple[list[str], int]:
        """The columns' names, and how many lines come before the rows."""
        options = self.options
        first, lines = self.record(options.skiprows + (options.header or 0))
        skip = options.skiprows if options.header is None else lines
        if options.names is not None:
            if len(options.names) < len(first):
                raise SourceError(f"{self.path}: names: has {len(options.names)} of {len(first)} columns")
            return list(options.names), skip
        if options.header is None:
            return [str(place) for place in range(len(first))], skip
        return unique(first), skip

    def record(self, skip: int) -> tuple[list[str], int]:
        """The first record after `skip` lines, and the lines up to its end; blank lines are none."""
        size = HEAD
        while True:
            text = self.start.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
            lines = io.StringIO(text, newline="")
            for _ in range(skip):
                lines.readline()
            options = self.options
            reader = csv.reader(
                iter(lines.readline, ""),  # and not `lines`, which cannot tell then where it is
                delimiter=options.separator,
                quotechar=options.quote or None,
                quoting=csv.QUOTE_NONE if options.quote is None else csv.QUOTE_MINIMAL,
                strict=True,
            )
            found: list[str] = []
            wrong = "ends before its header" if skip else "is empty"
            try:
                found = next((row for row in reader if row and not self.is_comment(row)), [])
            except csv.Error as error:
                wrong = f"begins with a broken line: {error}"
            complete = lines.tell() < len(text) or len(self.start) < size
            if complete or size >= LONGEST_HEAD:
                if not found:
                    raise SourceError(f"{self.path} {wrong}")
                return found, skip + reader.line_num
            size *= 4
            self.start = self.more(size)

    def is_comment(self, row: list[str]) -> bool:
        """Whether a record is a line of comment."""
        return bool(self.options.comment and row[0].startswith(self.options.comment))

    def more(self, size: int) -> bytes:
        """The first `size` bytes."""
        if isinstance(self.input, bytes):
            return self.input[:size]
        with open(self.input, "rb") as file:
            return file.read(size)

    def shown(self, names: Sequence[str]) -> list[int]:
        """The places of the columns to read."""
        wanted = self.options.usecols
        if wanted is None:
            return list(range(len(names)))
        missing = [name for name in wanted if name not in names and not (isinstance(name, int) and name < len(names))]
        if missing:
            raise SourceError(f"{self.path}: usecols: there is no column {missing[0]!r}")
        return [place for place, name in enumerate(names) if name in wanted or place in wanted]

    def sample(self, width: int, skip: int, shown: list[int], types: Sequence[Any]) -> pl.DataFrame:
        """The first rows. A line in the midst of quotes may end them: what they tell is tried on all rows."""
        start = self.more(SAMPLED)
        source = start[: start.rfind(b"\n") + 1] if len(start) == SAMPLED else start
        return self.parse(width, skip, shown, types, SAMPLE, source=source)

    def parse(
        self,
        width: int,
        skip: int,
        shown: list[int],
        types: Sequence[Any],
        rows: int | None,
        fallback: bool = False,
        source: bytes | None = None,
    ) -> pl.DataFrame:
        """The rows of the file; with `fallback` as text, where they are not of `types`. Or those of `source`."""
        import polars as pl

        schema = {f"column_{place}": dtype for place, dtype in enumerate(types)}
        options = self.options
        given = ["", *options.asked_nothing] if options.asked_nothing else None
        try:
            return pl.read_csv(
                self.input if source is None else source,
                has_header=False,
                skip_lines=skip,
                schema=schema,
                columns=shown if len(shown) < width else None,
                separator=options.separator,
                quote_char=options.quote,
                comment_prefix=options.comment,
                null_values=given,
                n_rows=rows,
                missing_columns="insert",
            )
        except pl.exceptions.NoDataError:
            return pl.DataFrame(schema={f"column_{place}": pl.String() for place in shown})
        except (pl.exceptions.PolarsError, OSError) as error:
            if fallback or source is not None:
                return self.parse(width, skip, shown, [pl.String()] * width, rows)
            raise troubles.explained(self.path, self.input, error, width, skip, options) from None

    def type_of(self, series: pl.Series, name: str) -> Any:
        """What polars is told that a column holds, by its first values."""
        import polars as pl

        if name in self.options.texts or self.options.all_texts or self.plain is not None:
            return pl.String()
        found = guess(series, self.options.nothing)
        return found.series.dtype if found.exact else pl.String()

    def typed(self, series: pl.Series, name: str) -> pl.Series:
        """A column as what it holds."""
        import polars as pl

        if series.dtype != pl.String or name in self.options.texts or self.options.all_texts:
            return series
        return guess(series, self.options.nothing, self.plain).series

    @property
    def plain(self) -> Convert | None:
        """What makes usual numbers of those of other countries."""
        decimal, thousands = self.options.decimal, self.options.thousands
        if decimal == "." and not thousands:
            return None

        def plain(texts: pl.Series) -> pl.Series:
            bare = texts.str.replace_all(thousands, "", literal=True) if thousands else texts
            return bare.str.replace_all(decimal, ".", literal=True) if decimal != "." else bare

        return plain

    def without_blank_lines(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` without the rows that are blank lines of the file."""
        import polars as pl

        if not frame.height or not all(series.null_count() for series in frame):
            return frame
        text = self.input if isinstance(self.input, bytes) else self.input.read_bytes()
        if b"\n\n" not in text and b"\n\r\n" not in text:
            return frame
        return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def unique(names: Sequence[str]) -> list[str]:
    """`names`, each different, as pandas has them: a, a.1, and `Unnamed: 2` for one that is empty."""
    made: list[str] = []
    for place, name in enumerate(names):
        wanted = base = name or f"Unnamed: {place}"
        count = 0
        while wanted in made or (count and wanted in names):
            count += 1
            wanted = f"{base}.{count}"
        made.append(wanted)
    return made
