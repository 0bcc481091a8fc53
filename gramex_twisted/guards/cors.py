"""``cors:``: which other sites may call a route (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from gramex_twisted.config.model import Count, Model
from gramex_twisted.guards.methods import method_list

if TYPE_CHECKING:
    from gramex_twisted.resources.base import Resource
    from gramex_twisted.web.context import Context

ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.I)
"""An origin as a browser writes it: scheme, host, and the port where it is not the scheme's own."""

#: Characters of an origin: a host name has up to 253.
LONGEST = 300

_PATTERN = re.compile(r"(?:([a-z*?][a-z0-9+.*?-]*)://)?([a-z0-9_.*?-]+|\[[0-9a-f:.]+\])(?::([0-9*?]+))?/?", re.I)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
_PORTS = {"http": "80", "https": "443"}


def _listed(value: Any) -> Any:
    """``"a, b"`` as ``["a", "b"]``, and YAML's bare ``null`` in a list as the origin of that name."""
    if isinstance(value, str):
        return [part for part in re.split(r"[,\s]+", value) if part]
    return ["null" if item is None else item for item in value] if isinstance(value, list) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]
"""A list, or one text with commas."""


class CorsOptions(Model):
    """Which other sites may call a route from a browser."""

    origins: Names = Field(
        default=("*",),
        description="Sites that may call: `*`, or origins such as `https://example.org`, with wildcards in each part: "
        "`https://*.example.org`, `http://localhost:*`. The origin `'null'` (sandboxed frames, files) must be named.",
    )
    methods: Names = Field(default=("*",), description="HTTP methods that they may use; `*`: those of the route.")
    headers: Names = Field(
        default=("*",), description="Request headers that they may send; `*`: all they ask for, and X-Requested-With."
    )
    auth: bool | None = Field(
        default=None,
        description="true: they call with cookies, so that answers name the origin instead of `*`; default: whether "
        "the route has `auth`. A request with a cookie is always answered so.",
    )
    max_age: Count = Field(default=600, ge=0, description="Seconds that a browser may remember a pre-flight's answer.")


def long_form(cors: Any) -> Any:
    """``cors: true`` and ``false`` as a mapping and None."""
    return ({} if cors else None) if isinstance(cors, bool) else cors


