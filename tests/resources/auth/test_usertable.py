"""storelocations.user: what earlier log-ins have left is there at the next, in the table of Gramex 1.x."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.resources.auth import located
from gramex_twisted.resources.auth.usertable import merged
from tests.resources.auth.support import SignInTestCase

URLS = """
url:
  login: {pattern: /login, handler: SimpleAuth, kwargs: {credentials: {ada: {password: lovelace, role: admin}}}}
  logout: {pattern: /logout, handler: LogoutHandler}
  who: {pattern: /who, handler: FunctionHandler, kwargs: {function: handler.current_user}}
"""


class MergedTests(SynchronousTestCase):
    def test_what_user_code_has_stored_stays_and_what_a_log_in_no_longer_brings_goes(self) -> None:
        first = merged(None, {"id": "ada", "role": "admin", "refresh_token": "r"}, ["id", "refresh_token", "role"])
        first["plan"] = "gold"
        second = merged(json.dumps(first), {"id": "ada"}, ["id"])
        self.assertEqual(second, {"id": "ada", "refresh_token": "r", "plan": "gold", "_brought": ["id"]})

    def test_a_row_of_gramex_stays_as_it_is(self) -> None:
        found = merged('{"active": "y", "city": "Oslo", "password": "x"}', {"active": ""}, None)
        self.assertEqual(found, {"active": "", "city": "Oslo", "password": "x"})

    def test_a_row_that_is_no_object_counts_as_none(self) -> None:
        for stored in ("[1]", "{", "", b"\xff"):
            self.assertEqual(merged(stored, {"active": ""}, None), {"active": ""})


class UserTableCase(SignInTestCase):
    def rows(self, sql: str = "SELECT key, value FROM user") -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "data" / "auth.user.db")) as connection, connection:
            return connection.execute(sql).fetchall()

    def sign_in(self) -> int:
        return self.visitor.post("/login", user="ada", password="lovelace").status


class NamedTests(UserTableCase):
    config = URLS + "storelocations: {user: {url: 'sqlite:///$GRAMEXDATA/auth.user.db', columns: {seen: TEXT}}}"

    def test_each_user_has_a_row_without_a_password(self) -> None:
        self.assertEqual(self.sign_in(), 302)
        [(key, value)] = self.rows()
        expected = {"id": "ada", "user": "ada", "role": "admin", "active": "y", "_brought": ["id", "role", "user"]}
        self.assertEqual((key, json.loads(value)), ("ada", expected))
        self.visitor.get("/logout")
        [(key, value)] = self.rows()
        self.assertEqual((key, json.loads(value)), ("ada", {**expected, "active": ""}))
        self.assertEqual(self.rows("SELECT seen FROM user"), [(None,)])

    def test_what_is_stored_there_is_of_the_user(self) -> None:
        self.sign_in()
        self.rows("""UPDATE user SET value = '{"plan": "gold", "role": "guest", "password": "x"}'""")
        self.visitor.get("/logout")
        self.visitor.get("/login")
        self.sign_in()
        user = self.visitor.get("/who").json()
        self.assertEqual((user["plan"], user["role"], "password" in user), ("gold", "admin", False))
        self.assertEqual(json.loads(self.rows()[0][1])["plan"], "gold")

    def test_where_the_file_is_locked_nobody_signs_in_and_nothing_is_lost(self) -> None:
        self.sign_in()
        before = self.rows()
        self.visitor.get("/logout")
        self.visitor.get("/login")
        self.patch(located, "PATIENCE", 0.05)
        with closing(sqlite3.connect(self.folder / "data" / "auth.user.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            self.assertEqual(self.sign_in(), 503)
            self.assertEqual(self.visitor.get("/who").text, "")
        self.assertEqual(self.sign_in(), 302)
        self.assertEqual(self.rows(), before)


class DatabaseTests(UserTableCase):
    config = URLS + "storelocations: {user: {url: 'sqlite+pysqlite:///$GRAMEXDATA/auth.user.db', table: people}}"

    def test_any_database_will_do(self) -> None:
        (self.folder / "data").mkdir(exist_ok=True)
        for _ in range(2):
            self.assertEqual(self.sign_in(), 302)
            self.visitor.get("/login")
        [(key, value)] = self.rows("SELECT key, value FROM people")
        self.assertEqual((key, json.loads(value)["active"]), ("ada", "y"))


class UnnamedTests(UserTableCase):
    config = URLS

    def test_none_is_made(self) -> None:
        self.assertEqual(self.sign_in(), 302)
        self.assertEqual(self.rows("SELECT name FROM sqlite_schema"), [("userlog",)])

    def test_that_of_gramex_goes_on(self) -> None:
        (self.folder / "data").mkdir(exist_ok=True)
        self.rows("CREATE TABLE user (key TEXT PRIMARY KEY, value TEXT)")
        self.rows("""INSERT INTO user VALUES ('ada', '{"city": "Oslo", "password": "lovelace", "active": ""}')""")
        self.assertEqual(self.sign_in(), 302)
        self.assertEqual(self.visitor.get("/who").json()["city"], "Oslo")
        self.assertEqual(json.loads(self.rows()[0][1])["active"], "y")


class UserLogColumnsTests(UserTableCase):
    config = URLS + "storelocations: {userlog: {columns: {method: TEXT, headers.X-Office: TEXT, nonsense: TEXT}}}"

    def test_a_table_gets_the_columns_that_it_lacks(self) -> None:
        (self.folder / "data").mkdir(exist_ok=True)
        self.rows("CREATE TABLE userlog (event TEXT, user TEXT)")
        self.rows("INSERT INTO userlog VALUES ('login', 'old')")
        self.visitor.post("/login", user="ada", password="lovelace", headers={"X-Office": ["Oslo"]})
        found = self.rows('SELECT event, user, method, "headers.X-Office", class, nonsense FROM userlog')
        expected = [("login", "old", *[None] * 4), ("login", "ada", "POST", "Oslo", "SimpleAuth", None)]
        self.assertEqual(found, expected)
