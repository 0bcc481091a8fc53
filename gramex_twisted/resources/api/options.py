"""The kwargs of an API, and the option set that its settings, its class and its route make together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from gramex_twisted.config.apis import ApiSettings, settings_key
from gramex_twisted.config.marks import nearest
from gramex_twisted.config.model import Count, Size
from gramex_twisted.errors import ConfigError
from gramex_twisted.guards.cache import CacheOptions
from gramex_twisted.options import Definition, Option, OptionSet
from gramex_twisted.options.optionset import ANY, METHODS
from gramex_twisted.options.signature import Signature
from gramex_twisted.resources.api.formats import FORMATS
from gramex_twisted.resources.base import Options, Setup

Age = Annotated[Count, Field(ge=0)]
_SCHEMA = {
    "type": "object",
    "additionalProperties": {"type": "object", "additionalProperties": Definition.model_json_schema(mode="validation")},
}
FORMAT: Mapping[str, Any] = {
    "type": str,
    "enum": tuple(FORMATS),
    "description": "The format of the answer; without it, the Accept header decides.",
}
"""The option that every API has."""

Table = dict[str, dict[str, Any]]
"""Method, or "*" -> name of the option -> its definition, as written."""


class APIOptions(Options):
    """What every API takes."""

    cache: bool | Age | CacheOptions | None = Field(  # type: ignore[assignment]
        default=None,
        description="Seconds that clients and proxies may keep an answer to GET (Cache-Control); false: no such "
        "header. Default: the class's, then `api.cache`. true or a mapping: the server keeps answers, as elsewhere.",
    )
    options: Annotated[dict[str, Any], WithJsonSchema(_SCHEMA)] = Field(
        default={},
        description="Method, or `'*'` for all -> name -> option: `{type, default, required, location, alias, path, "
        "enum, min, max, date_format, strict, jsoninput, translations, items, group, description}`. "
        "See [api.md](api.md).",
    )
    all_errors: bool | None = Field(
        default=None, description="true: an error lists everything that is wrong with the arguments, not the first."
    )
    format: str | None = Field(
        default=None, description="The format where neither `format=` nor Accept names one; default: json."
    )
    max_body_size: Size | None = Field(
        default=None,
        description="Longest request body in bytes, `100MB` works too; default: 10 MB of JSON, MessagePack or YAML, "
        "and app.listen.max_body_size of anything else. While JSON is read, nobody else is answered.",
    )
    max_items: Annotated[Count, Field(ge=1)] | None = Field(
        default=None,
        description="Most items of an iterator that are gathered into one answer; more are a 413 that says to ask for "
        "`format=jsonl`, which has no limit. Default: the class's, then `api.max_items`.",
    )
    analytics: bool | None = Field(
        default=None, description="false: `analytics:` is told nothing of this route. Default: the class's, or true."
    )
    name: str | None = Field(
        default=None, description="Its name in `api.<NAME>_KWARGS`; default: the class's, then the route's."
    )


class TableBuilder:
    """Puts the options of one API together, from several tables of them: later ones win, option by option.

    :raises ExceptionGroup: of ConfigError, with everything that is wrong.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.errors: list[ConfigError] = []
        self.made: dict[str, dict[str, Option]] = {}

    def add_settings(self, name: str) -> None:
        """``api.<NAME>_KWARGS`` of the configuration."""
        settings = ApiSettings.model_validate(self.setup.services.conf.get("api") or {})
        key = settings_key(name)
        written = (settings.model_extra or {}).get(key)

        def where(*keys: str) -> tuple[str, str]:
            return str(nearest(self.setup.config.marks, ("api", key, *keys))), ".".join(("api", key, *keys))

        self._add(written or {}, where)

    def add_class(self, handler: type[Any], written: Mapping[str, Any]) -> None:
        """The ``kwargs`` of a Python class."""
        place = f"{handler.__module__}.{handler.__qualname__}.kwargs"

        def where(*keys: str) -> tuple[str, str]:
            return str(self.setup.config.mark("handler")), ".".join((place, *keys))

        self._add(written, where)

    def add_route(self, written: Mapping[str, Any]) -> None:
        """The ``options:`` of the route."""
        path = ("url", self.setup.name, "kwargs", "options")

        def where(*keys: str) -> tuple[str, str]:
            return self.setup.where("options", *keys), ".".join((*path, *keys))

        self._add(written, where)

    def add_signature(self, signature: Signature | None) -> None:
        """The parameters of the route's function."""
        if signature is not None:
            self._add({ANY: signature.options}, lambda *keys: (self.setup.where("function"), ".".join(keys)))

    def add_format(self) -> None:
        """The ``format`` option, where none has been written for all methods."""
        self.made.setdefault(ANY, {}).setdefault("format", Option("format", FORMAT))

    def build(self, *, all_errors: bool) -> OptionSet:
        """The option set."""
        if self.errors:
            raise ExceptionGroup(f"url.{self.setup.name}", self.errors)
        return OptionSet(self.made, all_errors=all_errors)

    def _add(self, written: Any, where: Any) -> None:
        if not isinstance(written, Mapping):
            self._wrong(where(), "must be a mapping of methods, or '*', to options")
            return
        for key, options in written.items():
            method = str(key).upper()
            if method != ANY and method not in METHODS:
                self._wrong(where(str(key)), f"'{key}' is no HTTP method, use {', '.join(METHODS)} or '*'")
            elif options is not None and not isinstance(options, Mapping):
                self._wrong(where(str(key)), "must be a mapping of names to options")
            else:
                target = self.made.setdefault(method, {})
                target.update(self._options(str(key), options or {}, where))

    def _options(self, method: str, options: Mapping[str, Any], where: Any) -> Iterable[tuple[str, Option]]:
        for name, definition in options.items():
            if definition is not None and not isinstance(definition, (Mapping, Definition)):
                self._wrong(where(method, str(name)), f"option '{name}' must be a mapping such as {{type: int}}")
                continue
            try:
                yield str(name), Option(str(name), definition or {})
            except ValueError as error:
                self._wrong(where(method, str(name)), str(error))

    def _wrong(self, where: tuple[str, str], message: str) -> None:
        place, path = where
        self.errors.append(ConfigError(place, f"{path}: {message}"))
