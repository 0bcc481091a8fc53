"""The tables that the conformance tests ask about."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from math import nan

from gramex_twisted.data.types import Kind
from tests.data.backends import Data

SALES = Data(
    (
        ("id", Kind.INT),
        ("city", Kind.TEXT),
        ("sales", Kind.FLOAT),
        ("units", Kind.INT),
        ("price", Kind.DECIMAL),
        ("active", Kind.BOOL),
        ("day", Kind.DATE),
        ("at", Kind.DATETIME),
        ("clock", Kind.TIME),
    ),
    tuple(
        (
            number,
            city,
            sales,
            units,
            None if price is None else Decimal(price),
            active,
            date.fromisoformat(at[:10]) if at else None,
            datetime.fromisoformat(at) if at else None,
            time.fromisoformat(at[11:]) if at else None,
        )
        for number, city, sales, units, price, active, at in (
            (1, "Oslo", 10.5, 3, "1.10", True, "2024-01-31 08:00:00"),
            (2, "oslo", -2.25, 0, "2.20", False, "2023-12-31 23:59:59.500"),
            (3, "Zürich", None, 5, None, None, "2024-02-29 12:30:00"),
            (4, "zürich", 10.5, None, "3.30", True, None),
            (5, "東京", nan, 9007199254740991, "0.10", False, "2024-01-31 00:00:00"),
            (6, None, 0.1, -7, "0.20", True, "1999-01-01 08:00:00"),
            (7, "Oslo ", 0.2, 3, "0.30", None, "2024-12-31 18:30:15"),
            (8, "a%b_c\\d", 1e6, 3, "100.00", False, "2024-01-31 08:00:00.500000"),
            (9, "A.B", 2.0, 1, "1.10", True, "1999-01-01 08:00:00"),
            (10, "😀 é\"'x", 4.0, 2, "5.00", False, "2024-01-30 08:00:00"),
        )
    ),
)

ODD_NAMES = (
    *("id", "a b", "x.y", "c:d", "sum|units", "units", "g>", "g", "h!", 'q"uote', "per%cent", "100%s", "back\\slash"),
    *("日本", "select", "-minus", "minus", "_id", "(p)", "it's", "`tick", "^a.*$", "*", "a,b", "param_1", "o0"),
    *("%(x)s", ":bind", "c1", "ns:key", "a|b|c", "~", "x>~"),
)
ODD = Data(
    (("id", Kind.INT), *((name, Kind.INT) for name in ODD_NAMES[1:])),
    tuple((row, *(row * 100 + place for place in range(1, len(ODD_NAMES)))) for row in (1, 2, 3)),
)
"""Columns whose names hold operators and what SQL, polars or drivers may take for their own; values tell the column."""

EXACT = Data(
    (("id", Kind.INT), ("big", Kind.INT), ("ns", Kind.FLOAT), ("at", Kind.DATETIME), ("note", Kind.TEXT)),
    (
        (1, 2**63 - 1, 0.1, datetime(2024, 1, 31, 8, 0, 0, 1), "a\nb"),
        (2, 2**63 - 1, 0.2, datetime(2024, 1, 31, 8, 0, 0, 2), "tab\there"),
        (3, -(2**63), 0.3, datetime(2024, 1, 31, 8), "İstanbul ß ẞ ſ"),
        (4, 2**53 + 1, 1e16, None, "ΣΊΣΥΦΟΣ σίσυφος"),
        (5, None, 5e-324, datetime(1000, 1, 1), ""),
    ),
)
"""What a spreadsheet cannot hold."""
