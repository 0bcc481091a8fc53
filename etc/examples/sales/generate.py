"""Makes orders.csv, the same each time: python etc/examples/sales/generate.py"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

COLUMNS = ("id", "date", "element", "symbol", "laboratory", "country", "amount", "price")
#: Element, symbol, grams of a usual order, price of a gram in euros. All of it is invented.
ELEMENTS = (
    ("Gold", "Au", 6, 118.0),
    ("Platinum", "Pt", 9, 52.0),
    ("Palladium", "Pd", 10, 44.0),
    ("Iridium", "Ir", 2, 190.0),
    ("Silver", "Ag", 60, 4.2),
    ("Gallium", "Ga", 40, 6.5),
    ("Germanium", "Ge", 35, 8.2),
    ("Yttrium", "Y", 30, 7.4),
    ("Neodymium", "Nd", 45, 5.6),
    ("Tellurium", "Te", 50, 3.9),
    ("Bismuth", "Bi", 80, 2.1),
    ("Titanium", "Ti", 120, 1.1),
)
LABORATORIES = (
    ("Berkeley", "United States"),
    ("Oak Ridge", "United States"),
    ("Darmstadt", "Germany"),
    ("Heidelberg", "Germany"),
    ("Uppsala", "Sweden"),
    ("Stockholm", "Sweden"),
    ("Zürich", "Switzerland"),
    ("Wako", "Japan"),
    ("Orsay", "France"),
)
START, DAYS, ROWS = date(2025, 1, 1), 365, 400


def pick(items: Sequence[T], random: Random) -> T:
    """One of `items`, those in front more often."""
    return items[int(len(items) * random.random() ** 1.35)]


def rows() -> Iterator[tuple[Any, ...]]:
    """The orders of a year, ever more of them as it goes on."""
    random = Random(118)  # of its methods, only random() is the same in every Python
    days = sorted(int(DAYS * random.random() ** 0.8) for _ in range(ROWS))
    for number, day in enumerate(days, 1):
        element, symbol, usual, gram = pick(ELEMENTS, random)
        laboratory, country = pick(LABORATORIES, random)
        amount = round(usual * (0.4 + 1.6 * random.random()), 1)
        price = round(amount * gram * (0.92 + 0.16 * random.random()), 2)
        yield (number, START + timedelta(day), element, symbol, laboratory, country, amount, price)


if __name__ == "__main__":
    with Path(__file__).with_name("orders.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows())
