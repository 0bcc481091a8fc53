"""Sources that can be read and not written: a change is a 405 that says why, and nothing is changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import ClassVar

import sqlalchemy as sa

from gramex_twisted.testing import AppTestCase
from tests.data.databases import url_of
from tests.servers import PostgresServer


class ReadOnlyTests(AppTestCase):
    files: ClassVar[dict[str, str | bytes]] = {
        "page.html": "<table><tr><th>id</th><th>x</th></tr><tr><td>1</td><td>2</td></tr></table>",
    }

    def setUp(self) -> None:
        super().setUp()
        with closing(sqlite3.connect(self.folder / "a.db")) as connection:
            connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER)")
            connection.execute("INSERT INTO t VALUES (1, 2)")
            connection.commit()
        url = url_of(PostgresServer)
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS read_only"))
            connection.execute(sa.text("CREATE TABLE read_only (id INTEGER PRIMARY KEY, x INTEGER)"))
            connection.execute(sa.text("INSERT INTO read_only VALUES (1, 2)"))
        mode = "connect_args: {options: '-c default_transaction_read_only=on'}"
        kwargs = {
            "sqlite": f'url: "sqlite:///file:{self.folder}/a.db?mode=ro&uri=true", table: t',
            "postgresql": f'url: "{url}", table: read_only, {mode}',
            "query": f'url: "sqlite:///{self.folder}/a.db", query: SELECT * FROM t',
            "page": "url: $YAMLPATH/page.html",
            "folder": "url: $YAMLPATH",
        }
        routes = [
            f"  {name}: {{pattern: /{name}, handler: FormHandler, kwargs: {{{each}, id: id}}}}"
            for name, each in kwargs.items()
        ]
        self.app = self.make_app("\n".join(["url:", *routes]))

    def test_changes_are_405_and_reading_goes_on(self) -> None:
        for name in ("sqlite", "postgresql", "query", "page", "folder"):
            before = self.get(f"/{name}").json()
            for method in ("POST", "PUT", "DELETE"):
                response = self.request(method, f"/{name}?id=1" + ("&x=5" if method != "DELETE" else ""))
                self.assertEqual(response.status, 405, f"{method} {name}: {response.text}")
                self.assertRegex(response.json()["error"], "cannot be written|read-?only", f"{method} {name}")
            self.assertEqual(self.get(f"/{name}").json(), before, name)
