"""``error:``: a route's own pages for chosen statuses."""

from __future__ import annotations

from mimetypes import guess_type
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.resources.base import Resource, Setup, response_headers
from gramex_twisted.web.errorpages import ErrorPages, reason_of, status_of
from gramex_twisted.web.values import HTML, encode

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

VARIABLES = ("status_code", "kwargs", "handler", "content")
Page = tuple[bytes, str]


def error_pages(resource: Resource, option: dict[int, dict[str, Any]]) -> ErrorPages:
    """The error pages of a route.

    :raises ConfigError: for a status that is none, or an entry without ``path`` or ``function``.
    """
    setup = resource.setup
    pages: dict[int, Any] = {}
    for status, entry in option.items():
        if not 100 <= status <= 999:
            raise setup.error("is not an HTTP status (100-999)", "error", status)
        if "function" in entry:
            pages[status] = FunctionPage(resource, entry, status)
        elif "path" in entry:
            pages[status] = TemplatePage(setup, entry, status)
        else:
            raise setup.error("needs path: or function:", "error", status)
    return ErrorPages(pages, setup.services.settings.tracebacks, resource.error_page, resource.wants_page)


def _values(context: Context, error: BaseException, default: Page) -> tuple[Any, ...]:
    exc_info = (type(error), error, error.__traceback__)
    kwargs = AttrDict(reason=reason_of(error), exc_info=exc_info)
    return status_of(error), kwargs, context, default[0].decode("utf-8", "replace")


class FunctionPage:
    """A page made by a user function."""

    def __init__(self, resource: Resource, entry: dict[str, Any], status: int) -> None:
        spec = {key: entry[key] for key in ("function", "args", "kwargs") if key in entry}
        self.resource = resource
        self.function = resource.setup.function(
            spec if len(spec) > 1 else entry["function"], VARIABLES, "error", status
        )
        self.headers = response_headers(entry.get("headers") or {}, resource.setup, "error")

    async def __call__(self, context: Context, error: BaseException, default: Page) -> Page:
        result = await self.resource.run(self.function, context, *_values(context, error, default))
        encoded = encode(result)
        body = context.take_written() + encoded.body
        _set_headers(context, self.headers)
        return body, context.get_header("Content-Type") or encoded.content_type or HTML


class TemplatePage:
    """A page made by a template file."""

    def __init__(self, setup: Setup, entry: dict[str, Any], status: int) -> None:
        self.services = setup.services
        self.path = Path(setup.services.root, str(entry["path"]))
        if not self.path.is_file():
            raise setup.error(f"no file {entry['path']}", "error", status, "path")
        self.options = {key: entry[key] for key in ("autoescape", "whitespace") if key in entry}
        self.headers = response_headers(entry.get("headers") or {}, setup, "error")
        self.content_type = _type_of(self.path)

    async def __call__(self, context: Context, error: BaseException, default: Page) -> Page:
        names = dict(zip(VARIABLES, _values(context, error, default), strict=True))
        names |= {"request": context.request, "xsrf_form_html": context.xsrf_form_html}
        body = await self.services.threads.run(self.services.templates.render, self.path, names, **self.options)
        _set_headers(context, self.headers)
        return body, context.get_header("Content-Type") or self.content_type


def _set_headers(context: Context, headers: dict[str, list[str]]) -> None:
    for name, values in headers.items():
        context.clear_header(name)
        for value in values:
            context.add_header(name, value)


def _type_of(path: Path) -> str:
    kind = guess_type(path.name, strict=False)[0] or "text/html"
    return f"{kind}; charset=UTF-8" if kind.startswith("text/") or kind == "application/json" else kind
