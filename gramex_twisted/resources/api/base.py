"""BaseAPIHandler: a request's arguments become ``context.args``, what the methods return an answer in any format."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.logger import Logger

from gramex_twisted.config.apis import ApiSettings
from gramex_twisted.config.model import Model
from gramex_twisted.functions.modes import is_async
from gramex_twisted.options import ManyOptionsError, OptionError
from gramex_twisted.options.optionset import METHODS
from gramex_twisted.resources.api.answers import Answer, is_light
from gramex_twisted.resources.api.caching import cache_control
from gramex_twisted.resources.api.errors import error_body, refusal
from gramex_twisted.resources.api.formats import FORMATS
from gramex_twisted.resources.api.formats.htmlpage import ASSET, script
from gramex_twisted.resources.api.negotiate import accepted
from gramex_twisted.resources.api.options import APIOptions, TableBuilder
from gramex_twisted.resources.api.reading import LARGE, LONGEST, arguments_of, read_arguments
from gramex_twisted.resources.api.reshaping import Reshaping
from gramex_twisted.resources.api.tracking import analytics_of, track
from gramex_twisted.resources.base import Resource, Setup
from gramex_twisted.web.response import HANDLED, Body
from gramex_twisted.web.run import as_deferred, is_awaitable

if TYPE_CHECKING:
    from gramex_twisted.options import Arguments, OptionSet
    from gramex_twisted.services.analytics.service import Analytics
    from gramex_twisted.web.context import Context

log = Logger()

SCRIPT = f"?{ASSET}=tree.js".encode()
_NOTHING: frozenset[str] = frozenset()
_USUAL = frozenset({dict, list})
_JMES = ("jmespath", "jmespath_exclude_empty")

#: Every site may call an API, without its visitors' cookies.
OPEN: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Credentials": "false",
    "Access-Control-Max-Age": "60",
}


class BaseAPIHandler(Resource):
    """The base of APIs written in Python.

    A subclass has ``kwargs``, its options by method, and ``on_GET(context)``, ``on_POST`` ...: ``async def``, or
    ``def``, run in a thread. ``context.args`` are the arguments, ``context.format`` is the answer's format. What they
    return, a dict, list, DataFrame or anything that JSON can say, is written in it; an iterator's items are a list, and
    sent one by one as ``jsonl``.
    """

    options_model: ClassVar[type[Model]] = APIOptions
    takes_anonymous = True
    needs_session = True
    in_thread = True

    #: Its name in ``api.<NAME>_KWARGS``; without one, that of the route.
    name = ""
    #: Method, or "*" for all -> name -> Definition or what one is made of.
    kwargs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    #: The format where neither ``?format=`` nor Accept names one.
    format: ClassVar[str] = "json"
    #: Seconds that clients may keep an answer to GET; False: no Cache-Control; None: as the app says.
    cache: ClassVar[int | bool | None] = None
    #: Items of an iterator that are gathered for other formats than jsonl; None: as the app says.
    max_items: ClassVar[int | None] = None
    #: Whether an error lists everything that is wrong with the arguments.
    all_errors: ClassVar[bool] = False
    #: Whether analytics, where the app has some, are told of its requests.
    analytics: ClassVar[bool] = True

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options = self.options
        self.default_format: str = options.format or self.format
        if self.default_format not in FORMATS:
            raise setup.error(f"unknown format {self.default_format!r}; use {', '.join(FORMATS)}", "format")
        if "cors" not in setup.config.kwargs:
            self.own_headers, self.open_to_all = OPEN, True
        self.optionset = self._optionset(setup)
        self.grouped = {name for name in ("format", *_JMES) if self._in_group(name)}
        self.reshapes = any("jmespath" in self.optionset.options(name) for name in METHODS)
        settings = ApiSettings.model_validate(setup.services.conf.get("api") or {})
        self.most_items = options.max_items or self.max_items or settings.max_items
        self.longest_body: int = options.max_body_size or LONGEST
        self.known = {name: self._names(name) for name in METHODS}
        self.cache_control = self._cache_control(settings)
        told = analytics_of(setup, wanted=self.analytics if options.analytics is None else options.analytics)
        self.after = None if told is None else partial(self._tell, told)

    def _optionset(self, setup: Setup) -> OptionSet:
        table = TableBuilder(setup)
        table.add_settings(self.options.name or type(self).name or setup.name)
        table.add_class(type(self), self.kwargs)
        self.add_options(table)
        table.add_format()
        every = self.options.all_errors
        return table.build(all_errors=self.all_errors if every is None else every)

    def add_options(self, table: TableBuilder) -> None:
        """Add the options of this one route to ``table``."""
        table.add_route(self.options.options)

    def _names(self, method: str) -> frozenset[str]:
        """Every name that an argument of ``method`` may have."""
        options = self.optionset.options(method)
        return frozenset(name for option in options.values() for name in option.locator.names)

    def _in_group(self, name: str) -> bool:
        """Whether some option ``name`` is nested in a group."""
        options = (self.optionset.options(method).get(name) for method in METHODS)
        return any(option is not None and option.definition.group for option in options)

    def _cache_control(self, settings: ApiSettings) -> tuple[str, str] | None:
        route = self.options.cache
        written = route if route is False or type(route) is int else None
        return cache_control(settings.cache, self.cache, written)

    # A request --------------------------------------------------------------------------------------------------------

    def handlers(self) -> dict[str, Callable[[Context], Any]]:
        """See Resource: each method, with all that an API does before and after it."""
        found = super().handlers()
        return {
            name: method if name == "OPTIONS" else partial(self._serve, partial(self._called, method, is_async(method)))
            for name, method in found.items()
        }

    async def _serve(self, call: Callable[[Context], Awaitable[Any]], context: Context) -> Any:
        native = context.native
        if native.uri.endswith(SCRIPT):
            return self._script(context)
        known = self.known.get(context.method, _NOTHING)
        if native.body_size:
            sent = await read_arguments(context, known, self.longest_body)
        else:
            sent = arguments_of(context, known)
        if native.body_size > LARGE:
            await self.services.threads.run(self.prepare, context, sent)
        else:
            self.prepare(context, sent)
        return await self.reply(context, await call(context))

    async def _called(self, method: Callable[[Context], Any], asynchronous: bool, context: Context) -> Any:
        """What the user's ``method`` returns."""
        result = method(context) if asynchronous else await self.services.threads.run(method, context)
        if is_awaitable(result):
            result = await as_deferred(result, self.services.reactor, context.route.held, eager=True)
        return result

    def _script(self, context: Context) -> bytes:
        """The script of the HTML format, which an API has at its own address, since the app may have no other."""
        context.set_header("Content-Type", "text/javascript; charset=utf-8")
        context.set_header("Cache-Control", "max-age=86400")
        return script()

    def prepare(self, context: Context, sent: Arguments) -> None:
        """Set ``context.sent``, ``args`` and ``format``.

        :raises HTTPError: 400 for an argument that does not do.
        """
        context.sent = sent
        try:
            args = self.optionset.parse(context.method, sent)
        except (OptionError, ManyOptionsError) as error:
            raise refusal(error) from None
        context.format = args["format"] = self._format(context, args)
        context.args = args

    def _format(self, context: Context, args: Mapping[str, Any]) -> str:
        wanted = self._argument(args, "format")
        if wanted is None:
            return self.variant(context)
        if wanted not in FORMATS:
            raise refusal(OptionError(keyword="format", allowed=list(FORMATS)))
        return str(wanted)

    def _argument(self, args: Mapping[str, Any], name: str) -> Any:
        """The argument ``name``, which may be in a group."""
        value = args.get(name)
        if value is None and name in self.grouped:
            groups = (group for group in args.values() if isinstance(group, dict))
            value = next((group[name] for group in groups if name in group), None)
        return value

    # The answer -------------------------------------------------------------------------------------------------------

    async def reply(self, context: Context, result: Any) -> Any:
        """What the response is made of, its headers set: ``result`` in the format that was asked for.

        What answers by itself is left alone: ``handler.write`` and ``redirect``, streams, bytes.
        """
        if type(result) in _USUAL and not (self.reshapes or context.finished):
            return await self._written(context, result)
        if result is HANDLED or context.finished or (result is None and (context._chunks or context.stream)):
            return None if result is not HANDLED else result
        if isinstance(result, bytes) or (not isinstance(result, (dict, list, str)) and isinstance(result, Body)):
            return result
        answer = Answer(self.services, context)
        reshaping = self._reshaping(context) if self.reshapes else None
        if isinstance(result, (AsyncIterator, Iterator)):
            if context.format == "jsonl":
                self.set_headers(context)
                return answer.lines(result, reshaping)
            result = await answer.collected(result, self.most_items)
        if reshaping is not None:
            result = await self.services.threads.run(reshaping.answer, result)
        if result is None and context.get_status() in (204, 304):
            return None
        return await self._written(context, result)

    async def _written(self, context: Context, value: Any) -> bytes:
        """``value`` in the format of the request, and the headers that say so."""
        written = FORMATS[context.format or "json"]
        if written.encode is not None and is_light(value, written.light):
            body = written.encode(value)
        else:
            body = await Answer(self.services, context).encoded(value)
        self.set_headers(context)
        return body

    def _reshaping(self, context: Context) -> Reshaping | None:
        """What the argument ``jmespath`` asks for."""
        parts, exclude = (self._argument(context.args or {}, name) for name in _JMES)
        return Reshaping(parts, exclude_empty=bool(exclude)) if parts else None

    def _tell(self, analytics: Analytics, context: Context) -> None:
        if not context.native.uri.endswith(SCRIPT):
            track(analytics, context)

    def set_headers(self, context: Context) -> None:
        """The headers of an answer that is no error."""
        headers = context._own_headers
        headers["Content-Type"] = [FORMATS[context.format or "json"].content_type]
        headers.setdefault("Vary", []).append("Accept")
        control = self.cache_control
        if (
            control is not None
            and context.method in ("GET", "HEAD")
            and context._status < 400
            and "Cache-Control" not in headers
        ):
            # The session has been fetched, where there is one: see needs_session.
            headers["Cache-Control"] = [control[1] if context.known_user else control[0]]

    def error_page(self, context: Context, error: BaseException, traceback: str | None) -> tuple[bytes, str]:
        """See Resource: the error, in the format that was asked for."""
        name = context.format or self._format_of_errors(context)
        context.add_header("Vary", "Accept")
        body = error_body(error, traceback)
        try:
            return Answer(self.services, context).page(name, body), FORMATS[name].content_type
        except TypeError as second:
            log.error("{route}: details of an error cannot be written: {error}", route=context.name, error=str(second))
            body = {key: body[key] for key in ("code", "success", "error")}
            return Answer(self.services, context).page(name, body), FORMATS[name].content_type

    def wants_page(self, context: Context) -> bool:
        """See Resource: a person gets the route's own page, a program what it can read."""
        return (context.format or self._format_of_errors(context)) == "html"

    def _format_of_errors(self, context: Context) -> str:
        """What the query asks for, where the arguments have not been read: the body may be what is wrong."""
        values = context.request.query_arguments.get("format", ())
        wanted = values[-1].decode("utf-8", "replace").strip() if values else ""
        return wanted if wanted in FORMATS else self.variant(context)

    def variant(self, context: Context) -> str:
        """See Resource: the format that the Accept header asks for."""
        sent = context.native.requestHeaders.getRawHeaders(b"Accept")
        return accepted(b",".join(sent).decode("latin-1"), self.default_format) if sent else self.default_format