class CorsGuard:
    """Tells browsers which origins may read the answers, and answers their pre-flights.

    :raises ConfigError: for a pattern that no origin can match, or an unknown method.
    """

    def __init__(self, resource: Resource, options: CorsOptions) -> None:
        setup = resource.setup
        self.any_origin = "*" in options.origins
        self.null_origin = "null" in options.origins
        try:
            self._origins = origins_pattern(name for name in options.origins if name not in ("*", "null"))
        except ValueError as error:
            raise setup.error(str(error), "cors", "origins") from None
        try:
            self._methods = None if "*" in options.methods else frozenset(method_list(options.methods))
        except ValueError as error:
            raise setup.error(str(error), "cors", "methods") from None
        self._headers = options.headers
        self._max_age = options.max_age
        route_auth = bool(getattr(resource.options, "auth", None))
        self._credentials = route_auth if options.auth is None else options.auth

    async def __call__(self, context: Context) -> bytes | None:
        """Mark the answer; the answer itself where the request is a pre-flight."""
        self.mark(context)
        native = context.native
        if native.method == b"OPTIONS" and native.requestHeaders.hasHeader(b"Access-Control-Request-Method"):
            return self._preflight(context)
        return None

    def mark(self, context: Context) -> None:
        """Set the headers that let a script of the request's origin read the answer, whatever it will be."""
        headers = context.native.requestHeaders
        credentials = self._credentials or headers.hasHeader(b"Cookie")
        if self.any_origin and not credentials:
            if self._takes_method(context):
                context.keep_header("Access-Control-Allow-Origin", "*")
            return
        # Also where this origin is refused: a cache must not show that answer to another one.
        context.native.responseHeaders.addRawHeader(b"Vary", b"Origin")
        if self.admits(context):
            context.keep_header("Access-Control-Allow-Origin", origin_of(context))
            if credentials:
                context.keep_header("Access-Control-Allow-Credentials", "true")

    def admits(self, context: Context) -> bool:
        """Whether the request's origin may make it with the visitor's credentials. ``*`` does not admit ``null``."""
        origin = origin_of(context)
        if origin == "null":
            known = self.null_origin
        elif self.any_origin:
            known = ORIGIN.fullmatch(origin) is not None
        else:
            known = self._origins.fullmatch(origin) is not None and ORIGIN.fullmatch(origin) is not None
        return known and self._takes_method(context)

    def _takes_method(self, context: Context) -> bool:
        sent = context.native.method.decode("latin-1")
        return self._takes(sent) and self._takes(context.method)

    def _takes(self, method: str) -> bool:
        return self._methods is None or method in self._methods or method in ("HEAD", "OPTIONS")

    # Pre-flights ------------------------------------------------------------------------------------------------------

    def _preflight(self, context: Context) -> bytes:
        methods = ", ".join(method for method in context.route.handlers if self._takes(method))
        context.set_status(204)
        context.set_header("Allow", methods)
        if context.get_header("Access-Control-Allow-Origin") is not None:
            asked = context.request.headers.get("Access-Control-Request-Headers", "")
            context.set_header("Access-Control-Allow-Methods", methods)
            context.set_header("Access-Control-Allow-Headers", ", ".join(self._allowed_headers(asked)))
            context.set_header("Access-Control-Max-Age", self._max_age)
        return b""

    def _allowed_headers(self, asked: str) -> Iterable[str]:
        names = [name.strip() for name in asked.split(",") if _TOKEN.fullmatch(name.strip())]
        if "*" in self._headers:
            names.append("X-Requested-With")
        else:
            patterns = [name.lower() for name in self._headers]
            names = [name for name in names if any(fnmatchcase(name.lower(), pattern) for pattern in patterns)]
            names += [name for name in self._headers if _TOKEN.fullmatch(name) and "*" not in name]
        unique: dict[str, str] = {}
        for name in names:
            unique.setdefault(name.lower(), name)
        return unique.values()


async def open_preflight(context: Context) -> bytes | None:
    """Answer a pre-flight of a route whose default headers let every site call it."""
    native = context.native
    if native.method != b"OPTIONS" or not native.requestHeaders.hasHeader(b"Access-Control-Request-Method"):
        return None
    context.set_status(204)
    context.set_header("Allow", ", ".join([*context.route.handlers, "OPTIONS"]))
    return b""


def origin_of(context: Context) -> str:
    """The request's Origin header as it came; ``""`` where there is none, more than one, or one too long for a host."""
    values = context.native.requestHeaders.getRawHeaders(b"Origin") or []
    return values[0].decode("latin-1") if len(values) == 1 and len(values[0]) <= LONGEST else ""


def origins_pattern(patterns: Iterable[str]) -> re.Pattern[str]:
    """What matches the origins that ``patterns`` mean; a wildcard never leaves its part of the origin.

    :raises ValueError: for what is no origin.
    """
    return re.compile("|".join(map(_expression, patterns)) or r"(?!)", re.IGNORECASE)


def _expression(pattern: str) -> str:
    found = _PATTERN.fullmatch(pattern)
    if found is None:
        raise ValueError(f"{pattern!r} is not an origin; write scheme, host and port: https://example.org:8443")
    scheme, host, port = found.groups()
    if port is not None and port == _PORTS.get((scheme or "").lower()):
        port = None  # browsers leave it out
    start = _wild(scheme, "[a-z0-9+.-]") if scheme else "https?"
    end = "(?::[0-9]+)?" if host == "*" and port is None else "" if port is None else ":" + _wild(port, "[0-9]")
    return f"{start}://{_wild(host, '[a-z0-9._-]')}{end}"


def _wild(text: str, characters: str) -> str:
    return re.escape(text).replace(r"\*", f"{characters}*").replace(r"\?", characters)
