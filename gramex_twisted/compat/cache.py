"""`gramex.cache`."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from types import ModuleType
from typing import Any

from gramex_twisted.cache import open, open_callback, opener, query, save, size_of, stat
from gramex_twisted.compat.fetching import urlfetch
from gramex_twisted.compat.jsonstore import JSONStore
from gramex_twisted.compat.keystore import KeyStore, dumps
from gramex_twisted.compat.missing import refuse
from gramex_twisted.compat.stores import RedisStore, SQLiteStore, get_store
from gramex_twisted.compat.subprocesses import Subprocess, daemon
from gramex_twisted.data.openers import excel as read_excel

__all__ = [
    "JSONStore",
    "KeyStore",
    "RedisStore",
    "SQLiteStore",
    "Subprocess",
    "cache_key",
    "daemon",
    "get_store",
    "hashed",
    "open",
    "open_callback",
    "opener",
    "query",
    "read_excel",
    "reload_module",
    "save",
    "sizeof",
    "stat",
    "urlfetch",
]
__path__: list[str] = []
__getattr__ = refuse("gramex.cache")

log = logging.getLogger("gramex")


def cache_key(*args: Any) -> str:
    """``args`` as JSON with sorted keys: the same text for the same values."""
    return dumps(args)


def hashed(val: Any) -> Any:
    """``val`` if it can be a key of a dict, else its JSON; None if it has none."""
    try:
        hash(val)
    except TypeError:
        try:
            return cache_key(val)
        except (TypeError, ValueError):
            return None
    return val


def sizeof(obj: Any) -> int:
    """About how many bytes ``obj`` takes."""
    return size_of(obj, 0) if hasattr(obj, "memory_usage") else sys.getsizeof(obj)


def reload_module(*modules: ModuleType) -> None:
    """Import ``modules`` anew whose files have changed since this was first called with them.

    Modules of the app are, whenever the app is reloaded, which ``app.watch`` does when they change.
    """
    for module in modules:
        path = getattr(module, "__file__", None)
        if path is None or not os.path.exists(path):
            if getattr(module, "__name__", "") != "sys":
                log.warning("Cannot reload %r: it has no file", module)
            continue
        seen, now = module.__dict__.get("__gramex_stat__"), stat(path)
        if seen is not None and seen != now:
            log.info("Reloading module %s", module.__name__)
            importlib.reload(module)
        module.__dict__["__gramex_stat__"] = now
