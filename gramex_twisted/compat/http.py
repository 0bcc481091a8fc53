"""`gramex.http`: names of HTTP's status codes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

_NAMES = {status.name: status.value for status in HTTPStatus} | {
    "CLIENT_TIMEOUT": 599,
    "RATE_LIMITED": 420,
    "REQUESTED_RANGE_NOT_SATISFIABLE": 416,
    "REQUEST_ENTITY_TOO_LARGE": 413,
    "REQUEST_URI_TOO_LONG": 414,
    "UNPROCESSABLE_ENTITY": 422,
}
globals().update(_NAMES)
__all__ = list(_NAMES)


def __getattr__(name: str) -> Any:
    raise AttributeError(f"gramex.http has no status {name!r}: write the number", name=name)
