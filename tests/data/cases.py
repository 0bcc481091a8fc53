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
