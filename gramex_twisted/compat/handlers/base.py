"""BaseHandler: the Context as a class that apps derive handlers from, with the methods of Tornado's and Gramex's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, ClassVar

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.awaiting import started
from gramex_twisted.web.context import Context

if TYPE_CHECKING:
    from gramex_twisted.compat.handlers.resource import ClassResource

SPECIAL_KEYS = (
    *("validate", "transform", "redirect", "methods", "auth", "log", "set_xsrf", "error", "xsrf_cookies", "cors"),
    *("headers", "ratelimit", "cache", "thread", "max_body_size"),
)


class BaseHandler(Context):
    """One request. Each route has a subclass of its own, on which ``setup`` is called once.

    ``get``, ``post`` and so on answer; ``prepare`` is called before, after ``auth:`` and the like have let the request
    pass, and ``on_finish`` after. A ``def`` runs in a thread; a coroutine of whatever kind runs on the reactor.
    """

    name: str
    conf: ClassVar[Any] = AttrDict()
    kwargs: ClassVar[Any] = AttrDict()
    special_keys: ClassVar[list[str]] = list(SPECIAL_KEYS)
    _on_init_methods: ClassVar[list[Callable[[Any], Any]]] = []
    _on_finish_methods: ClassVar[list[Callable[[Any], Any]]] = []
    _result: Any = None

    @classmethod
    def resource_class(cls) -> type[ClassResource]:
        """What serves a route whose handler is this class."""
        from gramex_twisted.compat.handlers.resource import resource_class

        return resource_class(cls)

    @classmethod
    def setup(cls, **kwargs: Any) -> None:
        """Called once for each route, with its kwargs. Yours calls ``super().setup(**kwargs)``."""

    @classmethod
    def clear_special_keys(cls, kwargs: dict[str, Any], *args: str) -> dict[str, Any]:
        """``kwargs`` without those that every handler has, and ``args``."""
        for key in (*cls.special_keys, *args):
            kwargs.pop(key, None)
        return kwargs

    def initialize(self, **kwargs: Any) -> None:
        """Called for each request, with the route's kwargs."""

    def prepare(self) -> Any:
        """Called before the method that answers."""
        for method in self._on_init_methods:
            method(self)

    def on_finish(self) -> Any:
        """Called after the response has been sent."""
        for method in self._on_finish_methods:
            method(self)

    def set_default_headers(self) -> None:
        """Called for each request, to set headers."""

    def get_current_user(self) -> Any:
        """Who is signed in. Yours decides what ``current_user`` is."""
        return Context.current_user.fget(self)  # type: ignore[attr-defined]

    @property
    def current_user(self) -> Any:
        """What ``get_current_user`` has returned, or what an app puts there."""
        if type(self).get_current_user is BaseHandler.get_current_user:
            return Context.current_user.fget(self)  # type: ignore[attr-defined]
        if "_own_user" not in self.__dict__:
            self.__dict__["_own_user"] = self.get_current_user()
        return self.__dict__["_own_user"]

    @current_user.setter
    def current_user(self, user: Any) -> None:
        self.__dict__["_own_user"] = user
        Context.current_user.fset(self, user)  # type: ignore[attr-defined]

    def finish(self, chunk: object = None) -> Awaitable[None]:  # type: ignore[override]
        """See Context; it may be awaited, which waits for nothing."""
        super().finish(chunk)
        return Done()

    def flush(self, include_footers: bool = False) -> Any:
        """See Context; on the reactor it is a Future, to await or yield."""
        flushing = super().flush(include_footers)
        return None if flushing is None else started(_wait(flushing))

    def get_session(self, expires_days: Any = None, new: bool = False) -> Any:
        """The session; ``new``: with another id."""
        if new:
            self.renew_session(expires_days)
        return self.session

    def noop(self) -> None:
        """Nothing."""


class Done:
    """Something to await that is there already."""

    def __await__(self) -> Generator[Any, Any, None]:
        yield from ()


async def _wait(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
