"""One argument that an API takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from gramex_twisted.options.arguments import Arguments
from gramex_twisted.options.converter import Converter
from gramex_twisted.options.definition import Definition
from gramex_twisted.options.errors import OptionError
from gramex_twisted.options.jmes import jmespath_parts
from gramex_twisted.options.locator import Locator
from gramex_twisted.options.translator import translated
from gramex_twisted.options.validator import Validator

#: What ``Option.parse`` gives where there is no value and no default.
ABSENT = object()


class Option:
    """Finds, converts and checks one argument.

    :param keyword: its name.
    :param definition: a Definition, or what one is made of.
    :raises ValueError: for a definition that makes no sense, or a default that the option would refuse.
    """

    def __init__(self, keyword: str, definition: Definition | Mapping[str, Any]) -> None:
        self.keyword = keyword
        self.definition = made = definition if isinstance(definition, Definition) else _definition(keyword, definition)
        names = made.alias
        self.alias = list(names) if len(names) > 1 else (names[0] if names else None)
        self.locator = Locator(keyword, names, made.path, made.location)
        self.converter = Converter(made.type, strict=made.strict, jsoninput=made.jsoninput, items=made.items)
        self.validator = Validator(
            keyword, enum=made.enum, least=made.min, most=made.max, date_format=made.date_format, alias=self.alias
        )
        self.groups = made.group
        #: Where it is looked for in the query, under its one name, and in no path: what most options of GET are.
        self.in_query = not names and "query" in self.locator.locations and "path" not in self.locator.locations
        self.translations = made.translations
        self.checked = bool(made.enum or made.date_format or made.min is not None or made.max is not None)
        self.compiles = keyword == "jmespath"
        self.required = made.required
        self.default: Any = made.default if made.has_default else ABSENT
        self.copied = isinstance(self.default, (list, dict, set))
        self._check_default()

    def _check_default(self) -> None:
        default = self.definition.default
        if default is not None:
            try:
                self.validator.check(default)
            except OptionError as error:
                raise ValueError(f"option '{self.keyword}': its default is not allowed ({error})") from None

    def parse(self, arguments: Arguments) -> Any:
        """The option's value; ABSENT where there is none.

        :raises OptionError: for one that is missing or does not do.
        """
        found = self.locator.find(arguments)
        return self.missing() if found is None else self.made(*found)

    def made(self, value: Any, place: str) -> Any:
        """What becomes of a ``value`` that was found at ``place``.

        :raises OptionError: for one that does not do.
        """
        try:
            value = self.converter.convert(value, place)
        except ValueError as error:
            raise OptionError(reason=str(error), keyword=self.keyword, alias=self.alias) from None
        if self.translations:
            value = translated(value, self.translations)
        if self.compiles and value:
            return jmespath_parts(value)
        if self.checked:
            self.validator.check(value)
        return value

    def missing(self) -> Any:
        """What an absent argument is: its default, or ABSENT.

        :raises OptionError: for one that is required.
        """
        if self.required:
            raise OptionError(missing=self.keyword, alias=self.alias)
        # A list that one request fills must not be there in the next.
        return self.default.copy() if self.copied else self.default


def _definition(keyword: str, written: Mapping[str, Any]) -> Definition:
    try:
        definition = Definition(**{key: value for key, value in written.items() if key != "keyword"})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"option '{keyword}': {f'{place}: ' if place else ''}{message}") from None
    unknown = ", ".join(definition.model_extra or ())
    if unknown:
        raise ValueError(f"option '{keyword}': unknown {unknown}; use {', '.join(Definition.model_fields)}")
    return definition
