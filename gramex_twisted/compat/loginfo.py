"""`handler_expr` and `build_log_info`: values of a request by their names in logs."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from gramex_twisted.compat.state import conf_now

DIRECT = {
    "name": "handler.name",
    "class": "str(handler.conf.get('handler', '')).rpartition('.')[2]",
    "time": "round(time.time() * 1000, 0)",
    "datetime": "datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M:%SZ')",
    "method": "handler.request.method",
    "uri": "handler.request.uri",
    "ip": "handler.request.remote_ip",
    "status": "handler.get_status()",
    "duration": "round(handler.request.request_time() * 1000, 0)",
    "port": "conf.app.listen.port",
    "user": "(handler.current_user or {}).get('id', '')",
    "session": "handler.session.get('id', '')",
    "error": "getattr(handler, 'error', None) or ''",
    "browser": "handler.request.headers.get('User-Agent', '')",
}
PREFIXED = {
    "args": "handler.get_argument({0!r}, '')",
    "request": "getattr(handler.request, {0!r}, '')",
    "headers": "handler.request.headers.get({0!r}, '')",
    "cookies": "(handler.get_cookie({0!r}) or '')",
    "user": "(handler.current_user or {{}}).get({0!r}, '')",
    "env": "os.environ.get({0!r}, '')",
}


def handler_expr(expr: str) -> str:
    """The Python expression, of ``handler``, for a name such as ``user.id``. Raises ValueError for another."""
    if expr in DIRECT:
        return DIRECT[expr]
    prefix, dot, name = expr.partition(".")
    if not dot or prefix not in PREFIXED:
        known = ", ".join([*DIRECT, *(f"{prefix}.*" for prefix in PREFIXED)])
        raise ValueError(f"Unknown expression {expr}; there is {known}")
    return PREFIXED[prefix].format(name)


def build_log_info(keys: Sequence[str], *vars: str) -> Callable[..., dict[str, Any]]:
    """A function of a handler, and of keyword arguments ``vars``, that returns the values of ``keys`` as a dict.

    A key that is not known is logged and left out.
    """
    from gramex_twisted.compat.config import app_log

    found: dict[str, Any] = {}
    for key in keys:
        if key in vars:
            continue
        try:
            found[key] = compile(handler_expr(key), f"<log key {key}>", "eval")
        except ValueError as error:
            app_log.error("Skipping log key: %s", error)

    def info(handler: Any, *args: Any, **given: Any) -> dict[str, Any]:
        values = {**dict(zip(vars, args, strict=False)), **given}
        names = {"handler": handler, "conf": conf_now(), "os": os, "time": time, "datetime": datetime}
        known = [key for key in keys if key in vars or key in found]
        return {key: values.get(key) if key in vars else eval(found[key], names) for key in known}

    return info
