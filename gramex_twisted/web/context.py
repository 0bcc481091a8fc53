"""The Context: one request as user code sees it, the ``handler`` argument of every user function."""

from __future__ import annotations

from http.cookies import SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import orjson
from twisted.internet.defer import Deferred
from twisted.python.threadable import isInIOThread
from zope.interface import Attribute, Interface, implementer

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.errors import HTTPError
from gramex_twisted.services.sessions import Session
from gramex_twisted.web.arguments import Arguments
from gramex_twisted.web.asked import Asked
from gramex_twisted.web.body import Body
from gramex_twisted.web.bodyfile import StoredBody
from gramex_twisted.web.events import Events
from gramex_twisted.web.forms import FORMS
from gramex_twisted.web.identity import Identity
from gramex_twisted.web.legacy import Legacy
from gramex_twisted.web.limits import Limited
from gramex_twisted.web.messages import Messages
from gramex_twisted.web.nextpage import NextPage
from gramex_twisted.web.reply import Headers
from gramex_twisted.web.stream import Stream
from gramex_twisted.web.tokens import Tokens
from gramex_twisted.web.view import RequestView
from gramex_twisted.web.xsrf import Xsrf

if TYPE_CHECKING:
    from gramex_twisted.web.recording import Recorder
    from gramex_twisted.web.request import Request


class IContext(Interface):
    """Adapt a Twisted request to reach the Context from a native resource or a Klein route: ``IContext(request)``."""

    name = Attribute("The route's name in `url:`.")
    args = Attribute("The decoded arguments.")
    request = Attribute("The request, with the attributes of Tornado's HTTPServerRequest.")


