"""The pages of signing in: forms that work without JavaScript, with password managers and with screen readers.

One template, ``templates/page.html``, draws every Page. An app's own ``template:`` is given the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.errors import HTTPError

if TYPE_CHECKING:
    from gramex_twisted.services.container import Services
    from gramex_twisted.web.context import Context

TEMPLATE = Path(__file__).parent / "templates" / "page.html"


@dataclass(frozen=True)
class Field:
    """One input of a form.

    ``autocomplete`` tells password managers what it is: username, current-password, new-password, one-time-code ...
    ``extra`` are further attributes: inputmode, minlength ...
    """

    name: str
    label: str
    type: str = "text"
    autocomplete: str = "off"
    value: str = ""
    hint: str = ""
    error: str = ""
    required: bool = True
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """One page. ``links`` are (URL, text) pairs below the form; ``hidden`` are fields that nobody sees.

    ``error`` is what went wrong with the last attempt, ``notice`` what went well. Without ``fields`` there is no form,
    unless it has a ``button``.
    """

    title: str
    fields: tuple[Field, ...] = ()
    button: str = ""
    intro: str = ""
    error: str = ""
    notice: str = ""
    code: str = "auth"
    status: int = 200
    action: str = ""
    links: tuple[tuple[str, str], ...] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)


async def render(
    services: Services, context: Context, page: Page, template: Path | None = None, **names: Any
) -> bytes | None:
    """``page`` in HTML, its status and headers set on ``context``; JSON for a program that asks for it.

    :param template: an app's own; it knows ``error`` (None, or ``{code, error}``), ``handler``, ``page`` and ``names``.
    :raises HTTPError: with the error, for a program.
    """
    error = {"code": page.code, "error": page.error} if page.error else None
    if error and wants_json(context):
        raise HTTPError(page.status, page.error, details={"code": page.code})
    names = {**context.get_template_namespace(), "page": page, "error": error, **names}
    if template is None:
        work = services.threads.run(services.templates.render, TEMPLATE, names, autoescape="xhtml_escape")
    else:
        work = services.threads.run(services.templates.render, template, names)
    body: bytes = await work
    context.set_status(page.status)
    context.set_header("Cache-Control", "no-store")
    context.set_header("Content-Type", "text/html; charset=UTF-8")
    return body


def wants_json(context: Context) -> bool:
    """Whether a program asks, and would rather not have a page."""
    accept = context.request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept
