"""``log.handlers.requests.keys``: which values of a request are logged."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from time import time
from typing import Any, TypeAlias

from twisted.logger import Logger

from gramex_twisted.errors import ConfigError
from gramex_twisted.services.logrows import Row, cell, is_secret, mask, mask_query

log = Logger()
Getter: TypeAlias = Callable[[Any], object]

#: What is logged where nothing is configured.
DEFAULT_KEYS = ("time", "ip", "user.id", "status", "duration", "method", "uri", "error")


def milliseconds(seconds: float) -> float:
    """Seconds as milliseconds with one decimal."""
    return round(seconds * 1000, 1)


def utc(seconds: float) -> str:
    """Epoch seconds as ``YYYY-MM-DD HH:MM:SSZ``."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%SZ}"


#: Keys that every row has: key -> its CSV cell.
_IN_ROW: Mapping[str, Callable[[Row], object]] = {
    "status": lambda row: row[0],
    "method": lambda row: cell(row[1]),
    "uri": lambda row: cell(row[2]),
    "ip": lambda row: cell(row[3]),
    "duration": lambda row: milliseconds(row[4]),
    "name": lambda row: cell(row[5]),
    "error": lambda row: cell(row[6] or ""),
    "time": lambda row: round(row[7] * 1000),
    "datetime": lambda row: utc(row[7]),
}

_PLAIN: Mapping[str, Getter] = {
    "status": lambda context: context.native.code,
    "method": lambda context: context.method,
    "uri": lambda context: mask(context.request.uri),
    "ip": lambda context: context.request.remote_ip,
    "duration": lambda context: milliseconds(context.request.request_time()),
    "name": lambda context: context.name,
    "error": lambda context: context.error or "",
    "time": lambda context: round(time() * 1000),
    "datetime": lambda context: utc(time()),
    "class": lambda context: str(context.route.conf.get("handler", "")).rpartition(".")[2],
    "port": lambda context: getattr(context.native.getHost(), "port", ""),
    "user": lambda context: _user(context, "id"),
    "session": lambda context: _session(context).get("id", ""),
}


# A log line is not worth a look into the store: what the request did not ask for is left out.


def _user(context: Any, key: str) -> object:
    user = context.known_user
    return user.get(key, "") if isinstance(user, Mapping) else ""


def _session(context: Any) -> Mapping[Any, Any]:
    session: Mapping[Any, Any] = context._session or {}
    return session


def _request(name: str) -> Getter:
    hide = {"uri": mask, "query": mask_query}.get(name)
    if hide is None:
        return lambda context: getattr(context.request, name, "")
    return lambda context: hide(getattr(context.request, name))


def _cookie(name: str) -> Getter:
    def getter(context: Any) -> object:
        morsel = context.request.cookies.get(name)
        return "" if morsel is None else morsel.value

    return getter


def _argument(name: str) -> Getter:
    if is_secret(name):
        return lambda context: "***" if name in context.args else ""
    return lambda context: context.get_argument(name, "")


def _environment(name: str) -> Getter:
    value = os.environ.get(name, "")
    return lambda context: value


_PREFIXED: Mapping[str, Callable[[str], Getter]] = {
    "args": _argument,
    "request": _request,
    "headers": lambda name: lambda context: context.request.headers.get(name, ""),
    "cookies": _cookie,
    "user": lambda name: lambda context: _user(context, name),
    "session": lambda name: lambda context: _session(context).get(name, ""),
    "env": _environment,
}


def build_keys(keys: Sequence[str], where: str = "log.handlers.requests.keys") -> Callable[[Any], tuple[object, ...]]:
    """A function that takes a Context and returns the values of ``keys``.

    A value that cannot be had (user code may have put anything there) is logged and is ``""``.

    :raises ConfigError: at ``where``, for a key that there is not.
    """
    getters = [(key, _getter(key, where)) for key in keys]

    def values(context: Any) -> tuple[object, ...]:
        try:
            return tuple([getter(context) for _, getter in getters])
        except Exception:  # noqa: BLE001 - each is tried on its own, and reported, below
            return tuple(_careful(key, getter, context) for key, getter in getters)

    return values


def _careful(key: str, getter: Getter, context: Any) -> object:
    try:
        return getter(context)
    except Exception as error:  # noqa: BLE001 - the request is over; its log must not fail it
        log.warn("log key {key}: {error}", key=key, error=repr(error))
        return ""


def _getter(key: str, where: str) -> Getter:
    if key in _PLAIN:
        return _PLAIN[key]
    prefix, dot, name = str(key).partition(".")
    if dot and name and prefix in _PREFIXED:
        return _PREFIXED[prefix](name)
    known = [*_PLAIN, *(f"{prefix}.{name or '...'}" for prefix in _PREFIXED)]
    near = get_close_matches(str(key), known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"use some of: {', '.join(known)}"
    raise ConfigError(where, f"unknown log key {key!r}: {hint}")


def build_columns(
    keys: Sequence[str], where: str = "log.handlers.requests.keys"
) -> tuple[list[Callable[[Row], object]], Callable[[Any], tuple[object, ...]] | None]:
    """(A function for each CSV column, what makes a row's ``extras`` from a Context or None where there are none)."""
    if isinstance(keys, str) or not all(isinstance(key, str) for key in keys):
        raise ConfigError(where, f"log keys are a list of names, such as [time, status, uri], not {keys!r}")
    extras = [key for key in keys if key not in _IN_ROW]
    columns = [_IN_ROW[key] if key in _IN_ROW else _extra(extras.index(key)) for key in keys]
    return columns, build_keys(extras, where) if extras else None


def _extra(index: int) -> Callable[[Row], object]:
    return lambda row: cell(row[8][index]) if row[8] else ""
