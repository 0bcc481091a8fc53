"""What is in `gramex` itself: `gramex.conf`, `gramex.service`, `gramex.shutdown` ..."""

from __future__ import annotations

import json
import logging
from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.missing import refuse
from gramex_twisted.compat.proxy import Proxy
from gramex_twisted.compat.state import conf_now, service_now, services_now, variables_now

__all__ = ["__version__", "appconfig", "conf", "config_layers", "console", "log", "paths", "service", "shutdown"]
__getattr__ = refuse("gramex")

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
    """Log ``kwargs`` as one JSON object, by the logger `gramexlog`. Of a handler among ``args``, its arguments too; a
    text among them is the name of an entry of `gramexlog:`.

    Raises ValueError where there is no such entry.
    """
    section = conf_now().get("gramexlog") or {}
    apps = [name for name in section if name != "flush"]
    name = next((arg for arg in reversed(args) if isinstance(arg, str)), apps[0] if apps else None)
    if name not in apps:
        raise ValueError(f"gramexlog: there is no {name!r}; there is {', '.join(apps) or 'none'}")
    handler = next((arg for arg in args if hasattr(getattr(arg, "args", None), "items")), None)
    if handler is not None:
        kwargs.update({key: values[-1] for key, values in handler.args.items() if values})
        from gramex_twisted.compat.loginfo import build_log_info

        kwargs.update(build_log_info(section[name].get("keys") or [])(handler))
    logging.getLogger("gramexlog").info("%s", json.dumps({"_index": name, **kwargs}, default=str))


def console(msg: object) -> None:
    """print()."""
    print(msg)
