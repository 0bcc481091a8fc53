"""``auth:``: who may use a route."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from gramex_twisted.errors import HTTPError, Redirect
from gramex_twisted.guards.methods import method_list

if TYPE_CHECKING:
    from gramex_twisted.functions import Function
    from gramex_twisted.resources.base import Resource, Setup
    from gramex_twisted.web.context import Context

KEYS = ("login_url", "query", "template", "membership", "condition", "methods", "headers")


class AuthGuard:
    """Lets those in who are signed in, and whom ``membership`` and ``condition`` admit.

    Nobody signed in: a browser that reads a page is sent to the log-in page, everybody else gets 401. Signed in but not
    admitted: 403.
    """

    def __init__(self, resource: Resource, option: bool | str | Mapping[str, Any]) -> None:
        setup = resource.setup
        options = dict(option) if isinstance(option, Mapping) else {}
        for key in options:
            if key not in KEYS:
                raise setup.error(f"unknown key {key!r}; use {', '.join(KEYS)}", "auth", key)
        self.resource = resource
        self.query: str = options.get("query") or "next"
        self.login_url = options.get("login_url", setup.services.settings.login_url)
        self.headers = dict(options.get("headers") or {})
        self.memberships = memberships(options.get("membership"), setup)
        self.condition = self._condition(options.get("condition"), setup)
        self.template = self._template(options.get("template"), setup)
        self.methods = self._methods(options.get("methods"), setup)

    def _condition(self, spec: Any, setup: Setup) -> Function | None:
        return None if spec is None else setup.function(spec, ["handler"], "auth", "condition")

    def _template(self, path: Any, setup: Setup) -> Path | None:
        if not path:
            return None
        found = Path(setup.services.root, str(path))
        if not found.is_file():
            raise setup.error(f"no file {path}", "auth", "template")
        return found

    def _methods(self, names: Any, setup: Setup) -> frozenset[str] | None:
        try:
            return None if names is None else frozenset(method_list(names))
        except ValueError as error:
            raise setup.error(str(error), "auth", "methods") from None

    async def __call__(self, context: Context) -> None:
        """Pass, or raise a Redirect, 401 or 403."""
        if self.methods is not None and context.method not in self.methods:
            return
        if context.has_session_cookie:
            await context.load_session()
        user = context.current_user
        if not user:
            raise self._unknown(context)
        if self.memberships and not any(admits(rule, user) for rule in self.memberships):
            raise await self._refused(context)
        if self.condition is not None and not await self.resource.run(self.condition, context, context):
            raise await self._refused(context)

    def _unknown(self, context: Context) -> HTTPError:
        headers = context.request.headers
        script = headers.get("X-Requested-With", "").lower() == "xmlhttprequest" or (
            headers.get("Sec-Fetch-Mode", "").lower() == "cors" or headers.get("Upgrade", "").lower() == "websocket"
        )
        if self.login_url and context.method in ("GET", "HEAD") and not script:
            return Redirect(with_query(self.login_url, self.query, context.xrequest_full_url))
        return HTTPError(401, "sign in first", headers=self.headers)

    async def _refused(self, context: Context) -> HTTPError:
        error = HTTPError(403, "your account may not use this page", headers=self.headers)
        if self.template is not None:
            services = self.resource.services
            names = context.get_template_namespace()
            error.page = await services.threads.run(services.templates.render, self.template, names)
        return error


def memberships(option: Any, setup: Setup) -> list[dict[str, frozenset[Any]]]:
    """The rules of ``membership:``: in each, key path -> values of which the user must have one.

    :raises ConfigError: for what is neither a dict nor a list of them.
    """
    rules = option if isinstance(option, list) else [] if option is None else [option]
    for rule in rules:
        if not isinstance(rule, Mapping):
            raise setup.error(f"must be a mapping or a list of mappings, not {rule!r}", "auth", "membership")
    return [{str(key): frozenset(_listed(value)) for key, value in rule.items()} for rule in rules]


def admits(rule: Mapping[str, frozenset[Any]], user: Any) -> bool:
    """Whether ``user`` has one of the values of every key of ``rule``."""
    return all(not wanted.isdisjoint(_hashable(values_at(user, path))) for path, wanted in rule.items())


def values_at(value: Any, path: str) -> Iterable[Any]:
    """What a user has at a key path such as ``roles.name``; lists on the way count with each of their items."""
    found = [value]
    for key in path.split("."):
        found = [item[key] for item in flattened(found) if isinstance(item, Mapping) and key in item]
    return flattened(found)


def flattened(values: Iterable[Any]) -> Iterable[Any]:
    """``values``, with the items of lists among them."""
    for value in values:
        if isinstance(value, (list, tuple, set)):
            yield from flattened(value)
        else:
            yield value


def with_query(url: str, name: str, value: str) -> str:
    """``url`` with ``name=value`` added to its query."""
    parts = urlsplit(url)
    query = [(key, old) for key, old in parse_qsl(parts.query, keep_blank_values=True) if key != name]
    return urlunsplit(parts._replace(query=urlencode([*query, (name, value)], quote_via=quote)))


def _listed(value: Any) -> Iterable[Any]:
    return flattened([value])


def _hashable(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if not isinstance(value, (dict, list, set)):
            yield value
