"""ClassResource: a route whose handler is an app's own class, derived from BaseHandler."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.handlers.base import BaseHandler
from gramex_twisted.functions.modes import mode_of_callable
from gramex_twisted.resources.base import Options, Resource, Setup
from gramex_twisted.web.errorpages import status_of
from gramex_twisted.web.run import as_deferred, is_awaitable
from gramex_twisted.web.tornadoloop import meet_tornado
from gramex_twisted.web.values import HTML

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

log = Logger()

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")


class ClassOptions(Options):
    """The kwargs of a class of an app: those of every route, and its own, which its ``setup`` gets."""

    extras = "keep"

    validate_: Any = Field(default=None, alias="validate", description="Not here: check arguments in `prepare`.")


class ClassResource(Resource):
    """Makes an object of the route's class for each request, and calls its methods."""

    options_model = ClassOptions
    needs_session = True
    handler_class: ClassVar[type[BaseHandler]]

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        conf = AttrDict.deep(setup.config.conf)
        conf["kwargs"] = kwargs = AttrDict.deep(setup.config.kwargs)
        members = {"name": setup.name, "conf": conf, "kwargs": kwargs, "cache": None}
        members |= {"_on_init_methods": [], "_on_finish_methods": [], "_route_resource": self}
        self.context_class = type(self.handler_class.__name__, (self.handler_class,), members)
        self.redirects = setup.redirects(self.options.redirect)
        meet_tornado(self.services.reactor)
        self.context_class.setup(**AttrDict.deep(setup.config.kwargs))

    def handlers(self) -> dict[str, Callable[[Context], Any]]:
        """The methods that the class has."""
        found = {verb: getattr(self.context_class, verb.lower(), None) for verb in METHODS}
        answers = {verb: partial(self.serve, verb.lower()) for verb, method in found.items() if _answers(method)}
        if "GET" in answers:
            answers.setdefault("HEAD", answers["GET"])
        return answers  # type: ignore[return-value]

    async def serve(self, method: str, context: BaseHandler) -> Any:
        """Call ``prepare`` and the method. What was written, or what a built-in handler has answered, is sent."""
        own = type(context)
        if own.initialize is not BaseHandler.initialize:
            await self.call(context.initialize, **context.kwargs)
        if own.set_default_headers is not BaseHandler.set_default_headers:
            await self.call(context.set_default_headers)
        if own.prepare is not BaseHandler.prepare or context._on_init_methods:
            await self.call(context.prepare)
        if not context.finished:
            await self.call(getattr(context, method), *context.path_args, **context.path_kwargs)
        return context._result

    async def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The result of a method, called where it belongs."""
        mode = mode_of_callable(method)
        in_thread = mode == "thread" if self.options.thread is None or mode == "async" else self.options.thread
        result = await self.services.threads.run(method, *args, **kwargs) if in_thread else method(*args, **kwargs)
        if is_awaitable(result):
            result = await as_deferred(result, self.services.reactor, self.held)
        return result

    def held(self, seconds: float) -> None:
        """A method held the reactor."""
        self.services.endpoints[self.name].held(seconds)

    def after(self, context: Context) -> None:
        """Call ``on_finish``, if the class has one. A reload waits for it."""
        assert isinstance(context, BaseHandler)
        if type(context).on_finish is BaseHandler.on_finish and not context._on_finish_methods:
            return
        self.services.in_flight.began()
        called = Deferred.fromCoroutine(self.call(context.on_finish))
        called.addErrback(lambda failure: log.failure("{route}: on_finish failed", failure, route=self.name))
        called.addBoth(lambda _: self.services.in_flight.ended())

    def error_page(self, context: Context, error: BaseException, traceback: str | None) -> tuple[bytes, str]:
        """What the class's ``write_error`` writes, if it has one."""
        write_error = getattr(context, "write_error", None)
        if write_error is None or write_error.__module__ == "tornado.web":
            return super().error_page(context, error, traceback)
        write_error(status_of(error), exc_info=(type(error), error, error.__traceback__))
        return context.take_written(), context.get_header("Content-Type") or HTML


def _answers(method: Any) -> bool:
    return callable(method) and getattr(method, "__name__", "") != "_unimplemented_method"  # Tornado's own


def resource_class(handler: type[BaseHandler]) -> type[ClassResource]:
    """The ClassResource of ``handler``."""
    return type(handler.__name__, (ClassResource,), {"handler_class": handler, "__doc__": handler.__doc__})
