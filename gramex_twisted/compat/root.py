"""What is in `gramex` itself: `gramex.conf`, `gramex.service`, `gramex.shutdown` ..."""

from __future__ import annotations

from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.missing import refuse
from gramex_twisted.compat.proxy import Proxy
from gramex_twisted.compat.state import conf_now, service_now, services_now, variables_now

__all__ = ["__version__", "appconfig", "conf", "config_layers", "console", "log", "paths", "service", "shutdown"]
OF_CONFIG = ("ChainConfig", "PathConfig", "app_log", "ioloop_running", "prune_keys", "setup_variables", "variables")
"""Names that `gramex` has from `gramex.config`."""
_refuse = refuse("gramex")


def __getattr__(name: str) -> Any:
    if name in OF_CONFIG:
        from gramex_twisted.compat import config

        return getattr(config, name)
    return _refuse(name)


__version__ = "1.94.5"
"""The release of Gramex whose names these are."""
conf: Any = Proxy(conf_now)
"""The configuration, an AttrDict. Each app has one of its own; a reload makes another."""
appconfig: Any = conf
config_layers: Any = Proxy(lambda: AttrDict(base=conf_now()))
service: Any = Proxy(service_now)
paths: Any = Proxy(lambda: AttrDict(base=_root(), source=variables_now()["GRAMEXPATH"]))


def _root() -> Any:
    from pathlib import Path

    services = services_now()
    return Path.cwd() if services is None else services.root


def shutdown() -> None:
    """Stop the server, in order: what runs may end. Works from any thread."""
    services = services_now()
    if services is None:
        raise RuntimeError("gramex.shutdown() is for functions of an app: there is none")
    from twisted.python.threadable import isInIOThread

    if isInIOThread():
        services.reactor.callLater(0, services.reactor.stop)
    else:
        services.threads.tell_reactor(services.reactor.stop)


def log(*args: Any, **kwargs: Any) -> None:
    """Send ``kwargs`` to a log of `gramexlog:`, soon. Of a handler among ``args``, its arguments too; a text among them
    is the name of the log.

    Raises ValueError where there is no such log.
    """
    services = services_now()
    if services is None or not services.conf.get("gramexlog"):
        raise ValueError("gramexlog: there is none; write a section gramexlog: for gramex.log()")
    from gramex_twisted.services.gramexlog import GramexLogs

    services.part(GramexLogs).log(*args, **kwargs)


def console(msg: object) -> None:
    """print()."""
    print(msg)
