"""The base of every handler: its options, what it is built from, and where its user functions run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field
from twisted.web import resource

from gramex_twisted.config.document import RouteConfig
from gramex_twisted.config.marks import dotted
from gramex_twisted.config.model import Model, Size
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import Function, compile_function
from gramex_twisted.guards.cache import CacheOptions
from gramex_twisted.guards.cors import CorsOptions, long_form
from gramex_twisted.services.container import Services
from gramex_twisted.services.pipelines import Pipelines
from gramex_twisted.web.errorpages import default_page
from gramex_twisted.web.redirects import Redirects
from gramex_twisted.web.reply import canonical, header_value
from gramex_twisted.web.run import as_deferred, is_awaitable
from gramex_twisted.web.tornadoloop import meet_tornado

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context
    from gramex_twisted.web.request import Request

_PLAIN = (str, bytes, dict, list, int, float, bool, type(None))

Cors = Annotated[CorsOptions | None, BeforeValidator(long_form, json_schema_input_type=bool | CorsOptions | None)]


class Options(Model):
    """The kwargs that every route takes."""

    methods: str | list[str] | None = Field(
        default=None, description="HTTP methods that are answered, `GET, POST` or a list; others get 405."
    )
    headers: dict[str, Any] = Field(
        default={}, description="HTTP headers of every response. null leaves out one that `app.security` sets."
    )
    error: dict[int, dict[str, Any]] = Field(
        default={},
        description="Own error pages: status -> `{path: template, autoescape, whitespace, headers}` or "
        "`{function, args}` with the variables status_code, kwargs, handler, content.",
    )
    transform: dict[str, Any] = Field(
        default={},
        description="Glob -> `{function, encoding, headers}`: `function` gets `content, handler` of matching files.",
    )
    thread: bool | None = Field(
        default=None,
        description="Where `def` functions run: false on the reactor, true in a thread; default: in a thread "
        "unless the expression cannot block.",
    )
    max_body_size: Size | None = Field(
        default=None, description="Longest request body in bytes, `1GB` works too; default: app.listen.max_body_size."
    )
    redirect: str | dict[str, Any] | None = Field(
        default=None,
        description="Where to go when done: a URL, or `{query: next, header: X-Next, url: /}` tried in that order; "
        "other sites only with `external: true`.",
    )
    log: bool | dict[str, Any] | None = Field(
        default=None,
        description="false leaves this route out of the access log. The `fields` of Gramex 1.x have no effect.",
    )
    auth: bool | str | dict[str, Any] | None = Field(default=None, description="Who may use the route.")
    validate_: Any = Field(
        default=None,
        alias="validate",
        description="Functions of `handler`, one or a list: where one comes to nothing true, or raises, the request is "
        "refused, with `{function, code, reason}` as `code` (400) and `reason` say.",
    )
    cors: Cors = Field(
        default=None,
        description="Which other sites may call the route from a browser: true for all, or "
        "`{origins, methods, headers, auth, max_age}`.",
    )
    ratelimit: dict[str, Any] | list[dict[str, Any]] | None = Field(
        default=None,
        description="How often the route may be called: `{keys: [daily, user.id], limit: 100, pool: name}` or a list.",
    )
    xsrf_cookies: bool | None = Field(
        default=None,
        description="false: POST, PUT, PATCH and DELETE need no XSRF token here. Only where no cookie says who asks.",
    )
    set_xsrf: bool | None = Field(
        default=None, description="true: set the `_xsrf` cookie on GET, for pages whose scripts send it back."
    )
    cache: bool | CacheOptions | None = Field(
        default=None, description="true, or which GET responses are kept: `{key, expiry, status, store}`."
    )


@dataclass(frozen=True)
class Setup:
    """What a resource is built from."""

    config: RouteConfig
    services: Services

    @property
    def name(self) -> str:
        """The route's name in ``url:``."""
        return self.config.name

    def where(self, *keys: str | int) -> str:
        """``file:line:column`` of a kwarg: ``where("error", 404, "path")``."""
        return str(self.config.mark("kwargs", *keys))

    def function(self, spec: object, variables: Sequence[str] | Mapping[str, Any], *keys: str | int) -> Function:
        """The compiled user function ``spec``, written at the kwarg ``keys``.

        :raises ConfigError: with the place of that kwarg.
        """
        try:
            function = compile_function(spec, variables, self.where(*keys), modules=self.services.modules)
        except ConfigError as error:
            raise ConfigError(error.where, f"{self._path(keys)}: {error.message}") from error.__cause__
        if function.mode == "async":
            meet_tornado(self.services.reactor)
        return function

    def redirects(self, option: str | dict[str, Any] | None) -> Redirects:
        """Where the route's ``redirect:`` leads.

        :raises ConfigError: for an unknown key.
        """
        try:
            return Redirects(option, self.name)
        except ValueError as error:
            raise self.error(str(error), "redirect") from None

    def error(self, message: str, *keys: str | int) -> ConfigError:
        """A ConfigError about the kwarg ``keys``."""
        return ConfigError(self.where(*keys), f"{self._path(keys)}: {message}")

    def _path(self, keys: tuple[str | int, ...]) -> str:
        return dotted(("url", self.name, "kwargs", *map(str, keys)))


