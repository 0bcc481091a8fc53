"""The three things that can go wrong on purpose: a configuration, a request, a detour.

``ConfigError`` says where a gramex.yaml is wrong and what to write instead. ``HTTPError`` ends a request with a
status. ``Redirect`` sends the client elsewhere. Everything else that is raised is a bug and answers 500.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class ConfigError(Exception):
    """A mistake in a configuration.

    ``where`` is ``file:line:column`` (or a shorter prefix of it where no more is known), ``message`` one line of
    plain English that names the key. Several of them travel in an ``ExceptionGroup``.
    """

    def __init__(self, where: str, message: str) -> None:
        super().__init__(where, message)
        self.where = where
        self.message = message

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class HTTPError(Exception):
    """Ends the request with ``status_code`` (100-999).

    ``HTTPError(404)``, ``HTTPError(404, "no such page")`` and ``HTTPError(404, reason="Gone fishing")`` all work.
    A ``log_message`` is shown to the client; ``reason`` replaces the standard phrase of the status line. A dict as
    second argument becomes ``details``: extra keys of a JSON error body. ``headers`` are added to the response.
    ``page`` is an HTML page to show in place of the default one.
    """

    page: bytes | None = None
    log_message: str | None = None

    def __init__(
        self,
        status_code: int = 500,
        log_message: str | Mapping[str, Any] | None = None,
        *args: object,
        reason: str | None = None,
        details: Mapping[str, Any] | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(log_message, Mapping):
            details, log_message = log_message, None
        super().__init__(status_code, log_message, *args)
        self.status_code = int(status_code)
        self.log_message = log_message % args if log_message and args else log_message
        self.details = details
        self.headers = dict(headers or {})
        self.explicit_reason = reason

    @property
    def reason(self) -> str:
        """The reason phrase: the one given, or the status's standard one."""
        return self.explicit_reason or standard_reason(self.status_code)

    def __str__(self) -> str:
        text = f"HTTP {self.status_code}: {self.reason}"
        return f"{text} ({self.log_message})" if self.log_message else text


class Redirect(HTTPError):  # noqa: N818 - not an error
    """Sends the client to ``url`` with ``status_code`` 302 (or another 3xx)."""

    def __init__(self, url: str, status_code: int = 302) -> None:
        super().__init__(status_code, headers={"Location": url})
        self.url = url


def standard_reason(status_code: int) -> str:
    """The standard phrase of ``status_code``, ``"Unknown"`` where HTTP has none."""
    try:
        return HTTPStatus(status_code).phrase
    except ValueError:
        return "Unknown"
