"""The options of ``app:`` and ``threadpool:``: how the server listens, what it limits, where it keeps sessions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gramex_twisted.config.admin import Admin
from gramex_twisted.config.admin import long_form as admin_form
from gramex_twisted.config.model import Count, Model, Seconds, Size, no_bool

Store = Literal["sqlite", "memory", "json", "redis"]
Whitespace = Literal["all", "single", "oneline"]


def as_tuple(value: Any) -> Any:
    """A single text as a tuple of one; everything else as it is."""
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(as_tuple, json_schema_input_type=str | list[str])]
"""One text or a list of them."""


class Listen(Model):
    """Where the server listens and how much it takes from one client. ``listen: 8000`` sets the port alone;
    a text or a list of texts sets ``endpoint``."""

    port: Count = Field(
        default=9988, ge=0, le=65535, description="TCP port; 0 picks a free one. Not used when `endpoint` is set."
    )
    address: str = Field(
        default="", description="Address to listen on; every address when empty. `::1` and such are IPv6."
    )
    endpoint: Texts = Field(
        default=(),
        description="Twisted endpoint strings, one or a list, instead of port and address: `tcp:9988`, "
        "`unix:/run/app.sock`, `ssl:443:privateKey=key.pem:certKey=cert.pem`, `systemd:domain=INET:index=0`.",
    )
    certfile: str | None = Field(
        default=None, description="PEM file with the TLS certificate chain: `port` then speaks https."
    )
    keyfile: str | None = Field(default=None, description="PEM file with the TLS private key; default: in `certfile`.")
    ssl_options: dict[str, Any] | None = Field(
        default=None, description="`certfile` and `keyfile` as Gramex 1.x writes them; the two options above win."
    )
    backlog: Count = Field(default=1024, ge=1, description="Connections that may wait to be accepted.")
    xheaders: bool = Field(
        default=True,
        description="Take the client's address and protocol from X-Real-Ip / X-Forwarded-For and X-Scheme / "
        "X-Forwarded-Proto when the peer is one of `app.trusted_proxies`.",
    )
    max_body_size: Size = Field(
        default=100 << 20, description="Longest request body in bytes (413 above); `100MB` works too."
    )
    max_header_size: Size = Field(default=64 << 10, description="Longest request head in bytes (414 or 431 above).")
    max_headers: Count = Field(default=200, ge=1, description="Most header lines of one request (431 above).")
    header_timeout: Seconds = Field(
        default=20, description="Seconds that a client may take to send a request's head (408)."
    )
    body_timeout: Seconds = Field(
        default=60, description="Seconds that a request's body may stand still (408); 0: no limit."
    )
    idle_timeout: Seconds = Field(default=60, description="Seconds before an idle keep-alive connection is closed.")

    @property
    def tls(self) -> tuple[str, str] | None:
        """The certificate's and the key's file, or None for plain TCP."""
        options = self.ssl_options or {}
        certificate = self.certfile or options.get("certfile")
        return (certificate, self.keyfile or options.get("keyfile") or certificate) if certificate else None


def long_form(listen: Any) -> Any:
    """`listen: 8000` and `listen: unix:/run/app.sock` as mappings."""
    if isinstance(listen, int) and not isinstance(listen, bool):
        return {"port": listen}
    return {"endpoint": listen} if isinstance(listen, str | list) else listen


class Settings(Model):
    """How the server answers."""

    legacy = frozenset({"xsrf_cookie_kwargs", "xsrf_cookie_name", "xsrf_cookie_version"})

    debug: bool = Field(
        default=False, description="Show tracebacks and reasons to clients, reload templates. Not in production."
    )
    cookie_secret: str | None = Field(
        default=None, description="Signs cookies. When unset, one is made and kept (mode 0600) under $GRAMEXDATA."
    )
    xsrf_cookies: bool = Field(
        default=True, description="POST, PUT, PATCH and DELETE from browsers need the `_xsrf` token."
    )
    login_url: str = Field(default="/login/", description="Where `auth:` sends browsers without a user.")
    compress_response: bool = Field(
        default=True,
        description="Compress text over 1 KB as Accept-Encoding allows: gzip, and br and zstd where installed.",
    )
    serve_traceback: bool | None = Field(default=None, description="Show tracebacks to clients; default: as `debug`.")
    template_whitespace: Whitespace = Field(
        default="all", description="Whitespace in templates: all, single or oneline."
    )
    autoescape: str | None = Field(
        default="xhtml_escape", description="Function that escapes `{{ }}` in templates; '' for none."
    )

    @property
    def tracebacks(self) -> bool:
        """True when clients may see tracebacks."""
        return self.debug if self.serve_traceback is None else self.serve_traceback


HeaderText = Annotated[str, Field(pattern=r"^[ -~]*$")] | Literal[False]
"""A header's text in ASCII; false for none."""


