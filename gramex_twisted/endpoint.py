"""Endpoint: one route as Twisted renders it, and the one place where a request ends."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger
from twisted.web import resource, server

from gramex_twisted.current import APP
from gramex_twisted.errors import HTTPError, Redirect
from gramex_twisted.guards.cache import cache_of
from gramex_twisted.guards.chain import guards_of
from gramex_twisted.guards.cors import CorsGuard
from gramex_twisted.guards.methods import effective_method, method_list, not_allowed
from gramex_twisted.resources.base import Resource, Setup, response_headers
from gramex_twisted.resources.errorpage import error_pages
from gramex_twisted.services.logrows import mask
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.web.context import Context
from gramex_twisted.web.errorpages import default_page, is_finish, reason_of, status_of
from gramex_twisted.web.reply import Headers
from gramex_twisted.web.response import respond, send
from gramex_twisted.web.run import drive, let_go
from gramex_twisted.web.securityheaders import HSTS, over_https, security_headers
from gramex_twisted.web.stream import ClientGone
from gramex_twisted.web.values import HTML

if TYPE_CHECKING:
    from gramex_twisted.services.container import Services
    from gramex_twisted.services.sentry.service import Reports
    from gramex_twisted.web.request import Request

log = Logger()

#: Headers that ``web.response.send`` decides; a route that sets one of them itself takes the slower way.
#: Bytes of a body above which a form is read in a thread.
LARGE = 64 << 10

_DECIDED = {"Content-Type", "Content-Encoding", "Etag", "Date"}


class Endpoint(resource.Resource):
    """Serves the requests of one route: guards, then the handler, then the response, the access log and every error.

    It is the ``route`` of its Contexts.
    """

    isLeaf = True

    def __init__(self, setup: Setup, handler: Resource) -> None:
        super().__init__()
        options = handler.options
        self.name = setup.name
        self.config = setup.config
        self.kwargs = setup.config.kwargs
        self.conf = setup.config.conf
        self.services = setup.services
        self.resource = handler
        self.guards = guards_of(handler)
        self.cors = next((guard for guard in self.guards if isinstance(guard, CorsGuard)), None)
        self.cache = cache_of(handler)
        self.handlers = self._allowed(handler, getattr(options, "methods", None), setup)
        self.streams_body = handler.streams_body
        self.context_class: type[Context] = handler.context_class or Context
        self.max_body_size: int | None = getattr(options, "max_body_size", None)
        headers = default_headers(setup, cors=self.cors is not None, own=handler.own_headers)
        self.hsts = headers.pop(HSTS, None)
        self.default_headers = headers
        self.plain_head = None if _DECIDED & headers.keys() else _encoded_head(headers)
        self.error_pages = error_pages(handler, getattr(options, "error", {}))
        self.logged = getattr(options, "log", None) is not False
        self.reports = reports_of(setup.services)
        measures = setup.services.measures
        calls = (
            handler.after,
            None if self.reports is None else self.reports.after,
            None if measures is None else measures.route(self.name).record,
        )
        self.after = tuple(partial(self._after, call) for call in calls if call is not None)

    def _allowed(
        self, handler: Resource, methods: str | list[str] | None, setup: Setup
    ) -> dict[str, Callable[[Context], Any]]:
        found = handler.handlers()
        get = getattr(handler, "on_GET", None)
        if self.cors is not None and get is not None and found.get("OPTIONS") == get:
            del found["OPTIONS"]  # asks what other sites may do, not for what GET gives
        if methods is None:
            return found
        try:
            names = method_list(methods)
        except ValueError as error:
            raise setup.error(str(error), "methods") from None
        if "GET" in names:
            names = (*names, "HEAD")
        return {name: found[name] for name in names if name in found}

    def render(self, request: Request) -> int:
        """Start to answer ``request``."""
        context = self.context_class(request, self, effective_method(request))
        if self.hsts is not None and over_https(context):
            request.responseHeaders.setRawHeaders(HSTS, self.hsts)
        self.services.in_flight.began()
        drive(self._serve(context), self.held)
        return server.NOT_DONE_YET

    def held(self, seconds: float) -> None:
        """A step of this route's requests held the reactor."""
        log.warn(
            "{route}: held the reactor for {ms} ms; make the function a plain def, so that it runs in a thread",
            route=self.name,
            ms=round(seconds * 1000),
        )

    async def _serve(self, context: Context) -> None:
        APP.set(self.services)
        try:
            if context.native.refusal is not None:
                if self.cors is not None:
                    self.cors.mark(context)
                raise context.native.refusal
            value = await self._answer(context)
            if context.reservation is not None and context.get_status() >= 400:
                await context.reservation.give_back()
            await respond(context, value)
        except (Exception, asyncio.CancelledError, SystemExit) as error:  # noqa: BLE001 - whatever user code raises
            await self._failed(context, error)
            let_go(error)
        finally:
            if context.reservation is not None and context.get_status() >= 400:
                await context.reservation.give_back()
            if context.recorder is not None:
                context.recorder.end()
            for call in self.after:
                call(context)
            self.services.in_flight.ended()
            if self.logged:
                self.services.access_log.record(context)

    def _after(self, call: Callable[[Context], None], context: Context) -> None:
        try:
            call(context)
        except Exception:  # noqa: BLE001 - the request has ended: there is nothing left to fail
            log.failure("{route}: what comes after a response failed", route=self.name)

    async def _answer(self, context: Context) -> Any:
        for guard in self.guards:
            value = await guard(context)
            if value is not None:
                return value
        if self.resource.needs_session and context.has_session_cookie:
            await context.load_session()
        if context.native.body_size > LARGE:
            await context.parse_form()
        handler = self._handler(context)
        if self.cache is not None:
            return await self.cache.answer(context, handler)
        return await handler(context)

    def _handler(self, context: Context) -> Callable[[Context], Any]:
        handler = self.handlers.get(context.method)
        if handler is not None:
            return handler
        if context.method == "OPTIONS":
            return self._options
        raise not_allowed(context.method, self.handlers)

    async def _options(self, context: Context) -> None:
        context.set_status(204)
        context.set_header("Allow", ", ".join([*self.handlers, "OPTIONS"]))

    # Errors -----------------------------------------------------------------------------------------------------------

    async def _failed(self, context: Context, error: BaseException) -> None:
        native = context.native
        if is_finish(error):
            context.finished = True
            try:
                await respond(context, None)
                return
            except Exception as second:  # noqa: BLE001 - the session, for one, may not be kept
                error = second
        if isinstance(error, ClientGone) or native._disconnected:
            context.error = "the client left"
            return
        context.error = None if status_of(error) < 400 else _summary(error)
        if isinstance(error, StoreError) or (isinstance(error, HTTPError) and error.__cause__ is None):
            trace = ""
            if status_of(error) >= 500:
                log.error("{route}: {error}", route=self.name, error=str(error))
        elif status_of(error) >= 500:
            trace = "".join(traceback.format_exception(error)).rstrip()
            log.error(
                "{route}: {method} {uri} failed\n{trace}",
                route=self.name,
                method=context.method,
                uri=mask(context.request.uri),
                trace=trace,
            )
            self.report(context, error)
        else:
            trace = ""
        if native.startedWriting:
            native.abort()
        else:
            await self._error_page(context, error, trace)

    def report(self, context: Context, error: BaseException) -> None:
        """Tell whoever collects them of an unexpected error in a request of this route."""
        if self.reports is not None:
            self.reports.error(error, context)

    async def _error_page(self, context: Context, error: BaseException, trace: str) -> None:
        try:
            await context.save_session()
        except Exception as second:  # noqa: BLE001 - the client learns that what it asked for is not kept
            log.error("{route}: the session is not saved: {error}", route=self.name, error=_summary(second))
            error, trace = (second, "") if status_of(error) < 500 else (error, trace)
        cookies = context._cookies
        context.clear()
        context._cookies = cookies
        context.finished = False
        context.set_status(status_of(error), reason_of(error))
        if context.get_status() >= 400 and "no-store" not in (context.get_header("Cache-Control") or ""):
            context.clear_header("Cache-Control")  # it was said of what is not there
        if context.reservation is not None and context.get_status() >= 400:
            await context.reservation.give_back()
        for name, value in getattr(error, "headers", {}).items():
            context.set_header(name, value)
        if isinstance(error, Redirect) or context.get_status() < 400:
            await send(context, b"", None)
            return
        try:
            if isinstance(error, HTTPError) and error.page is not None:
                body, kind = error.page, HTML
            else:
                body, kind = await self.error_pages.render(context, error, trace)
        except Exception as second:  # noqa: BLE001 - a broken error page must not hide the error
            log.failure("{route}: the error page failed", route=self.name)
            context.error = f"{context.error}; error page: {_summary(second)}"
            context.take_written()
            body, kind = default_page(context, error, None)
        context.set_header("Content-Type", kind)
        await send(context, body, kind)


