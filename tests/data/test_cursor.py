"""Cursors: opaque, checked, and good for one sort of one table."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import cursor
from gramex_twisted.data.arguments import parse
from gramex_twisted.data.query import Query, Sort
from gramex_twisted.data.schema import Field, Schema
from gramex_twisted.data.types import Kind, QueryError

VALUES: dict[Kind, Any] = {
    Kind.BOOL: True,
    Kind.INT: -(2**63),
    Kind.FLOAT: 0.1,
    Kind.DECIMAL: Decimal("1.10"),
    Kind.TEXT: "Zürich \u0001 '",
    Kind.DATE: date(2024, 1, 31),
    Kind.DATETIME: datetime(2024, 1, 31, 8, 0, 0, 1),
    Kind.INSTANT: datetime(2024, 1, 31, 8, tzinfo=UTC),
    Kind.TIME: time(8, 0, 0, 1),
}
SCHEMA = Schema((Field("id", Kind.INT, nullable=False), *(Field(kind.name, kind) for kind in VALUES)), key=("id",))


def made(names: list[list[object]], cells: list[object]) -> str:
    """A cursor made by hand."""
    return base64.urlsafe_b64encode(orjson.dumps([names, cells])).decode().rstrip("=")


class CursorTests(SynchronousTestCase):
    def error(self, after: str, sort: str = "") -> str:
        with self.assertRaises(QueryError) as caught:
            parse({"_after": [after], "_sort": [sort]}, SCHEMA)
        return caught.exception.reason

    def test_values_of_every_kind_come_back_as_they_were(self) -> None:
        query = Query(sort=tuple(Sort(kind.name, descending=True) for kind in VALUES))
        values = (*VALUES.values(), 5)
        text = cursor.encode(query, SCHEMA, values)
        self.assertRegex(text, r"^[A-Za-z0-9_-]+$")
        self.assertEqual(cursor.decode(text, query, SCHEMA), values)
        nulls = (*[None] * len(VALUES), 5)
        self.assertEqual(cursor.decode(cursor.encode(query, SCHEMA, nulls), query, SCHEMA), nulls)

    def test_a_cursor_of_another_sort_is_refused(self) -> None:
        query = Query(sort=(Sort("INT"),))
        text = cursor.encode(query, SCHEMA, (1, 2))
        self.assertEqual(parse({"_after": [text], "_sort": ["INT"]}, SCHEMA).after, (1, 2))
        for sort in ("", "-INT", "id", "FLOAT"):
            self.assertEqual(self.error(text, sort), "a cursor of another _sort")

    def test_what_is_no_cursor_is_refused(self) -> None:
        names: list[list[object]] = [["INT", False], ["id", False]]
        wrong = [
            *(
                "x",
                "é",
                "====",
                "a" * 20_000,
                "bnVsbA",
                "W10",
                "W1tdLFtdLFtdXQ",
                base64.b64encode(b"\xff\xfe").decode(),
            ),
            *(
                made(names, cells)
                for cells in ([], [1], [1, 2, 3], ["a", 1], [1.5, 1], [True, 1], [1, None], [{}, 1], [[1], 1])
            ),
            *(made(names, [2**64 - 1, 1]), made(names, {}), made(names, [1, "2"])[:-4]),  # type: ignore[arg-type]
        ]
        for text in wrong:
            self.assertIn(self.error(text, "INT"), ("not a cursor", "a cursor of another _sort"), text)

    def test_no_text_at_all_breaks_it(self) -> None:
        @settings(deadline=None, max_examples=200)
        @given(st.text(max_size=30) | st.binary(max_size=30).map(lambda data: base64.urlsafe_b64encode(data).decode()))
        def check(text: str) -> None:
            try:
                parse({"_after": [text]}, SCHEMA)
            except QueryError as error:
                self.assertEqual(error.argument, "_after")

        check()

    def test_tables_without_an_order_have_none(self) -> None:
        with self.assertRaisesRegex(QueryError, "this table has no primary key; use _offset"):
            parse({"_after": ["x"]}, Schema((Field("a", Kind.INT),)))