class Security(Model):
    """Headers that tell browsers to be careful, on every response. `false` leaves one out; a route's `headers` replace
    them, or leave them out with null."""

    content_type_options: HeaderText = Field(
        default="nosniff", description="X-Content-Type-Options: files are what their Content-Type says."
    )
    content_security_policy: HeaderText = Field(
        default="frame-ancestors 'self'",
        description="Content-Security-Policy: by default, only pages of the app may show its pages in frames.",
    )
    referrer_policy: HeaderText = Field(
        default="strict-origin-when-cross-origin",
        description="Referrer-Policy: other sites learn the host of the page that links to them, not its path.",
    )
    strict_transport_security: HeaderText = Field(
        default="max-age=31536000",
        description="Strict-Transport-Security, sent over https alone: browsers then use https for the whole host, "
        "for so many seconds.",
    )


class StoreOptions(Model):
    """Where something is kept."""

    type: Store = Field(
        default="sqlite", description="sqlite (durable, shared by processes), memory, json (a file) or redis."
    )
    path: str | None = Field(default=None, description="File of the sqlite or json store; default: under $GRAMEXDATA.")
    url: str | None = Field(default=None, description="Redis: `redis://host:6379/0`.")
    flush: Seconds = Field(default=5, description="Seconds between writes of the json store.")
    purge: Seconds = Field(default=3600, description="Seconds between removals of what has expired.")


class Session(StoreOptions):
    """Sessions and their cookie."""

    cookie: str = Field(default="sid", description="Name of the session's cookie.")
    expiry: Annotated[float, Field(gt=0), BeforeValidator(no_bool)] | Literal[False] = Field(
        default=31.0, description="Days that a session lasts; `false`: until the browser closes."
    )
    httponly: bool = Field(default=True, description="JavaScript cannot read the cookie.")
    secure: bool | None = Field(
        default=None, description="Send the cookie on https only; default: when the request is https."
    )
    samesite: Literal["Lax", "Strict", "None"] = Field(default="Lax", description="SameSite attribute of the cookie.")
    domain: str | None = Field(default=None, description="Domain of the cookie; default: the request's host alone.")
    cookiepath: str = Field(default="/", description="Path of the cookie.")


class RateLimitStore(StoreOptions):
    """Where rate limits are counted."""


class Broadcast(Model):
    """How `handler.broadcast` reaches the WebSockets of other processes."""

    type: Literal["memory", "redis"] = Field(
        default="memory", description="memory: those of this process alone; redis: all that share its channel."
    )
    url: str | None = Field(default=None, description="Redis: `redis://host:6379/0`.")
    channel: str = Field(default="app", description="Name of the app's channel: apps that share a Redis need two.")


class App(Model):
    """The ``app:`` section."""

    listen: Annotated[Listen, BeforeValidator(long_form, json_schema_input_type=Listen | int | str | list[str])] = (
        Field(default=Listen(), description="Ports, endpoints, TLS and limits on requests.")
    )
    settings: Settings = Field(default=Settings(), description="Cookies, compression, debugging, templates.")
    security: Security = Field(default=Security(), description="Headers that tell browsers to be careful.")
    session: Session = Field(default=Session(), description="The store of sessions and their cookie.")
    ratelimit: RateLimitStore = Field(default=RateLimitStore(), description="The store of rate limits.")
    broadcast: Broadcast = Field(default=Broadcast(), description="Rooms of WebSockets in several processes.")
    admin: Annotated[
        Admin | None, BeforeValidator(admin_form, json_schema_input_type=Admin | bool | int | str | None)
    ] = Field(default=None, description="Health checks, metrics and pages for whoever runs it; off unless set.")
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Where people reach the app: `https://app.example.org`. Links in mails begin with it, since the "
        "Host header could be anything.",
    )
    watch: bool = Field(default=False, description="Reload when a loaded YAML file or an imported user module changes.")
    trusted_proxies: Texts = Field(
        default=("127.0.0.0/8", "::1/128", "unix"),
        description="Addresses or networks whose X-Real-Ip, X-Forwarded-For and X-Forwarded-Proto are believed; "
        "`unix` is every unix socket.",
    )
    shutdown_timeout: Seconds = Field(
        default=30, description="Seconds that running requests have to finish on shutdown."
    )
    browser: bool | str = Field(default=False, description="Open the home page, or a path, in a browser at the start.")


class CacheStore(Model):
    """One named cache of the ``cache:`` section."""

    type: Literal["memory", "disk", "redis"] = Field(
        default="memory", description="memory (of this process), disk (shared by processes) or redis."
    )
    size: Size = Field(
        default=100 << 20,
        description="Most bytes that are kept; `100MB` works too. Not for redis. Where it is set, that of the cache "
        "`memory` also bounds the files that tables keep (default: 500 MB).",
    )
    path: str | None = Field(default=None, description="Folder of a disk cache; default: under $GRAMEXDATA.")
    url: str | None = Field(default=None, description="Redis: `redis://host:6379/0`.")
    default: bool = Field(default=False, description="Used where a route's `cache:` names no store.")


class ThreadPool(Model):
    """The ``threadpool:`` section."""

    workers: Count = Field(default=16, ge=1, le=1024, description="Most threads that run user functions at once.")
