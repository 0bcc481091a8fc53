"""Random changes, one after another, leave the same rows in files, databases and a plain list of dicts."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.changing import ChangesTestCase

BACKENDS = ("csv", "json", "jsonl", "yaml", "parquet", "xlsx", "sqlite", "postgresql", "mariadb")
IDS = st.integers(1, 8)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
CELLS = {
    "name": TEXTS.map(lambda text: f"t{text}t"),
    "sales": st.integers(-4000, 4000).map(lambda whole: whole + 0.5),
    "active": st.booleans(),
}
SOME = st.fixed_dictionaries({}, optional={name: st.none() | cells for name, cells in CELLS.items()}).filter(bool)
INSERTS = st.lists(SOME, min_size=1, max_size=3)
UPDATES = st.lists(st.tuples(IDS, SOME), min_size=1, max_size=7)
DELETES = st.lists(st.tuples(IDS, st.booleans()), min_size=1, max_size=3)
OPERATIONS = st.lists(
    st.tuples(st.just("post"), INSERTS) | st.tuples(st.just("put"), UPDATES) | st.tuples(st.just("delete"), DELETES),
    max_size=5,
)
START = [{"id": 1, "name": "a", "sales": 1.5, "active": True}, {"id": 2, "name": "b", "sales": None, "active": False}]
NOTHING = {"name": None, "sales": None, "active": None}


class ModelTests(ChangesTestCase):
    @settings(max_examples=10, deadline=None)
    @given(OPERATIONS)
    def test_all_backends_do_what_a_list_does(self, operations: list[tuple[str, Any]]) -> None:
        sources = {backend: self.made(backend, START) for backend in BACKENDS}
        model: list[dict[str, Any]] = [dict(row) for row in START]
        number = 100
        for name, given_ in operations:
            body: list[dict[str, Any]] = []
            if name == "post":
                for cells in given_:
                    number += 1
                    body.append({"id": number, **cells})
                model += [{**NOTHING, **row} for row in body]
                count = len(body)
            elif name == "put":
                body = [{"id": key, **cells} for key, cells in given_]
                found = [(row, change) for change in body for row in model if row["id"] == change["id"]]
                for row, change in found:
                    row.update(change)
                count = len(found)
            else:
                body = [{"id": key, "active": active} for key, active in given_]
                gone = [
                    row for row in model if any(row["id"] == d["id"] and row["active"] == d["active"] for d in body)
                ]
                model = [row for row in model if row not in gone]
                count = len(gone)
            for backend, source in sources.items():
                self.assertEqual(getattr(self, name)(source, body).count, count, (backend, name, body))
            if not model:
                return  # files without rows have no kinds of columns
            if any(all(row[column] is None for row in model) for column in NOTHING):
                return
        for backend, source in sources.items():
            rows = [{name: row[name] for name in ("id", *NOTHING)} for row in self.ask(source)]
            self.assertEqual(rows, model, backend)
