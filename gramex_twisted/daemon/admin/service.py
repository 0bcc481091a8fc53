"""Administration: the admin of a daemon. It is off until a configuration wants it, and goes on through reloads.

What answers requests (Klein, templates, metrics) is imported when it is first switched on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from gramex_twisted.daemon.admin.token import token_of
from gramex_twisted.daemon.listeners import Change, Listener, Listeners, parse_endpoint
from gramex_twisted.daemon.sockets import Inherited, ListenError, Tcp, Unix
from gramex_twisted.errors import ConfigError
from gramex_twisted.services.logtail import LogTail
from gramex_twisted.services.measures import Measures

if TYPE_CHECKING:
    from gramex_twisted.config.admin import Admin
    from gramex_twisted.config.document import Config
    from gramex_twisted.daemon.admin.root import AdminSite
    from gramex_twisted.daemon.service import GramexDaemon

log = Logger()

MISSING = "app.admin needs {}: pip install 'gramex-twisted[admin]'"
#: Who may connect to a unix socket of the admin, unless its endpoint says.
MODE = 0o600


class Administration:
    """The admin of ``daemon``. ``measures`` and ``tail`` are what it counts and keeps while it is on."""

    def __init__(self, daemon: GramexDaemon, reactor: Any, inherited: Inherited) -> None:
        self.daemon = daemon
        self.measures = Measures()
        self.tail = LogTail()
        self._reactor = reactor
        self._inherited = inherited
        self._site: AdminSite | None = None
        self._listeners: Listeners | None = None

    @property
    def urls(self) -> list[str]:
        """Where it listens."""
        return self._listeners.urls if self._listeners is not None else []

    async def prepare(self, config: Config) -> AdminChange:
        """Open the port that ``config`` wants, if it is not open yet.

        :raises ListenError: when it cannot be opened; ConfigError: when something else is missing.
        """
        options = config.app.admin
        if options is None:
            none = await self._listeners.prepare([]) if self._listeners is not None else None
            return AdminChange(self, none)
        token, path = token_of(config, options)
        site, listeners = self._made(config)
        change = await _opened(listeners, config, options)
        told = f"its token is in {path}" if path is not None else "its token is in the configuration"
        return AdminChange(self, change, site, token, told)

    def _made(self, config: Config) -> tuple[AdminSite, Listeners]:
        if self._site is None or self._listeners is None:
            try:
                from gramex_twisted.daemon.admin.root import AdminSite
            except ImportError as error:
                raise ConfigError(str(config.mark("app", "admin")), MISSING.format(error.name)) from error
            self._site = AdminSite(self.daemon, self._reactor, self.measures, self.tail)
            self._listeners = Listeners(self._reactor, self._site, self._inherited)
        return self._site, self._listeners

    def switch(self, site: AdminSite | None, token: str) -> None:
        """The configuration that holds from now on wants it, with this token; None: does not want it."""
        if site is not None:
            site.open(token)
            self.measures.keep(self.daemon.app.shared.endpoints)
        elif self._site is not None:
            self._site.shut()
        if self.daemon.log is not None:
            self.daemon.log.follow(None if site is None else self.tail)
        if site is None:
            self.tail.clear()
            self.measures.keep(())

    async def close(self) -> None:
        """Stop listening, and cut the connections."""
        if self._listeners is not None and self._site is not None:
            await self._listeners.close()
            self._site.shut()
            await self._site.drain()


async def _opened(listeners: Listeners, config: Config, options: Admin) -> Change:
    """:raises ListenError: with the place in the configuration."""
    where = config.mark("app", "admin", "listen")
    listener = None
    try:
        listener = listener_of(options)
        return await listeners.prepare([listener])
    except ListenError as error:
        reason = str(error)
        if error.in_use and listener is not None and isinstance(listener.place, Tcp):
            place = listener.place
            reason = f"port {place.port} is in use on {place.address}; stop what listens there, or choose another"
        raise ListenError(f"{where}: app.admin.listen: {reason}", in_use=error.in_use) from error


def listener_of(options: Admin) -> Listener:
    """Where the admin listens.

    :raises ListenError: for an endpoint that makes no sense.
    """
    try:
        listener = parse_endpoint(options.listen)
    except ListenError as error:
        raise ListenError(f"{options.listen!r} cannot be understood: {error.__cause__}") from error
    if isinstance(listener.place, Unix) and ":mode=" not in options.listen:
        return replace(listener, place=replace(listener.place, mode=MODE))
    return listener


@dataclass(frozen=True)
class AdminChange:
    """What a configuration wants of the admin, prepared: to be put to use or to be given up."""

    admin: Administration
    change: Change | None = None
    site: AdminSite | None = None
    token: str = ""
    told: str = ""

    def abandon(self) -> None:
        """Close what was opened."""
        if self.change is not None:
            self.change.abandon()

    async def commit(self) -> None:
        """Let the new configuration hold."""
        before = self.admin.urls
        self.admin.switch(self.site, self.token)
        if self.change is not None:
            await self.change.commit()
        if self.site is not None and self.admin.urls != before:
            log.info("admin on {urls}; {told}", urls=", ".join(self.admin.urls), told=self.told)
