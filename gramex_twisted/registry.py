"""Handlers by name: entry points of the group ``gramex_twisted.handlers``, loaded when first used.

Built-in handlers and those of other packages use the same door. A dotted path names any class, without an entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from gramex_twisted.config.model import Model
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions.names import Scope

GROUP = "gramex_twisted.handlers"
BASE = "BaseHandler"
PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"

UPSTREAM_ALIASES = {
    "Command": "ProcessHandler",
    "Comic": "ComicHandler",
    "Data": "FormHandler",
    "Directory": "FileHandler",
    "DirectoryHandler": "FileHandler",
    "Facebook": "FacebookGraphHandler",
    "File": "FileHandler",
    "Filter": "FilterHandler",
    "Function": "FunctionHandler",
    "JSON": "JSONHandler",
    "ML": "MLHandler",
    "Message": "MessageHandler",
    "OpenAPI": "OpenAPIHandler",
    "Proxy": "ProxyHandler",
    "Screenshot": "CaptureHandler",
    "Slide": "PPTXHandler",
    "Storage": "DriveHandler",
    "Twitter": "TwitterRESTHandler",
    "Upload": "UploadHandler",
    "Websocket": "WebSocketHandler",
}


class Registry:
    """The handlers that are installed. Iterates over their names."""

    def __init__(self, entries: Mapping[str, EntryPoint] | None = None) -> None:
        self.entries = dict(installed() if entries is None else entries)
        self._loaded: dict[str, Any] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Other names of handlers, installed or not: upstream's, and each name without its "Handler"."""
        stems = {name.removesuffix("Handler"): name for name in self.entries if name not in UPSTREAM_ALIASES}
        stems = {stem: name for stem, name in stems.items() if stem != name and stem not in self.entries}
        return {**stems, **UPSTREAM_ALIASES}

    def get(self, name: str) -> type[Model] | None:
        """The options model of the registered handler ``name``; None when it is not registered or has no model.

        ``BaseHandler`` gives the options of every handler. Raises ConfigError when the handler cannot be imported.
        """
        if name != BASE and name not in self.entries:
            return None
        return options_model(self.load(name))

    def load(self, name: str, where: str = "") -> Any:
        """The class that ``name`` (a registered name, an alias or a dotted path) stands for.

        Raises ConfigError at ``where``: for an unknown name, a module that cannot be imported, a missing extra.
        """
        name = self.aliases.get(name, name)
        if name == BASE:
            from gramex_twisted.resources.base import Resource

            return Resource
        if name not in self._loaded:
            entry = self.entries.get(name)
            if entry is None and "." not in name:
                raise ConfigError(where, f"unknown handler '{name}'")
            self._loaded[name] = load_entry(entry, where) if entry else load_dotted(name, where)
        return self._loaded[name]


def options_model(handler: Any) -> type[Model] | None:
    """The model of a handler class's kwargs; None when it has none (a native Twisted resource, a Klein app)."""
    model = getattr(handler, "options_model", None)
    return model if isinstance(model, type) and issubclass(model, Model) else None


def installed() -> dict[str, EntryPoint]:
    """The entry points of installed packages. In a checkout those of its pyproject.toml too, installed or not."""
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if PROJECT.is_file():
        import tomllib  # which an installed package does without

        project = tomllib.loads(PROJECT.read_text("utf-8")).get("project", {})
        if project.get("name") == "gramex-twisted":
            declared = project.get("entry-points", {}).get(GROUP, {})
            found.update({name: EntryPoint(name, value, GROUP) for name, value in declared.items()})
    return found


def load_entry(entry: EntryPoint, where: str) -> Any:
    """The class of an entry point. An entry such as ``module:Class [data]`` names the extra that it needs."""
    try:
        return entry.load()
    except ImportError as error:
        reason = f"handler {entry.name} cannot be imported: {error}"
        if not entry.extras:
            raise ConfigError(where, reason) from error
        package = entry.dist.name if entry.dist else "gramex-twisted"
        raise ConfigError(where, f"{reason}; run: pip install '{package}[{','.join(entry.extras)}]'") from error
    except AttributeError as error:
        raise ConfigError(where, f"handler {entry.name} cannot be loaded: {error}") from error


def load_dotted(path: str, where: str) -> Any:
    """The object at the dotted Python path: the longest part that is a module is imported."""
    parts = tuple(path.split("."))
    if not all(part.isidentifier() for part in parts):
        raise ConfigError(where, f"handler '{path}' is not a name or a dotted Python path")
    scope = Scope((), {}, where)
    try:
        value: Any = scope.import_root(parts)
        scope.import_rest(value, parts)
        for part in parts[1:]:
            value = getattr(value, part)
    except ConfigError as error:
        raise ConfigError(where, f"handler '{path}': {error.message}") from error.__cause__
    except AttributeError as error:
        raise ConfigError(where, f"handler '{path}' cannot be loaded: {error}") from error
    if isinstance(value, ModuleType):
        raise ConfigError(where, f"handler '{path}' is a module; name a class in it")
    return value
