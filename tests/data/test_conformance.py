"""One URL, one answer: whatever holds the table. The answers are written in `tests.data.answers`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.types import Kind
from tests.data.answers import DISTINCT, EXACT_ANSWERS, GROUPS, ROWS
from tests.data.backends import Data, Table, table_of
from tests.data.cases import EXACT, ODD, ODD_NAMES, SALES


class Conformance:
    """What every backend is asked; a subclass for each says which."""

    backend = ""
    exact = True
    """Whether it keeps microseconds and 64 bits."""

    def table(self, data: Data) -> Table:
        """The backend's table of `data`."""
        return table_of(self.backend, data)

    def same(self, found: object, expected: object, what: str = "") -> None:
        """They are equal."""
        if found != expected:
            raise AssertionError(f"{what}: {found!r} is not {expected!r}")

    def check(self, cases: Sequence[tuple[str, str]], answer: Callable[[str], str]) -> None:
        """All cases, so that one run tells all that differ."""
        wrong = [(url, found, expected) for url, expected in cases if (found := answer(url)) != expected]
        if wrong:
            raise AssertionError("\n".join(f"{url}\n  {found}\n  not {expected}" for url, found, expected in wrong))

    def test_filters_sorts_and_pages_find_the_same_rows(self) -> None:
        table = self.table(SALES)
        self.check(ROWS, lambda url: " ".join(str(row["id"]) for row in json.loads(table.ask(url))))

    def test_projections_and_groups_are_the_same_json(self) -> None:
        table = self.table(SALES)
        self.check(GROUPS, lambda url: table.ask(url).decode())

    def test_distinct_values_under_the_other_filters(self) -> None:
        table = self.table(SALES)
        self.check(DISTINCT, lambda url: table.distinct(url).decode())

    def test_counts_are_of_all_rows_or_groups_that_pass(self) -> None:
        table = self.table(SALES)
        urls = [
            "",
            "units=3&_limit=1",
            "_by=units&_limit=2&_offset=1",
            "_by=units&id|count>=1",
            "_by=&_c=city",
            "id=99",
        ]
        self.same([table.count(table.query(url)) for url in urls], [10, 3, 8, 1, 0, 0])

    def test_columns_of_any_name_can_be_filtered_shown_sorted_and_grouped(self) -> None:
        table = self.table(ODD)
        for place, name in enumerate(ODD_NAMES[1:], 1):
            if name in ("g", "minus"):  # `g>=` and `_sort=-minus` ask of the columns `g>` and `-minus`, which are there
                continue
            key = quote(name)
            asked = [
                f"{key}={200 + place}&_c={key}",
                f"{key}>={200 + place}&_c={key}",
                f"{key}>~={200 + place}&_sort=-{key}&_c={key}&_limit=1",
                f"_by={key}&_c={key}|sum&_sort=-{key}|sum&_limit=1&{key}|sum>=1",
            ]
            shown = [[{name: 200 + place}], [{name: 300 + place}], [{name: 300 + place}]]
            grouped = [{name: 300 + place, f"{name}|sum": 300 + place}]
            self.same([json.loads(table.ask(url)) for url in asked], [*shown, grouped])

    def test_64_bits_microseconds_and_the_letters_of_the_world(self) -> None:
        if self.exact:
            table = self.table(EXACT)
            self.check(EXACT_ANSWERS, lambda url: table.ask(url).decode())

    def test_pages_by_cursor_hold_every_row_once_and_in_order(self) -> None:
        table = self.table(SALES)
        for sort in ("", "city", "-sales", "units&_sort=-price", "-active&_sort=at", "-clock", "day", "-price", "-id"):
            url = f"_sort={sort}&_limit=3&_c=city"
            whole = json.loads(table.ask(f"_sort={sort}&_c=city"))
            pages: list[list[dict[str, object]]] = []
            after: str | None = ""
            while after is not None:
                result = table.run(table.query(f"{url}&_after={after}"))
                pages.append(result.records())
                after = result.after
            self.same([row for page in pages for row in page], whole, sort)
            self.same([len(page) for page in pages], [3, 3, 3, 1], sort)


class FrameTests(Conformance, SynchronousTestCase):
    backend = "frame"

    def test_instants_are_told_in_utc(self) -> None:
        check_instants(self, "frame")


class CSVTests(Conformance, SynchronousTestCase):
    backend = "csv"
    exact = False  # it cannot tell an empty text from null


class ParquetTests(Conformance, SynchronousTestCase):
    backend = "parquet"

    def test_instants_are_told_in_utc(self) -> None:
        check_instants(self, "parquet")


class XLSXTests(Conformance, SynchronousTestCase):
    backend = "xlsx"
    exact = False


class SQLiteTests(Conformance, SynchronousTestCase):
    backend = "sqlite"


class PostgreSQLTests(Conformance, SynchronousTestCase):
    backend = "postgresql"

    def test_instants_are_told_in_utc(self) -> None:
        check_instants(self, "postgresql")


class MariaDBTests(Conformance, SynchronousTestCase):
    backend = "mariadb"


INSTANTS = Data(
    (("id", Kind.INT), ("at", Kind.INSTANT)),
    ((1, datetime(2024, 1, 31, 8, tzinfo=UTC)), (2, datetime(2024, 1, 31, 9, tzinfo=UTC)), (3, None)),
)


def check_instants(test: SynchronousTestCase, backend: str) -> None:
    """Points in time, where a backend has them."""
    table = table_of(backend, INSTANTS)
    test.assertEqual(table.ask("_limit=1"), b'[{"id":1,"at":"2024-01-31T08:00:00+00:00"}]')
    for url in ("at=2024-01-31T08:00", "at=2024-01-31T10:00:00%2B02:00", "at=2024-01-31T10:00:00 02:00"):
        test.assertEqual(table.ask(f"{url}&_c=id"), b'[{"id":1}]')
    test.assertEqual(table.ask("at>=2024-01-31T08:00Z&_c=id"), b'[{"id":2}]')
    test.assertEqual(table.ask("_by=&_c=at|max"), b'[{"at|max":"2024-01-31T09:00:00+00:00"}]')
