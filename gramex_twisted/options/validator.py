"""What a value must be, beyond its type."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from gramex_twisted.options.converter import LISTS
from gramex_twisted.options.errors import OptionError


class Validator:
    """Checks the values of the option ``keyword``.

    :param enum: what each item must be one of; empty for anything.
    :param least: the smallest number, or length of a list. ``most``: the largest.
    :param date_format: what ``strptime`` must understand.
    """

    def __init__(
        self,
        keyword: str,
        *,
        enum: Collection[Any] = (),
        least: float | None = None,
        most: float | None = None,
        date_format: str | None = None,
        alias: Any = None,
    ) -> None:
        self.keyword = keyword
        self.enum = tuple(enum)
        self.least = least
        self.most = most
        self.measured = least is not None or most is not None
        self.date_format = date_format
        self.alias = alias

    def check(self, value: Any) -> None:
        """Pass, or raise OptionError."""
        if self.enum and value not in self.enum and not (isinstance(value, LISTS) and self._allowed(value)):
            raise OptionError(keyword=self.keyword, allowed=list(self.enum), alias=self.alias)
        if self.measured:
            self._measure(value)
        if self.date_format:
            for item in value if isinstance(value, LISTS) else (value,):
                self._date(item)

    def _allowed(self, items: Collection[Any]) -> bool:
        return all(item in self.enum for item in items)

    def _measure(self, value: Any) -> None:
        if isinstance(value, LISTS):
            name, size = "size", len(value)
        elif isinstance(value, (int, float)) and value is not True and value is not False:
            name, size = "num", value  # type: ignore[assignment]
        else:
            return
        # Written so that NaN, which is neither below nor above anything, does not pass.
        if self.most is not None and not size <= self.most:
            raise OptionError(keyword=self.keyword, max=self.most, **{name: size}, alias=self.alias)
        if self.least is not None and not size >= self.least:
            raise OptionError(keyword=self.keyword, min=self.least, **{name: size}, alias=self.alias)

    def _date(self, value: Any) -> None:
        if isinstance(value, str):
            try:
                datetime.strptime(value, str(self.date_format))
            except ValueError:
                info = {"keyword": self.keyword, "date_format": self.date_format, "num": value, "alias": self.alias}
                raise OptionError(**info) from None
