"""From what was sent to the type that an option asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from gramex_twisted.options.splitting import split

LISTS = (list, tuple, set)
_TRUE = frozenset({"true", "yes", "y", "t", "on"})
#: Lists and objects in a text of JSON, each of which takes 60 bytes of memory for the two that it is sent in.
MOST_CONTAINERS = 1_000_000
#: What is sent for it as good as always.
_USUAL = {"true": True, "false": False, "1": True, "0": False}
_FAILURES = (ValueError, TypeError, ArithmeticError)


class Converter:
    """Converts the values of one option to ``type``.

    :param strict: whether a number must look like one of its type, and a JSON or YAML value be of the type already.
    :param jsoninput: whether a form's value is tried as JSON first.
    :param items: what each item of a list becomes.
    """

    def __init__(
        self, type_: type[Any], *, strict: bool = True, jsoninput: bool = False, items: type[Any] | None = None
    ) -> None:
        self.type = type_
        self.strict = strict
        self.jsoninput = jsoninput
        #: What most arguments need: the last text of the query, by one call.
        self._plain: Any = {str: str, int: int if strict else None, float: float, bool: _flag}.get(type_)
        self.items = None if items is None else Converter(items, strict=strict)

    def convert(self, value: Any, place: str) -> Any:
        """``value``, found at ``place``, as a ``type``.

        :raises ValueError: that says what is expected.
        """
        try:
            if place == "query" and self._plain is not None:
                return self._plain(value[-1])
            found = self._found(value, place)
            if self.items is None:
                return found
            return self.type(self.items._item(item, place) for item in found)
        except _MeantError:
            raise
        except _FAILURES:
            of = "" if self.items is None else f" of {self.items.type.__name__}"
            raise _MeantError(f"Expect type {self.type.__name__}{of}.") from None

    def _found(self, value: Any, place: str) -> Any:
        if place in ("json", "yaml"):
            return self._typed(value)
        return self._text(value, place) if place == "path" else self._texts(value, place)

    def _item(self, item: Any, place: str) -> Any:
        """One item of a list: a text, unless JSON has given it a type."""
        return self._typed(item) if place in ("json", "yaml") or not isinstance(item, str) else self._text(item, place)

    def _texts(self, texts: Sequence[str], place: str) -> Any:
        if self.type not in LISTS:
            return self._text(texts[-1], place)
        items: list[Any] = []
        for text in texts:
            items.extend(self._text(text, place))
        return self.type(items)

    def _text(self, text: str, place: str) -> Any:
        if self.jsoninput and place == "form":
            value = _json(text)
            if value is not None and self._fits(value):
                return self._shaped(value)
        if self.type is str:
            return text
        if self.type is bool:
            return _flag(text) if place == "query" else _truth(text)
        return self._from_text(text)

    def _from_text(self, text: str) -> Any:
        if self.type in LISTS:
            try:
                return self.type(split(text))
            except ValueError as error:
                raise _MeantError(f"{error}.") from None
        if self.type is int:
            return int(text) if self.strict else int(float(text))
        return self.type(text)

    def _typed(self, value: Any) -> Any:
        """A value that JSON or YAML has given a type."""
        if self._fits(value):
            return self._shaped(value)
        if self.strict:
            raise TypeError
        if self.type in LISTS:
            return self._from_text(value) if isinstance(value, str) else self.type((value,))
        if isinstance(value, str):
            return _truth(value) if self.type is bool else self._from_text(value)
        return self.type(value)

    def _fits(self, value: Any) -> bool:
        if self.type in LISTS:
            return isinstance(value, LISTS)
        if self.type is float:
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        return isinstance(value, self.type) and (self.type is bool or not isinstance(value, bool))

    def _shaped(self, value: Any) -> Any:
        """JSON has one kind of list and writes a whole float without its point."""
        return value if type(value) is self.type or self.type not in (float, *LISTS) else self.type(value)


class _MeantError(ValueError):
    """Says what is wrong."""


def _flag(text: str) -> bool:
    """Truth in a query, where ``?verbose`` alone is true."""
    return not text or _truth(text)


def _truth(text: str) -> bool:
    if text in _USUAL:
        return _USUAL[text]
    try:
        return float(text) > 0
    except ValueError:
        return text.lower() in _TRUE


def _json(text: str) -> Any:
    if len(text) > MOST_CONTAINERS and text.count("[") + text.count("{") > MOST_CONTAINERS:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
