"""Answers one dataset's question in a thread: rows, or bytes where no function of the user wants to see the rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from gramex_twisted.data import formats
from gramex_twisted.data.errors import Cancelled, SourceError
from gramex_twisted.data.formats.answers import frame
from gramex_twisted.data.frame import FrameResult
from gramex_twisted.data.frames import to_pandas, to_polars
from gramex_twisted.data.memory import Memory
from gramex_twisted.data.query import Query
from gramex_twisted.data.records import Result
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.sources.base import Frame, Source, Table
from gramex_twisted.data.sources.files import size_of
from gramex_twisted.data.sources.queries import QuerySource
from gramex_twisted.data.types import QueryError
from gramex_twisted.functions import Function
from gramex_twisted.resources.form.asking import Ask
from gramex_twisted.resources.form.chosen import Format

if TYPE_CHECKING:
    from gramex_twisted.data.formats.page import Page
    from gramex_twisted.resources.form.handler import FormHandler
    from gramex_twisted.web.context import Context

T = TypeVar("T")
Options = Mapping[str, Any]

MANY = 10_000
"""Rows of an answer from a database above which it is streamed."""
KEPT = frozenset({"json", "jsonl", "csv", "parquet", "arrow", "xlsx"})
"""Formats whose bytes depend on nothing but the rows."""


@dataclass
class Found:
    """What a question came to."""

    queries: Mapping[str, Query]
    schema: Schema
    answers: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    after: str | None = None
    """The cursor of the next page."""
    body: bytes | None = None
    etag: str = ""
    pieces: Iterator[bytes] | None = None

    def metas(self) -> dict[str, dict[str, Any]]:
        """What the FH-headers say, for each query."""
        return {name: query.meta_of(self.schema, self.counts.get(name)) for name, query in self.queries.items()}


class Reading:
    """One question to one dataset. Its methods but `cancel` run in one thread."""

    def __init__(self, ask: Ask, handler: FormHandler, context: Context) -> None:
        self.ask = ask
        self.handler = handler
        self.context = context
        self.frames: str = handler.options.frames
        self._table: Table | None = None
        self._gone = False

    def cancel(self) -> None:
        """Nobody waits any more; from any thread."""
        self._gone = True
        table = self._table
        if table is not None:
            table.cancel()

    def rows(self, counted: bool) -> Found:
        """The answers; `counted`: with the number of rows that there are without limits."""
        table = self._open()
        try:
            found = self._found(table)
            for name, query in found.queries.items():
                self._bound(table, query)
                found.answers[name] = answer = table.run(query)
                found.after = answer.after
                if counted or query.meta:
                    found.counts[name] = table.count(query)
            return found
        finally:
            table.close()

    def written(self, chosen: Format, options: Options) -> Found:
        """The answer as bytes, or where it is long as an iterator of them, which closes the table."""
        table = self._open()
        try:
            found = self._found(table)
            [query] = found.queries.values()
            if self._streams(table, query, chosen):
                found.pieces = self._pieces(table, query, chosen, options)
                table = None  # type: ignore[assignment]
                return found
            self._bound(table, query)
            if query.meta:
                found.counts[""] = table.count(query)
            found.body, found.after, found.etag = self._body(table, query, chosen, options)
            return found
        finally:
            if table is not None:
                table.close()

    def _open(self) -> Table:
        """The table, as the dataset's `function` leaves it."""
        ask = self.ask
        table = opened(ask.source, ask.values, self._begun)
        self._begun(table)
        if ask.own.function is None or ask.own.dataset.url is None:
            return table
        try:
            self._table = self._transformed(table, ask.own.function)
        except BaseException:
            table.close()
            raise
        return self._table

    def _begun(self, table: Table) -> None:
        """From now on `cancel` is for `table`. Raises Cancelled where nobody waits any more."""
        self._table = table
        if self._gone:
            table.close()
            raise Cancelled("nobody waits for the answer any more")

    def _transformed(self, table: Table, function: Function) -> Table:
        """What `function` makes of the table; kept as long as the table is the same, unless it looks at the request."""

        def call(data: Any) -> Any:
            return function.call(self.shown(data), self.context)

        version = table.version
        if version is None or "handler" in function.uses:
            return table.transformed(call)
        key = ("function", id(self.ask.own), self._place())
        return Frame(
            self._kept(self.handler.datasets.made, key, version, lambda: table.transformed(call).table, size_of),
            version,
        )

    def shown(self, data: Any) -> Any:
        """A frame as the route's functions want it."""
        return to_polars(data) if self.frames == "polars" else to_pandas(data)

    def shown_all(self, answers: Any) -> Any:
        """Results of queries, alone or in a dict, as the route's functions want them."""
        if isinstance(answers, dict):
            return {name: self.shown_all(answer) for name, answer in answers.items()}
        return self.shown(frame(answers)) if isinstance(answers, FrameResult | Result) else answers

    def formatted(self, chosen: Format, options: Options, whole: Any, page: Page | None, names: Options) -> Any:
        """What is answered: `whole` in the format, or as it is where a function made something else of it.

        `names` are variables of a template.
        """
        if whole is None or isinstance(whole, str | bytes):
            return whole
        known = isinstance(whole, dict)
        results, single = self.handler.answers(whole, chosen) if known else ({self.ask.own.name: whole}, True)
        if single and isinstance(next(iter(results.values())), str | bytes | None):
            return next(iter(results.values()))
        asked = options != chosen.options
        if chosen.info.name == "template":
            options = {"frames": self.frames, **options, **names, "handler": self.context, "render": self._rendered}
        with explained(chosen, asked):
            return formats.write(chosen.info.name, results, single=single, options=options, page=page)

    def _rendered(self, template: str, values: Mapping[str, Any]) -> bytes:
        return self.context.render_string(template, **values)

    def _found(self, table: Table) -> Found:
        return Found(self.handler.questions(self.ask, table.schema), table.schema)

    @staticmethod
    def _streams(table: Table, query: Query, chosen: Format) -> bool:
        long = query.limit is None or query.limit > MANY
        return long and query.by is None and chosen.info.can_stream(chosen.options) and not isinstance(table, Frame)

    def _kept(
        self, memory: Memory, key: Hashable, version: Hashable, make: Callable[[], T], size: Callable[[T], int]
    ) -> T:
        """What `memory` has, or `make` makes for all who wait for it."""
        while True:
            try:
                return memory.get(key, version, make, size, lambda: self._gone)
            except Cancelled:  # whoever made it has left: then we do, unless it was us
                if self._gone:
                    raise

    def _bound(self, table: Table, query: Query) -> None:
        """Refuse what might not fit into memory."""
        most = self.handler.options.max_rows
        height = table.table.height if isinstance(table, Frame) else None
        rows = min((each for each in (query.limit, height) if each is not None), default=None)
        if query.by != () and (rows is None or rows > most):
            raise QueryError("_limit", str(query.limit or ""), f"more than {most} rows, which only a stream may have")

    def _body(self, table: Table, query: Query, chosen: Format, options: Options) -> tuple[bytes, str | None, str]:
        def make() -> tuple[bytes, str | None, str]:
            answer = table.run(query)
            with explained(chosen, options != chosen.options):
                body = formats.write(chosen.info.name, {self.ask.own.name: answer}, single=True, options=options)
            return body, answer.after, f'"{sha256(body).hexdigest()[:24]}"'

        version = table.version
        if version is None or chosen.info.name not in KEPT:
            return make()
        key = (id(self.ask.own), query, chosen.name, repr(options) if options else "", self._place())
        return self._kept(self.handler.datasets.answers, key, version, make, lambda made: len(made[0]))

    def _place(self) -> Hashable:
        """What arguments make of the source."""
        names = self.ask.own.fills
        return tuple(tuple(self.ask.values.get(name, ())) for name in names) if names else None

    @staticmethod
    def _pieces(table: Table, query: Query, chosen: Format, options: Options) -> Iterator[bytes]:
        batches = table.batches(query)
        try:
            first = next(batches, None)  # what goes wrong now is a status still
        except BaseException:
            table.close()
            raise
        fields = query.outputs(table.schema)

        def every() -> Iterator[list[Any]]:
            if first is not None:
                yield first
            yield from batches

        def pieces() -> Iterator[bytes]:
            try:
                yield from formats.stream(chosen.info.name, fields, every(), options)
            finally:
                table.close()

        return pieces()


@contextmanager
def explained(chosen: Format, asked: bool) -> Iterator[None]:
    """Say that the format cannot be written; `asked`: because of options that have arguments in them."""
    try:
        yield
    except QueryError:
        raise
    except ValueError as error:
        if asked:
            raise QueryError("_format", chosen.name, str(error)) from error
        raise SourceError(f"_format={chosen.name}: {error}") from error


def opened(source: Source, values: Mapping[str, Sequence[str]], begun: Callable[[Table], None]) -> Table:
    """The table. One that is not there yet is made first, where `columns:` says what it has.

    `begun` gets a query that is run to open it. Raises DataError.
    """
    if isinstance(source, QuerySource):
        running = source.begin(values)
        begun(running)
        return source.finish(running)
    if not (source.dataset.columns and source.dataset.is_database):
        return source.open(values)
    table = None
    try:
        table = source.open(values)
        table.schema  # noqa: B018 - now the database is asked for it
    except SourceError:
        from gramex_twisted.data import changes

        if table is not None:
            table.close()
        changes.prepare(source, values)
        return source.open(values)
    return table