def _summary(error: BaseException) -> str:
    if isinstance(error, HTTPError):
        return error.log_message or error.reason
    return traceback.format_exception_only(error)[-1].strip()


def reports_of(services: Services) -> Reports | None:
    """Where unexpected errors are reported; None where they are only logged, and then nothing is imported for it."""
    if not services.conf.get("sentry"):
        return None
    from gramex_twisted.services.sentry.service import Reports

    reports = services.part(Reports)
    return reports if reports.active else None


def default_headers(setup: Setup, *, cors: bool, own: Mapping[str, str]) -> Headers:
    """The headers of each response of a route: those of the app, replaced or left out by its ``headers:``.

    :param cors: whether a guard decides who may read the response. ``own``: those of the handler.
    :raises ConfigError: for what is no header.
    """
    options = getattr(setup.config.options, "headers", {})
    headers = {"Server": [_server()], **security_headers(setup.services.security)}
    headers |= {name: [value] for name, value in own.items()}
    headers |= response_headers(options, setup, "headers")
    # A null that removes a default of `handlers:` is not in the options: only what is written still tells of it.
    kwargs = setup.config.conf.get("kwargs")
    written = kwargs.get("headers") if isinstance(kwargs, dict) else None
    for source in (options, written):
        for name, value in (source if isinstance(source, dict) else {}).items():
            if value is None:
                headers.pop(str(name).title(), None)
    if cors:
        headers.pop("Access-Control-Allow-Origin", None)
        headers.pop("Access-Control-Allow-Credentials", None)
    return headers


def _server() -> str:
    from gramex_twisted.web.site import SERVER

    return SERVER.decode("ascii")


def _encoded_head(headers: dict[str, list[str]]) -> bytes:
    lines = [f"{name}: {value}\r\n" for name, values in headers.items() for value in values]
    return "".join(lines).encode("utf-8")
