"""Where an option's value is found in a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gramex_twisted.options.arguments import LOCATIONS, Arguments

_BODY = ("form", "json", "yaml")


class Locator:
    """Finds the value of one option.

    :param keyword: its name. ``aliases``: other names for it, tried in order after it.
    :param path: the number or name of the pattern's group that may hold it.
    :param locations: the places to look in, in order; by default all. "body" is form, json and yaml.
    """

    def __init__(
        self,
        keyword: str,
        aliases: Sequence[str] = (),
        path: int | str | None = None,
        locations: Sequence[str] | None = None,
    ) -> None:
        self.names = (keyword, *aliases)
        self.path = path
        wanted = LOCATIONS if locations is None else expanded(locations)
        self.locations = tuple(place for place in wanted if place != "path" or path is not None)

    def find(self, arguments: Arguments) -> tuple[Any, str] | None:
        """The value and its place: a list of texts for query and form, one value for the others. None is absent."""
        for place in self.locations:
            if place == "path":
                value = self._in_path(arguments)
                if value is not None:
                    return value, place
                continue
            source = getattr(arguments, place)
            if source:
                for name in self.names:
                    value = source.get(name)
                    if value is not None:
                        return value, place
        return None

    def _in_path(self, arguments: Arguments) -> str | None:
        if isinstance(self.path, str):
            return arguments.names.get(self.path)
        assert self.path is not None
        return arguments.path[self.path] if -len(arguments.path) <= self.path < len(arguments.path) else None


def expanded(locations: Sequence[str]) -> tuple[str, ...]:
    """``locations`` with "body" replaced by what it stands for."""
    found = [place for name in locations for place in (_BODY if name == "body" else (name,))]
    return tuple(dict.fromkeys(found))
