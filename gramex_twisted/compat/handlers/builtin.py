"""The handlers of this server as classes that apps derive from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from gramex_twisted.compat.awaiting import started
from gramex_twisted.compat.handlers.base import BaseHandler
from gramex_twisted.compat.handlers.resource import ClassResource
from gramex_twisted.config.routes import bind
from gramex_twisted.registry import Registry, options_model
from gramex_twisted.resources.base import Options, Resource, Setup
from gramex_twisted.web.values import encode

PLAIN = (str, bytes, dict, list, int, float, bool)


class BuiltIn(BaseHandler):
    """A handler that answers as the built-in one ``built_in_name``, where its own methods do not."""

    built_in_name: ClassVar[str]
    inner: ClassVar[Resource]

    @classmethod
    def resource_class(cls) -> type[ClassResource]:
        """See BaseHandler; the route's kwargs are those of the built-in handler."""
        made = super().resource_class()
        return type(made.__name__, (BuiltInResource, made), {})


class BuiltInResource(ClassResource):
    """The route of a class derived from a built-in handler."""

    def __init__(self, setup: Setup) -> None:
        handler = self.handler_class
        assert issubclass(handler, BuiltIn)
        self.inner = inner_resource(handler.built_in_name, setup)
        super().__init__(setup)
        self.context_class.inner = self.inner
        for name in ("redirects", "template", "own_headers", "open_to_all", "takes_anonymous", "in_thread"):
            if hasattr(self.inner, name):
                setattr(self, name, getattr(self.inner, name))

    def handlers(self) -> dict[str, Callable[[Any], Any]]:
        """The methods of the built-in handler, and the class's own in their place."""
        return {**{verb: self.forward(verb) for verb in self.inner.handlers()}, **super().handlers()}

    def forward(self, verb: str) -> Callable[[Any], Any]:
        """Answers as the built-in handler, after ``prepare``."""

        async def answer(context: Any) -> Any:
            return await self.serve(verb.lower(), context)

        return answer


def inner_resource(name: str, setup: Setup) -> Resource:
    """The built-in handler ``name`` with the kwargs of a route. Raises ExceptionGroup of ConfigErrors."""
    made = Registry().load(name, setup.where())
    route = bind(setup.config, options_model(made) or Options)
    if route.errors:
        raise ExceptionGroup("route", list(route.errors))
    found: Resource = made(Setup(route, setup.services))
    return found


def built_in(name: str) -> type[BuiltIn] | None:
    """The class for the handler ``name`` (or one of its other names) of this server; None where there is none."""
    registry = Registry()
    name = registry.aliases.get(name, name)
    if name not in registry:
        return None
    handlers = registry.load(name)
    verbs = [attribute[3:] for attribute in dir(handlers) if attribute.startswith("on_") and attribute[3:].isupper()]
    members = {verb.lower(): _method(verb) for verb in verbs}
    return type(name, (BuiltIn,), {**members, "built_in_name": name, "__doc__": handlers.__doc__})


def _method(verb: str) -> Callable[..., Any]:
    def answer(self: BuiltIn, *args: Any, **kwargs: Any) -> Awaitable[None]:
        return started(self_answer(self, verb))

    answer.__name__ = verb.lower()
    return answer


async def self_answer(context: BuiltIn, verb: str) -> None:
    """Answer as the built-in handler: plain values are written, others end the response."""
    value = await context.inner.handlers()[verb](context)
    if value is None or context.finished:
        return
    if isinstance(value, PLAIN):
        encoded = encode(value)
        if encoded.content_type is not None and context.get_header("Content-Type") is None:
            context.set_header("Content-Type", encoded.content_type)
        context.write(encoded.body)
    else:
        context._result = value
