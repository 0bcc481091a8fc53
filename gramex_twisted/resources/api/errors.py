"""The one shape of an API's errors: ``{"code", "success": false, "error"}``, then what is known more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gramex_twisted.errors import HTTPError, standard_reason
from gramex_twisted.options import ManyOptionsError, OptionError
from gramex_twisted.web.errorpages import message_of, status_of


def error_body(error: BaseException, traceback: str | None = None) -> dict[str, Any]:
    """What a client is told about ``error``: nothing of the text of one that nobody raised on purpose.

    :param traceback: shown where it is given.
    """
    status = status_of(error)
    body: dict[str, Any] = {"code": status, "success": False, "error": _text(error, status)}
    details = _details(error)
    if isinstance(details, Mapping):
        body.update((str(key), value) for key, value in details.items() if key not in body)
    elif details:
        body["details"] = str(details)
    if traceback:
        body["traceback"] = traceback.splitlines()
    return body


def _text(error: BaseException, status: int) -> str:
    """The reason that was given, else the message, else the status's standard phrase. Line breaks and all."""
    if hasattr(error, "status_code"):
        reason = error.explicit_reason if isinstance(error, HTTPError) else getattr(error, "reason", None)
        if isinstance(reason, str) and reason:
            return reason
    return message_of(error) or standard_reason(status)


def _details(error: BaseException) -> Any:
    """``details=``, or the dict that Tornado's HTTPError takes as third argument."""
    details = getattr(error, "details", None)
    if details or not hasattr(error, "status_code"):
        return details
    return next((argument for argument in error.args if isinstance(argument, Mapping)), None)


def refusal(error: OptionError | ManyOptionsError) -> HTTPError:
    """400, for arguments that do not do."""
    if isinstance(error, ManyOptionsError):
        return HTTPError(400, {"errors": [each.info for each in error.errors]})
    return HTTPError(400, error.info)
