"""What a client gets when a request fails: a page for people, JSON for programs, or the route's own ``error:``."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from gramex_twisted.errors import HTTPError, standard_reason
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.web.values import HTML, JSON, dump_json

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

#: What no status line may have.
_UNFIT = re.compile(r"[^ -~\xa0-\xff]")
_HINTS = {
    400: "The request is not complete or not well formed.",
    401: "Sign in to see this page.",
    403: "You are signed in, but this page is not open to you.",
    404: "There is nothing at this address. Check the spelling, or start from the home page.",
    405: "This address does not answer that kind of request.",
    413: "What was sent is too large.",
    500: "Something went wrong on the server. It has been logged.",
    503: "The server is busy. Try again in a moment.",
}


def status_of(error: BaseException) -> int:
    """The HTTP status of an exception: its ``status_code`` (ours or Tornado's), else 500; 503 for a StoreError."""
    if isinstance(error, StoreError):
        return 503
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and 100 <= status <= 999 else 500


def is_finish(error: BaseException) -> bool:
    """Whether it is Tornado's ``Finish``: no error, but a way to send what has been written."""
    return any(kind.__module__ == "tornado.web" and kind.__name__ == "Finish" for kind in type(error).__mro__)


def message_of(error: BaseException) -> str:
    """What may be told to the client: the text of an HTTPError, nothing of any other exception."""
    if isinstance(error, HTTPError):
        return error.log_message or ""
    if status_of(error) != 500 or hasattr(error, "log_message"):
        text = getattr(error, "log_message", None) or ""
        args = getattr(error, "args", ())
        return str(text % args if args and "%" in text else text)
    return ""


def reason_of(error: BaseException) -> str:
    """The reason phrase of an exception, on one line."""
    reason = getattr(error, "reason", None) if hasattr(error, "status_code") else None
    text = reason if isinstance(reason, str) and reason else standard_reason(status_of(error))
    return _UNFIT.sub("?", " ".join(text.split()))


def wants_html(context: Context) -> bool:
    """Whether a person reads the answer: a browser says text/html, and a script in it says what it is."""
    headers = context.request.headers
    if headers.get("X-Requested-With", "").lower() == "xmlhttprequest":
        return False
    return "text/html" in headers.get("Accept", "")


def default_page(context: Context, error: BaseException, traceback: str | None) -> tuple[bytes, str]:
    """The body and Content-Type for ``error``; ``traceback`` only where the app shows it."""
    status, reason, message = status_of(error), reason_of(error), message_of(error)
    if wants_html(context):
        return _html(status, reason, message, traceback), HTML
    body: dict[str, Any] = {"code": status, "success": False, "error": message or reason}
    details = getattr(error, "details", None)
    if isinstance(details, dict):
        body = details | body
    elif details:
        body["details"] = details
    if traceback:
        body["traceback"] = traceback.splitlines()
    return dump_json(body), JSON


def _html(status: int, reason: str, message: str, traceback: str | None) -> bytes:
    text = message or _HINTS.get(status, "")
    page = Template(_template()).substitute(
        status=status,
        reason=escape(reason),
        message=escape(text),
        traceback=f"<pre>{escape(traceback)}</pre>" if traceback else "",
    )
    return page.encode("utf-8")


def _template() -> str:
    return (Path(__file__).parent / "error.html").read_text("utf-8")


Default = Callable[["Context", BaseException, str | None], tuple[bytes, str]]


class ErrorPages:
    """The pages of one route: ``pages`` maps a status to what makes its body, the rest are what ``default`` makes,
    and all of them for a request that does not want one."""

    def __init__(
        self,
        pages: dict[int, Any],
        tracebacks: bool,
        default: Default = default_page,
        wanted: Callable[[Context], bool] = lambda context: True,
    ) -> None:
        self.pages = pages
        self.tracebacks = tracebacks
        self.default = default
        self.wanted = wanted

    async def render(self, context: Context, error: BaseException, traceback: str) -> tuple[bytes, str]:
        """The body and Content-Type for ``error``, headers set on ``context``."""
        shown = traceback if self.tracebacks and status_of(error) >= 500 else None
        default = self.default(context, error, shown)
        page = self.pages.get(status_of(error)) if self.wanted(context) else None
        return default if page is None else await page(context, error, default)
