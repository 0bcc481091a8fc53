"""``twist gramex``: the command line, and what must happen before a reactor exists."""

from __future__ import annotations

import gc
import signal
import sys
from typing import TYPE_CHECKING, Any, Literal

from twisted.python import usage

from gramex_twisted.daemon.source import Source, config_errors
from gramex_twisted.errors import ConfigError

if TYPE_CHECKING:
    import asyncio

    from twisted.application.service import IService

    from gramex_twisted.config.document import Config
    from gramex_twisted.daemon.processlog import ProcessLog

EXIT_CONFIG = 64


class Options(usage.Options):
    """The options of ``twist gramex``. After parsing, ``source`` and ``config`` are what to serve."""

    synopsis = "[options]"
    longdesc = "Serve what a gramex.yaml describes."
    optParameters = [
        ["config", "c", None, "gramex.yaml to serve, or a folder [default: ./gramex.yaml]"],
        ["port", "p", None, "TCP port, instead of app.listen.port; 0 picks a free one"],
        ["log-format", None, "text", "text (for people) or json (one object a line)"],
    ]
    optFlags = [["strict", None, "refuse to start with warnings or routes that cannot be served"]]
    compData = usage.Completions(
        optActions={"config": usage.CompleteFiles("*.y*ml"), "log-format": usage.CompleteList(["text", "json"])}
    )

    source: Source
    config: Config
    log: ProcessLog | None = None

    def __init__(self) -> None:
        super().__init__()
        self.overrides: list[str] = []

    def opt_set(self, override: str) -> None:
        """Set a key over what the configuration says: --set app.listen.port=9000. May be repeated."""
        if "=" not in override.lstrip("="):
            raise usage.UsageError(f"--set {override}: write --set key=value")
        self.overrides.append(override)

    def postOptions(self) -> None:
        """Load the configuration and install the reactor. Exits with 64, and a line for each error."""
        if self["log-format"] not in ("text", "json"):
            raise usage.UsageError(f"--log-format {self['log-format']}: it is text or json")
        if self["port"] is not None:
            self.overrides += port_overrides(self["port"])
        if self.parent is not None:
            gc.disable()  # until the app runs: looking for garbage in what stays takes a tenth of the time to start
        try:
            self.source = Source.find(self["config"], tuple(self.overrides), strict=bool(self["strict"]))
            self.source.enter()
            self.config = self.source.load()
            if self.parent is not None:
                self.log = start_logging(self.parent, self["log-format"], self.config)
        except (ConfigError, ExceptionGroup) as error:
            faults = list(config_errors(error))
            if not faults:
                raise
            # twist would print its whole usage below a UsageError, and the errors would scroll out of sight.
            sys.stderr.write("".join(f"{fault}\n" for fault in faults))
            raise SystemExit(EXIT_CONFIG) from None
        install_reactor(self.parent)


def port_overrides(text: str) -> list[str]:
    """What ``--port`` sets."""
    if not text.isdecimal() or int(text) > 65535:
        raise usage.UsageError(f"--port {text}: a TCP port is a number from 0 to 65535")
    return [f"app.listen.port={text}", "app.listen.endpoint=null"]


def start_logging(twist: Any, form: Literal["text", "json"], config: Config) -> ProcessLog:
    """Log as the configuration says, and let ``twist`` (its options) log there too."""
    from gramex_twisted.daemon.processlog import ProcessLog
    from gramex_twisted.services.logobserver import StdlibObserver

    log = ProcessLog(form, twist.get("logFile"))
    log.apply(config)
    twist["fileLogObserverFactory"] = lambda stream: StdlibObserver()
    return log


def install_reactor(twist: Any) -> None:
    """Put the reactor on asyncio and uvloop, so that user functions may await both Deferreds and asyncio.

    ``twist --reactor`` (``twist`` are its options) wins, and so does a reactor that is there already.
    """
    if twist is None or "reactor" in twist or "twisted.internet.reactor" in sys.modules:
        return
    import asyncio

    from gramex_twisted.daemon.reactor import install

    loop: asyncio.AbstractEventLoop
    try:
        import uvloop
    except ImportError:  # there is none for this platform
        loop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    install(loop)
    from twisted.internet import reactor

    reactor.callWhenRunning(reap_children, loop)
    twist["reactor"] = reactor


def reap_children(loop: asyncio.AbstractEventLoop) -> None:
    """Hear of children that end.

    uvloop takes over the descriptor through which Twisted hears of SIGCHLD. A child whose pipes are closed a moment
    before it is gone would never be reaped, and whoever waits for it would wait for ever.
    """
    from twisted.internet.process import reapAllProcesses

    signal.signal(signal.SIGCHLD, lambda number, frame: loop.call_soon_threadsafe(reapAllProcesses))
    signal.siginterrupt(signal.SIGCHLD, False)
    reapAllProcesses()  # for those that ended before


def collect_garbage() -> None:
    """Collect garbage from now on, but never look again at what is there already: modules, models, the app."""
    gc.freeze()
    gc.enable()


def makeService(options: Options) -> IService:
    """The service that ``twist`` runs."""
    from twisted.internet import reactor

    from gramex_twisted.daemon.service import GramexDaemon

    if not gc.isenabled():
        reactor.callWhenRunning(collect_garbage)
    return GramexDaemon(options.source, options.config, reactor, log=options.log)
