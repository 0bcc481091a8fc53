"""What Gramex has kept is known here, and goes on; and Gramex knows what has been kept here."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.migrate.asking import Visitor, value
from tests.migrate.keeping import KEPT, Known, check, done, gramex, keep, ours, sign_in

GRAMEX = os.environ.get("GRAMEX_PYTHON")
JSON = "--session.type=json"


class KeptTests(SynchronousTestCase):
    """With files that Gramex 1.94.5 has made: see tests/migrate/kept/README.md."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.data = self.folder / "data"
        shutil.copytree(KEPT / "data", self.data)
        self.known = Known(**json.loads((KEPT / "known.json").read_text()))

    def rows(self, name: str, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.data / name)) as connection:
            return connection.execute(sql).fetchall()

    def test_all_of_it_is_known_and_goes_on(self) -> None:
        with ours(self.folder / "app", self.data) as server:
            check(server.port, self.known, "gramex", 2)
            known = keep(server.port, self.data, "ours")
            check(server.port, known, "ours", 2)
            check(server.port, replace(self.known, otp=""), "gramex", 3)
            visitor = Visitor(server.port)
            self.assertEqual([value(visitor.ask(f"/store/{kind}")) for kind in ("json", "sqlite")], [3, 3])
        self.assertIn('"count":2', (self.data / "session.json").read_text())  # which stays as it was
        [(key, text)] = self.rows("auth.user.db", "SELECT key, value FROM user")
        self.assertEqual((key, json.loads(text)["active"], json.loads(text)["role"]), ("ada", "y", "admin"))
        self.assertEqual(self.rows("auth.user.db", "SELECT event, user FROM userlog"), [("login", "ada")] * 2)

    def test_session_json_goes_on_being_that_of_gramex(self) -> None:
        with ours(self.folder / "app", self.data, JSON) as server:
            check(server.port, self.known, "gramex", 2)
            [session] = [each for each in self.sessions().values() if each.get("count")]
            self.assertEqual((session["count"], session["user"]["id"], session["_t"] > 4e9), (3, "ada", True))
            visitor = Visitor(server.port, self.known.cookies)
            visitor.ask("/logout")
            self.assertIsNone(value(visitor.ask("/who"))["user"])
            self.assertIsNone(value(Visitor(server.port, self.known.cookies).ask("/who"))["user"])

    def sessions(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.data / "session.json").read_text())
        return found

    def test_who_has_left_is_not_let_in_again_by_the_old_file(self) -> None:
        for _ in range(2):
            with ours(self.folder / f"app{_}", self.data) as server:
                visitor = Visitor(server.port, self.known.cookies)
                visitor.ask("/logout")
                self.assertIsNone(value(Visitor(server.port, self.known.cookies).ask("/who"))["user"])


class BothWaysTests(SynchronousTestCase):
    if not GRAMEX:
        skip = "GRAMEX_PYTHON names no Python that has Gramex"

    def test_a_server_knows_what_the_other_has_kept(self) -> None:
        folder = Path(self.mktemp()).absolute()
        data = folder / "data"
        data.mkdir(parents=True)
        with gramex(str(GRAMEX), folder / "first", data) as server:
            first = keep(server.port, data, "gramex")
        with ours(folder / "second", data, JSON) as server:
            check(server.port, first, "gramex", 2)
            second = keep(server.port, data, "ours")
            visitor = Visitor(server.port)
            sign_in(visitor, "bob", "secret")
        with gramex(str(GRAMEX), folder / "third", data) as server:
            check(server.port, second, "ours", 2)
            check(server.port, replace(first, otp=""), "gramex", 3)
            self.assertEqual(value(Visitor(server.port, visitor.cookies).ask("/who"))["user"], "bob")
            third = keep(server.port, data, "again")
            done(Visitor(server.port).ask("/note/ours"))
        with ours(folder / "fourth", data, JSON) as server:
            check(server.port, third, "again", 2)
            check(server.port, replace(second, otp=""), "ours", 3)
        with closing(sqlite3.connect(data / "auth.user.db")) as connection:
            events = connection.execute("SELECT event, user FROM userlog").fetchall()
            self.assertEqual(events, [("login", "ada"), ("login", "ada"), ("login", "bob"), ("login", "ada")])
