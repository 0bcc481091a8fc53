"""FormHandler: a table over HTTP, or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from twisted.internet.defer import gatherResults

from gramex_twisted.data.arguments import parse
from gramex_twisted.data.query import LIMIT, Query
from gramex_twisted.data.schema import Schema
from gramex_twisted.resources.base import Resource, Setup
from gramex_twisted.resources.form import datasets as config
from gramex_twisted.resources.form.asking import Ask, ask
from gramex_twisted.resources.form.assets import ASSET, send_asset
from gramex_twisted.resources.form.chosen import Format, Formats
from gramex_twisted.resources.form.failures import answered, first_error
from gramex_twisted.resources.form.headers import set_meta, set_next
from gramex_twisted.resources.form.options import FormOptions
from gramex_twisted.resources.form.pages import page_of, turned
from gramex_twisted.resources.form.reading import Found, Reading
from gramex_twisted.resources.form.writing import write
from gramex_twisted.services.datasets import Datasets
from gramex_twisted.web.conditional import precondition

if TYPE_CHECKING:
    from gramex_twisted.config.model import Model
    from gramex_twisted.web.context import Context

T = TypeVar("T")
PAGE = 100
"""Rows of a page that people read, unless `_limit` says otherwise."""
Options = Mapping[str, Any]


class FormHandler(Resource):
    """Serves its datasets."""

    options_model: ClassVar[type[Model]] = FormOptions
    in_thread = True

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.datasets = setup.services.part(Datasets)
        self.sets = config.read(setup, self.written(setup))
        self.formats = Formats(setup, self.options)
        self.redirects = setup.redirects(self.options.redirect)

    def written(self, setup: Setup) -> Mapping[str, Any]:
        """The kwargs that describe the datasets."""
        return setup.config.kwargs

    def failing(self) -> AbstractContextManager[None]:
        """Errors of the data inside are statuses outside."""
        return answered(self.name)

    def questions(self, ask: Ask, schema: Schema) -> Mapping[str, Query]:
        """What is asked of a table."""
        names, own = ask.names, ask.own.name
        limit = PAGE if self.formats.choose(ask.first("_format")).info.name == "html" else LIMIT
        query = parse(
            ask.args, schema, defaults=ask.defaults, dataset=own, datasets=names, handled=ask.handled, limit=limit
        )
        return {"": query}

    def result(self, found: Found) -> Any:
        """The answer to the questions of one dataset."""
        return found.answers[""]

    def answers(self, results: Mapping[str, Any], chosen: Format) -> tuple[Mapping[str, Any], bool]:
        """What to write of all datasets' results, by name, and whether that is one table."""
        return results, self.sets.single

    async def on_GET(self, context: Context) -> Any:
        """The rows that the arguments ask for, or a script that a page of them loads."""
        if ASSET in context.args:
            return await send_asset(self.services, context)
        asks = [await ask(self, own, context, context.args) for own in self.sets.sets.values()]
        chosen = self.formats.choose(asks[-1].first("_format"))
        options = chosen.filled(asks[-1].values)
        if self._is_direct(asks, chosen):
            reading = Reading(asks[0], self, context)
            found = await self._job(context, reading, reading.written, chosen, options)
            self._set_headers(context, chosen, options, asks, [found])
            return self._unless_known(context, found) if found.pieces is None else found.pieces
        return await self._shown(context, asks, chosen, options)

    @staticmethod
    def _unless_known(context: Context, found: Found) -> bytes | None:
        """The body, unless the client has it."""
        context.set_header("Etag", found.etag)
        if precondition(context.native.requestHeaders, found.etag, None) == 304:
            context.set_status(304)
            return None
        return found.body

    def _is_direct(self, asks: Sequence[Ask], chosen: Format) -> bool:
        """Whether one thread does it all: nobody sees the rows before they are bytes."""
        needs_page = chosen.info.module in ("htmlpage", "template", "vega")
        return self.sets.single and asks[0].own.modify is None and not needs_page

    async def _shown(self, context: Context, asks: Sequence[Ask], chosen: Format, options: Options) -> Any:
        """Answers that functions of the user, or a page, see before they are written."""
        readings = [Reading(ask, self, context) for ask in asks]
        found = await self._read_all(context, readings, chosen.info.name == "html")
        if chosen.info.name == "html":
            target = turned(context, asks, found)
            if target is not None:
                context.redirect(target, status=303)
                return None
        results: dict[str, Any] = {}
        for reading, each in zip(readings, found, strict=True):
            own, data = reading.ask.own, self.result(each)
            if own.modify is not None:
                shown = await self._job(context, reading, reading.shown_all, data)
                data = await self.run(own.modify, context, shown, own.name, context)
            results[own.name] = data
        whole: Any = results
        if self.sets.modify is not None:
            shown = await self._job(context, readings[0], readings[0].shown_all, results)
            whole = await self.run(self.sets.modify, context, shown, None, context)
        self._set_headers(context, chosen, options, asks, found)
        page = page_of(self, context, asks, found, chosen)
        metas = {each.own.name: next(iter(one.metas().values()), {}) for each, one in zip(asks, found, strict=True)}
        names = {"meta": metas[asks[0].own.name] if self.sets.single else metas, "args": asks[-1].values}
        return await self._job(context, readings[0], readings[0].formatted, chosen, options, whole, page, names)

    async def _read_all(self, context: Context, readings: Sequence[Reading], counted: bool) -> list[Found]:
        """What each dataset has; all are read at once."""
        if len(readings) == 1:
            return [await self._job(context, readings[0], readings[0].rows, counted)]
        jobs = [self._start(context, each, each.rows, counted) for each in readings]
        with answered(self.name), first_error():
            found: list[Found] = await gatherResults(jobs, consumeErrors=True)
        return found

    async def _job(self, context: Context, reading: Reading, function: Callable[..., T], *args: Any) -> T:
        """Call a method of `reading` in a thread of its place; errors of the data become statuses."""
        with answered(self.name):
            found: T = await self._start(context, reading, function, *args)
        return found

    def _start(self, context: Context, reading: Reading, function: Callable[..., T], *args: Any) -> Any:
        own = reading.ask.own
        if own.dataset.is_database:
            context.native.notifyFinish().addErrback(lambda _: self.datasets.cancel(reading.cancel))
        return self.datasets.run(own.place, function, *args)

    def _set_headers(
        self, context: Context, chosen: Format, options: Options, asks: Sequence[Ask], found: Sequence[Found]
    ) -> None:
        chosen.set_headers(context, asks[-1].first("_download"), options)
        for asked, each in zip(asks, found, strict=True):
            if asked.first("_meta"):
                for meta in list(each.metas().values())[:1]:
                    set_meta(context, asked.own.name, meta)
        if self.sets.single:
            set_next(context, found[0].after)

    # Writing ----------------------------------------------------------------------------------------------------------

    async def on_POST(self, context: Context) -> Any:
        """Insert rows."""
        return await write(self, context, "insert")

    async def on_PUT(self, context: Context) -> Any:
        """Change the rows that have the `id` columns' values."""
        return await write(self, context, "update")

    async def on_DELETE(self, context: Context) -> Any:
        """Delete them."""
        return await write(self, context, "delete")