class Resource(resource.Resource):
    """One handler configured for one route.

    A subclass names its ``options_model`` and has a coroutine ``on_GET(context)``, ``on_POST`` ... for each method that
    it answers; what they return becomes the response. ``__init__`` may raise ConfigError; it opens nothing. Immutable
    afterwards: what belongs to a request is on the Context.
    """

    isLeaf = True
    options_model: ClassVar[type[Model]] = Options
    #: Whether the session is fetched before the handler, since its code runs on the reactor and may ask for it.
    needs_session = False
    #: Whether iterators that its functions return are iterated in a thread.
    in_thread = False
    #: Whether the handler of a streamed form calls ``context.check_xsrf_field`` before it keeps anything of it.
    checks_xsrf_field = False
    #: Headers of each response, errors too, unless the route's ``headers:`` say otherwise.
    own_headers: Mapping[str, str] = {}
    #: Whether scripts of every site may call it, without the visitor's cookies, where the route has no ``cors:``.
    open_to_all = False
    #: The class of its Contexts, where it has one of its own.
    context_class: Any = None
    #: Whether a request in which nothing says who asks, no cookie above all, needs no XSRF token.
    takes_anonymous = False
    #: What is called on the reactor with the Context of a request when its response has been sent, or could not be.
    #: It does not wait, and need not be a method: None where there is nothing to do.
    after: Callable[[Context], None] | None = None

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self.setup = setup
        self.name = setup.name
        self.services = setup.services
        options: Any = setup.config.options
        self.options: Any = options

    def streams_body(self, request: Request) -> bool:
        """Whether the handler reads the body of ``request`` itself, by ``context.body``, while it arrives.

        Asked when the headers are in. Guards and the handler are then called before the body, of which
        ``handler.request`` shows nothing. Otherwise it is stored first, up to ``max_body_size``.
        """
        return False

    def handlers(self) -> dict[str, Callable[[Context], Any]]:
        """The methods this resource answers, with what answers each."""
        found = {name[3:]: getattr(self, name) for name in dir(self) if name.startswith("on_") and name[3:].isupper()}
        if "GET" in found:
            found.setdefault("HEAD", found["GET"])
        return found

    def error_page(self, context: Context, error: BaseException, traceback: str | None) -> tuple[bytes, str]:
        """The body and Content-Type that tell of ``error``; ``traceback`` only where the app shows it."""
        return default_page(context, error, traceback)

    def wants_page(self, context: Context) -> bool:
        """Whether the route's ``error:`` has the answer to a request that failed, where it has one for the status."""
        return True

    def variant(self, context: Context) -> str:
        """What makes a cached response another one than that to an equal request, by its headers."""
        return ""

    async def run(self, function: Function, context: Context, *values: Any) -> Any:
        """Call a user function where it belongs, on the reactor or in a thread, and wait for its result."""
        if function.steps:
            run = partial(self._run_step, context)
            return await self.services.part(Pipelines).run(f"url:{self.name}", function, run, *values)
        return await self._run_step(context, function, *values)

    async def _run_step(self, context: Context, function: Function, *values: Any) -> Any:
        if self.threaded(function):
            result = await self.services.threads.run(function.call, *values)
        else:
            result = function.call(*values)
        if not isinstance(result, _PLAIN) and is_awaitable(result):
            result = await as_deferred(result, self.services.reactor, context.route.held)
        return result

    def threaded(self, function: Function) -> bool:
        """Whether ``function`` is called in a thread: as ``thread:`` says, else where it could block."""
        forced: bool | None = getattr(self.options, "thread", None)
        if forced is None or function.mode == "async":
            return function.mode == "thread"
        return forced


def response_headers(headers: Mapping[str, Any], setup: Setup, *keys: str) -> dict[str, list[str]]:
    """The ``headers:`` of a route as they are sent; a list gives several of one name.

    :raises ConfigError: for what is no header.
    """
    result: dict[str, list[str]] = {}
    for name, value in headers.items():
        if isinstance(value, dict) or value is None:
            continue  # a dict belongs to a file pattern (FileHandler)
        try:
            values = value if isinstance(value, list) else [value]
            result[canonical(name)] = [header_value(name, item) for item in values]
        except ValueError as error:
            raise setup.error(str(error), *keys, name) from None
    return result