@implementer(IContext)
class Context(Arguments, Identity, NextPage, Xsrf, Tokens, Limited, Messages, Events, Asked, Legacy):
    """One request on one route.

    :param request: Twisted's request.
    :param route: what its Endpoint knows: ``name, kwargs, conf, resource, services, default_headers``.
    :param method: the effective HTTP method.
    """

    def __init__(self, request: Request, route: Any, method: str) -> None:
        self.native = request
        self.route = route
        self.method = method
        self.finished = False
        self.error: str | None = None
        self._status = 200
        self._reason: str | None = None
        self._headers: Headers | None = None
        self._cookies: SimpleCookie | None = None
        self._chunks: list[bytes] = []
        self._args: dict[str, list[str]] | None = None
        self._view: RequestView | None = None
        self._path_args: tuple[list[str], dict[str, str]] | None = None
        self._stream: Stream | None = None
        self._body: Body | None = None
        self._kwargs: AttrDict | None = None
        self._session: Session | None = None
        self.recorder: Recorder | None = None

    def _default_headers(self) -> Headers:
        return {name: list(values) for name, values in self.route.default_headers.items()}

    # The route --------------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:  # type: ignore[override]
        """The route's name in ``url:``."""
        return self.route.name  # type: ignore[no-any-return]

    @property
    def kwargs(self) -> AttrDict:
        """The route's ``kwargs:``, a copy that is this request's own."""
        if self._kwargs is None:
            self._kwargs = AttrDict.deep(self.route.kwargs)
        return self._kwargs

    @property
    def conf(self) -> AttrDict:
        """The route's whole entry in ``url:``, a copy."""
        conf: AttrDict = AttrDict.deep(self.route.conf)
        return conf

    @property
    def gramex_root(self) -> str:
        """The folder of the app's gramex.yaml."""
        return str(self.route.services.root)

    def resource(self, name: str) -> Any:
        """The handler of the route ``name``, for its methods: ``handler.resource("login").exchange_refresh_token``.

        :raises KeyError: when there is no such route.
        """
        return self.route.services.resources[name]

    # The request ------------------------------------------------------------------------------------------------------

    @property
    def request(self) -> RequestView:
        """The request, with the attributes of Tornado's HTTPServerRequest."""
        if self._view is None:
            self._view = RequestView(self.native, self.method, self.route.services.trusts)
        return self._view

    @property
    def path_args(self) -> list[str]:
        """The pattern's groups, percent-decoded; empty where the pattern names its groups."""
        return self._groups()[0]

    @property
    def path_kwargs(self) -> dict[str, str]:
        """The pattern's named groups, percent-decoded."""
        return self._groups()[1]

    def _groups(self) -> tuple[list[str], dict[str, str]]:
        if self._path_args is None:
            match = self.native.match
            if match is None:
                self._path_args = [], {}
            elif match.re.groupindex:
                self._path_args = [], {name: _decoded(text) for name, text in match.groupdict().items()}
            else:
                self._path_args = [_decoded(text) for text in match.groups()], {}
        return self._path_args

    @property
    def xrequest_uri(self) -> str:
        """The path and query that the client asked a proxy for (X-Request-URI), else this request's."""
        return self.request.headers.get("X-Request-URI", self.request.uri)

    @property
    def xrequest_full_url(self) -> str:
        """``xrequest_uri`` with scheme and host."""
        return f"{self.request.protocol}://{self.request.host}{self.xrequest_uri}"

    @property
    def body(self) -> Body:
        """The request's body, for ``async for piece in handler.body``: as it arrives where the handler streams it."""
        if self._body is None:
            native = self.native
            self._body = native.streamed or StoredBody(native.content, native.body_size, self.route.services.threads)
        return self._body

    def set_form(self, arguments: dict[str, list[bytes]], files: dict[str, list[AttrDict]]) -> None:
        """Show the arguments and files of a form that the handler has read while it arrived."""
        self.request.set_form(arguments, files)
        self._args = None

    async def parse_form(self) -> None:
        """Read a large form in a thread now, so that nothing that asks for an argument later holds the reactor."""
        if self.get_content_type() in FORMS:
            await self.route.services.threads.run(lambda: self.request.body_arguments)

    def get_content_type(self) -> str:
        """The request's media type, lower case, without parameters."""
        return self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def parse_body_as_json(self) -> Any:
        """The body, parsed as JSON.

        :raises HTTPError: 400 when it is not JSON.
        """
        try:
            return orjson.loads(self.request.body)
        except orjson.JSONDecodeError as error:
            raise HTTPError(400, f"the request body is not JSON: {error}") from None

    def update_body_args(self) -> None:
        """Merge a JSON body into ``args`` (Content-Type application/json, with any parameters)."""
        if self.request.body and self.get_content_type() == "application/json":
            body = self.parse_body_as_json()
            if isinstance(body, dict):
                self.args.update(body)

    @property
    def cookies(self) -> SimpleCookie:
        """The request's cookies."""
        return self.request.cookies

    # The response -----------------------------------------------------------------------------------------------------

    @property
    def stream(self) -> Stream | None:
        """The open response, once its head has been sent."""
        return self._stream

    def open_stream(self) -> Stream:
        """Send the head now; the body follows through the Stream."""
        if self._stream is None:
            self._own_headers.setdefault("Date", [self.native.site.date.decode("ascii")])
            headers = [(n.encode("latin-1"), _encoded(v)) for n, values in self._own_headers.items() for v in values]
            headers += [(b"Set-Cookie", _encoded(value)) for value in self.cookie_headers()]
            self.native.begin(self._status, _encoded(self.reason), headers)
            self._stream = Stream(self.native, self.recorder)
        return self._stream

    def flush(self, include_footers: bool = False) -> Deferred[None] | None:
        """Send what has been written so far.

        In a thread it returns when a slow client has caught up. On the reactor it returns a Deferred: await it.
        """
        if isInIOThread():
            return Deferred.fromCoroutine(self._flush())
        self.route.services.threads.call_in_reactor(lambda: Deferred.fromCoroutine(self._flush()))
        return None

    async def _flush(self) -> None:
        if self.get_header("Content-Type") is None:
            self.set_header("Content-Type", "text/html; charset=UTF-8")
        await self.open_stream().write_all([self.take_written()])

    def finish(self, chunk: object = None) -> None:
        """End the response, after writing ``chunk``; what the function returns is then ignored."""
        if chunk is not None:
            self.write(chunk)
        self.finished = True

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with an error page."""
        raise HTTPError(status_code, kwargs.get("log_message"), reason=kwargs.get("reason"))

    def get_template_namespace(self) -> dict[str, Any]:
        """The names that every template knows."""
        return {
            "handler": self,
            "request": self.request,
            "current_user": self.current_user,
            "xsrf_form_html": self.xsrf_form_html,
        }

    def render_string(self, template_name: str, **kwargs: Any) -> bytes:
        """A rendered template. Its path is relative to the app's folder; ``handler`` and ``request`` are its names."""
        names = self.get_template_namespace() | kwargs
        result: bytes = self.route.services.templates.render(Path(self.gramex_root, template_name), names)
        return result

    def render(self, template_name: str, **kwargs: Any) -> None:
        """Write a rendered template and finish."""
        self.finish(self.render_string(template_name, **kwargs))


def _decoded(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise HTTPError(400, "the path is not UTF-8") from None


def _encoded(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8")
