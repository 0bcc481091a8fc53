"""What routes do differently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gramex_twisted.config.document import RouteConfig
from gramex_twisted.errors import ConfigError

Rule = Callable[[RouteConfig], Iterator[ConfigError]]
REGEX = ("~", "!~", "*", "!*")


def route_findings(route: RouteConfig) -> Iterator[ConfigError]:
    """What is different for one route."""
    for rule in RULES.get(route.handler, ()):
        yield from rule(route)
    if route.handler.endswith("Auth"):
        yield from _lookup(route)


def _found(route: RouteConfig, message: str, *keys: str | int) -> ConfigError:
    return ConfigError(str(route.mark(*keys)), f"url.{route.name}: {message}")


def _origins(route: RouteConfig) -> Iterator[ConfigError]:
    if "origins" not in route.kwargs:
        yield _found(
            route,
            "only pages of this server's own origin may open the WebSocket. Write `origins:` with the sites that may, "
            "or `origins: '*'` for all",
            "handler",
        )


def _proxy(route: RouteConfig) -> Iterator[ConfigError]:
    if "request_headers" not in route.kwargs:
        yield _found(
            route,
            "without `request_headers:` the other server gets Accept, Content-Type, Range, User-Agent and their like; "
            "Gramex passed nothing on",
            "handler",
        )
    if "modify" in route.kwargs or "prepare" in route.kwargs:
        yield _found(route, "redirects of the other server reach the visitor; Gramex followed them", "handler")


def _tables(route: RouteConfig) -> Iterator[ConfigError]:
    datasets = {"": route.kwargs} if "url" in route.kwargs else route.kwargs
    for name, dataset in datasets.items():
        if isinstance(dataset, Mapping):
            yield from _table(route, dataset, ("kwargs", name) if name else ("kwargs",))


def _table(route: RouteConfig, dataset: Mapping[Any, Any], keys: tuple[str, ...]) -> Iterator[ConfigError]:
    default = dataset.get("default")
    is_database = "://" in str(dataset.get("url", "")) and not str(dataset.get("url")).startswith(("http:", "https:"))
    for name in default if isinstance(default, Mapping) else ():
        if is_database and str(name).endswith(REGEX):
            yield _found(
                route,
                f"{name}= is a regular expression here, on databases too, and minds the case unless it is *; Gramex "
                "used LIKE",
                *keys,
                "default",
                name,
            )
    formats = dataset.get("formats")
    for name, format_ in formats.items() if isinstance(formats, Mapping) else ():
        if isinstance(format_, Mapping) and format_.get("format") == "pptx" and "source" in format_:
            yield _found(route, "slides are not made from a source: here: 501", *keys, "formats", name)
    if "vegam" in [*(formats if isinstance(formats, list | Mapping) else [formats]), *_formats(default)]:
        yield _found(route, "the format vegam is gone: use vega-lite", *keys)


def _formats(default: Any) -> list[Any]:
    found = default.get("_format") if isinstance(default, Mapping) else None
    return found if isinstance(found, list) else [found]


def _lookup(route: RouteConfig) -> Iterator[ConfigError]:
    lookup = route.kwargs.get("lookup")
    url = str(lookup.get("url", "")) if isinstance(lookup, Mapping) else ""
    if url.lower().endswith((".xls", ".xlsx")):
        yield _found(route, "lookup: reads CSV files and databases, no workbooks", "kwargs", "lookup")


RULES: Mapping[str, tuple[Rule, ...]] = {
    "WebSocketHandler": (_origins,),
    "ProxyHandler": (_proxy,),
    "FormHandler": (_tables,),
    "FilterHandler": (_tables,),
    "DriveHandler": (_tables,),
}
"""Handler -> its rules."""
