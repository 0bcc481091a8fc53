"""What sales.html calls: the links of the page, and the geometry of its chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, log10
from typing import Any
from urllib.parse import urlencode

from examples.sales.orders import GROUPS

PAGE, DATA = "/sales/", "/sales/orders"
SORT, OFFSET = "orders:_sort", "orders:_offset"
"""For the dataset `orders` alone: the others are neither sorted nor turned."""
COLUMNS = {
    "date": "Date",
    "element": "Element",
    "laboratory": "Laboratory",
    "country": "Country",
    "amount": "Amount, g",
    "price": "Price, €",
}
NUMBERS = ("amount", "price")
DONE = {"added": "The order has been added.", "changed": "The order has been changed.", "deleted": "It is deleted."}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

MOST = 24
"""Months that the chart has at most: the last ones."""


class Links:
    """The links of a page whose arguments are `args`: what is not changed is kept."""

    def __init__(self, args: Mapping[str, Sequence[str]]) -> None:
        self.args = {name: args[name][-1] for name in (*GROUPS, SORT, OFFSET) if any(args.get(name, ()))}
        self.chosen = {name: self.args[name] for name in GROUPS if name in self.args}
        self.sort = self.args.get(SORT, "-date")

    def to(self, changes: Mapping[str, Any], path: str = PAGE) -> str:
        """Another page; None takes an argument away. What changes the rows begins at the first page."""
        own = self.args if OFFSET in changes or "edit" in changes or "done" in changes else without(self.args, OFFSET)
        query = urlencode({name: value for name, value in {**own, **changes}.items() if value not in (None, "")})
        return f"{path}?{query}" if query else path

    def sorted_by(self, column: str) -> str:
        """The page, sorted by a column: upwards, or the other way round where it is sorted so already."""
        return self.to({SORT: f"-{column}" if self.sort == column else column})

    def order(self, column: str) -> str | None:
        """How it is sorted by a column, for aria-sort."""
        return {column: "ascending", f"-{column}": "descending"}.get(self.sort)

    def toggled(self, column: str, value: str) -> str:
        """The page with a filter, or without it where it is chosen."""
        return self.to({column: None if self.chosen.get(column) == value else value})

    def data(self, **arguments: str) -> str:
        """The same orders, all of them, from the handler of the data."""
        return f"{DATA}?{urlencode({**self.chosen, '_sort': self.sort, **arguments})}"

    def choices(self, column: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """The values that can be chosen, in order; what is chosen is one of them, though there may be no such order."""
        return sorted({str(row[column]) for row in rows} | ({self.chosen[column]} if column in self.chosen else set()))


def without(args: Mapping[str, str], name: str) -> dict[str, str]:
    """`args` without one of them."""
    return {key: value for key, value in args.items() if key != name}


def scale(highest: float) -> list[float]:
    """The lines of a chart: 0 and three or four round numbers, the last not below `highest`."""
    if highest <= 0:
        return [0, 1]
    rough = highest / 4
    power: float = 10 ** (ceil(log10(rough)) - 1)
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    return [step * number for number in range(ceil(highest / step) + 1)]


def by_month(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The sums of each month from the first to the last, those without orders too."""
    found = {int(row["month"][:4]) * 12 + int(row["month"][5:7]) - 1: row for row in rows}
    first, last = (min(found), max(found)) if found else (0, -1)
    none = {"id|count": 0, "amount|sum": 0, "price|sum": 0}
    months = range(max(first, last - MOST + 1), last + 1)
    return [found.get(number, {"month": f"{number // 12}-{number % 12 + 1:02}", **none}) for number in months]


def month(text: str) -> str:
    """`2025-03` in words."""
    return f"{MONTHS[int(text[5:7]) - 1]} {text[:4]}"
