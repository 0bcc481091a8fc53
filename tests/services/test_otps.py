"""One-time passwords and API keys: their table, and that each OTP is used once."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.otps import Otps, new_token, otp_mistake
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.testing import AppTestCase
from tests.processes import Client, ProcessTestCase
from tests.servers import PostgresServer


class OtpsCase(SynchronousTestCase):
    now = 1_800_000_000.0

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.otps = self.opened()

    def opened(self, **options: Any) -> Otps:
        otps = Otps(None, options, self.folder, None, clock=lambda: self.now)
        otps.startService()
        self.addCleanup(otps.stopService)
        return otps

    @property
    def file(self) -> Path:
        return self.folder / "auth.recover.db"

    def rows(self, query: str = "SELECT * FROM users") -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.file) as connection:
            found = connection.execute(query).fetchall()
        connection.close()
        return found

    def make(self, *statements: str) -> None:
        """A file as another program has left it."""
        self.folder.mkdir()
        with sqlite3.connect(self.file) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()


class TokenTests(OtpsCase):
    def test_a_token_has_a_row_with_user_type_and_expiry(self) -> None:
        token = self.otps.add({"id": "ann"}, 60)
        self.assertRegex(token, "^[0-9a-f]{32}$")
        self.assertEqual(self.rows(), [(token, '{"id":"ann"}', "OTP", self.now + 60)])

    def test_it_is_found_until_it_expires(self) -> None:
        token = self.otps.add({"id": "ann"}, 60, type="Mine")
        expected = {"token": token, "user": {"id": "ann", "type": "Mine"}, "type": "Mine", "expire": self.now + 60}
        self.assertEqual(self.otps.find(token), expected)
        self.assertEqual(self.otps.find(token, "Mine"), expected)
        self.now += 59.5
        self.assertEqual(self.otps.find(token), expected)
        self.now += 0.5
        self.assertIsNone(self.otps.find(token))

    def test_it_is_taken_once(self) -> None:
        token = self.otps.add("ann", 60)
        row = self.otps.take(token)
        assert row is not None
        self.assertEqual(row["user"], "ann")
        self.assertIsNone(self.otps.take(token))
        self.assertEqual(self.rows(), [])

    def test_another_type_is_neither_found_nor_taken(self) -> None:
        token = self.otps.add("ann", 60)
        self.assertEqual((self.otps.find(token, "Key"), self.otps.take(token, "Key")), (None, None))
        self.assertIsNotNone(self.otps.take(token, "OTP"))

    def test_an_expired_one_is_taken_in_vain(self) -> None:
        token = self.otps.add("ann", 60)
        self.now += 60
        self.assertIsNone(self.otps.take(token))
        self.assertEqual(self.rows(), [])

    def test_texts_that_are_no_tokens_are_not_found(self) -> None:
        self.otps.add("ann", 60)
        for token in ("", "x", "\0", "é", "\ud800", "x" * 100_000, "' OR 1=1 --", "%"):
            self.assertEqual((self.otps.find(token), self.otps.take(token)), (None, None), token[:20])

    def test_sizes(self) -> None:
        self.assertEqual([len(new_token(size)) for size in (1, 2, 7, 100)], [1, 2, 7, 100])
        self.assertEqual(len(self.otps.add("ann", 60, size=6)), 6)
        for size in (0, -1, 1001):
            with self.assertRaisesRegex(ValueError, "the size of a token is 1 to 1000 characters"):
                self.otps.add("ann", 60, size=size)

    def test_short_tokens_never_meet_and_run_out_with_an_error(self) -> None:
        got = [self.otps.add(number, 60, size=1) for number in range(12)]
        self.assertEqual(len(set(got)), 12)
        self.assertEqual([self.otps.find(token)["user"] for token in got], list(range(12)))  # type: ignore[index]
        with self.assertRaisesRegex(StoreError, "no token of 1 characters is free"):
            for _ in range(100):
                self.otps.add("ann", 60, size=1)
        self.now += 60
        self.assertEqual(len(self.otps.add("ann", 60, size=1)), 1)

    def test_times_that_never_end_must_be_numbers(self) -> None:
        with self.assertRaisesRegex(ValueError, "expire is a number of seconds, not nan"):
            self.otps.add("ann", float("nan"))
        self.assertIsNotNone(self.otps.find(self.otps.add("ann", float("inf"))))

    def test_a_user_must_be_json(self) -> None:
        with self.assertRaises(TypeError):
            self.otps.add(object(), 60)

    def test_long_expired_rows_are_removed_now_and_then(self) -> None:
        self.otps.add("old", 60)
        self.now += 90_000
        new = self.otps.add("new", 60)
        self.assertEqual([row[0] for row in self.rows()], [new])


class TableTests(OtpsCase):
    upstream = (
        "CREATE TABLE users (token TEXT PRIMARY KEY, user TEXT, type TEXT, expire REAL)",
        """INSERT INTO users VALUES ('abc', '{"id": "ann"}', 'Key', 1e10)""",
    )

    def test_the_file_is_its_owners_alone(self) -> None:
        self.otps.add("ann", 60)
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)

    def test_nothing_is_opened_before_it_is_needed(self) -> None:
        self.assertFalse(self.file.exists())

    def test_a_file_of_gramex_goes_on(self) -> None:
        self.make(*self.upstream)
        self.assertEqual(self.otps.find("abc", "Key")["user"], {"id": "ann", "type": "Key"})  # type: ignore[index]
        self.otps.add("bob", 60)
        self.assertEqual(len(self.rows()), 2)

    def test_an_old_table_gets_the_columns_that_it_lacks(self) -> None:
        self.make("CREATE TABLE users (user TEXT, email TEXT, token TEXT, expire REAL)",
                  "INSERT INTO users VALUES ('ann', 'a@x', 'old', 1e10)")  # fmt: skip
        row = self.otps.find("old")
        self.assertEqual(row, {"user": "ann", "email": "a@x", "token": "old", "expire": 1e10, "type": None})
        self.assertIsNone(self.otps.find("old", "OTP"))
        token = self.otps.add({"id": "bob"}, 60, email="b@x")
        self.assertEqual(self.otps.take(token)["user"], {"id": "bob", "email": "b@x", "type": "OTP"})  # type: ignore[index]

    def test_columns_can_be_added_and_values_without_one_are_left_out(self) -> None:
        otps = self.opened(table="my keys", columns={"use": "VARCHAR(20)", "n": {"type": "integer"}, "token": "TEXT"})
        token = otps.add({"id": "ann", "n": 1}, 60, use="test", other="x")
        user = {"id": "ann", "n": 1, "use": "test", "type": "OTP"}
        self.assertEqual(otps.find(token)["user"], user)  # type: ignore[index]
        self.assertEqual({type(name) for name in otps.find(token) or ()}, {str})
        self.assertEqual(self.rows('SELECT use, n FROM "my keys"'), [("test", None)])

    def test_what_is_no_type_is_named(self) -> None:
        otps = self.opened(columns={"use": "TEXT; DROP TABLE users"})
        with self.assertRaisesRegex(StoreError, r"columns.use: 'TEXT; DROP TABLE users' is not an SQL type"):
            otps.find("x")

    def test_a_database_that_cannot_be_used_is_said_and_tried_again(self) -> None:
        self.folder.mkdir()
        self.file.write_bytes(b"this is not a database, but long enough to look like one" * 20)
        with self.assertRaisesRegex(StoreError, "storelocations.otp: file is not a database"):
            self.otps.find("x")
        self.file.unlink()
        self.assertIsNone(self.otps.find("x"))

    def test_a_wrong_url_is_said_without_its_password(self) -> None:
        for url in ("nonsense", "nodb://u:secret@h/d", "postgresql+psycopg://u:secret@127.0.0.1:1/d"):
            with self.assertRaisesRegex(StoreError, "^storelocations.otp: ") as raised:
                self.opened(url=url).find("x")
            self.assertNotIn("secret", str(raised.exception))

    def test_a_locked_file_is_an_error_that_holds_no_token(self) -> None:
        otps = self.opened(connect_args={"timeout": 0.05})
        token = otps.add("ann", 60)
        with sqlite3.connect(self.file) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            with self.assertRaisesRegex(StoreError, "^storelocations.otp: database is locked$"):
                otps.take(token)
        connection.close()
        self.assertIsNotNone(otps.take(token))

    def test_a_memory_database_is_one(self) -> None:
        otps = self.opened(url="sqlite://")
        token = otps.add("ann", 60)
        with ThreadPoolExecutor(1) as pool:
            self.assertIsNotNone(pool.submit(otps.find, token).result())

    def test_it_is_closed_with_the_app(self) -> None:
        self.otps.add("ann", 60)
        self.otps.stopService()
        with self.assertRaisesRegex(StoreError, "the server is stopping"):
            self.otps.find("x")
        self.otps.startService()
        self.assertIsNone(self.otps.find("x"))

    def test_without_sqlalchemy_the_error_names_the_extra(self) -> None:
        absent = mock.patch.dict(sys.modules, {"sqlalchemy": None, "gramex_twisted.services.otptable": None})
        with absent, self.assertRaisesRegex(StoreError, r"pip install 'gramex-twisted\[auth\]'"):
            self.otps.find("x")
        self.assertIsNone(self.otps.find("x"))


class MistakeTests(SynchronousTestCase):
    def test_mistakes_are_named(self) -> None:
        for options, message in (
            ([], "must be a mapping with url, table, columns, not []"),
            ({"tabel": "x"}, "unknown key 'tabel'; did you mean 'table'?"),
            ({"url": 3}, "url must be text, not 3"),
            ({"columns": ["a"]}, "columns must be a mapping of names and SQL types, not ['a']"),
            ({"url": "sqlite://", "pool_size": 3}, None),
        ):
            self.assertEqual(otp_mistake(options), message)


class OnceTests(OtpsCase):
    """Threads that all take the same token: one gets it."""

    def race(self, takers: list[Callable[[str], Any]], token: str) -> list[Any]:
        barrier = threading.Barrier(len(takers))

        def take(taker: Callable[[str], Any]) -> Any:
            barrier.wait()
            return taker(token)

        with ThreadPoolExecutor(len(takers)) as pool:
            return [row for row in pool.map(take, takers) if row is not None]

    def test_one_of_many_threads_gets_it(self) -> None:
        other = self.opened()
        for _ in range(10):
            token = self.otps.add("ann", 60)
            self.assertEqual(len(self.race([self.otps.take, other.take] * 8, token)), 1)

    def test_tables_are_made_once(self) -> None:
        many = [self.opened() for _ in range(8)]
        self.assertEqual(self.race([otps.find for otps in many], "x"), [])

    def test_postgresql_too(self) -> None:
        server = PostgresServer.of(self)
        assert isinstance(server, PostgresServer)
        one, other = self.opened(url=server.url()), self.opened(url=server.url())
        for _ in range(5):
            token = one.add({"id": "ann"}, 60)
            [row] = self.race([one.take, other.take] * 4, token)
            self.assertEqual((row["user"], row["expire"]), ({"id": "ann", "type": "OTP"}, self.now + 60))
        self.assertIsNone(one.find("\0"))
        token = one.add("ann", 60)
        server.kill()
        with self.assertRaisesRegex(StoreError, "^storelocations.otp: "):
            one.find(token)
        server.start()
        self.assertIsNotNone(one.take(token))


MODULE = """
def make(handler):
    return [handler.otp(user={"id": "ann"}), handler.apikey(user="bob"), handler.otp(size=8, user=1, type="Mine")]

async def make_async(handler):
    key = await handler.apikey(user={"id": "bob"})
    row = await handler.get_otp(key)
    gone = await handler.revoke_apikey(key)
    return [row == gone, row["user"], await handler.get_otp(key)]

def use(handler):
    key = handler.get_arg("key")
    return [handler.get_otp(key) is not None, handler.revoke_otp(key)["user"], handler.revoke_otp(key)]

def own(handler):
    handler.current_user = {"id": "eve"}
    return handler.get_otp(handler.otp())["user"]
"""


class ContextTests(AppTestCase):
    files = {"keys.py": MODULE}
    config = """
    app: {session: {type: memory}}
    storelocations: {otp: {table: mine}}
    url:
      make: {pattern: /make, handler: FunctionHandler, kwargs: {function: keys.make}}
      async: {pattern: /async, handler: FunctionHandler, kwargs: {function: keys.make_async}}
      use: {pattern: /use, handler: FunctionHandler, kwargs: {function: keys.use}}
      own: {pattern: /own, handler: FunctionHandler, kwargs: {function: keys.own}}
      nobody: {pattern: /nobody, handler: FunctionHandler, kwargs: {function: handler.otp()}}
      expression: {pattern: /expression, handler: FunctionHandler, kwargs: {function: handler.otp(user="x").upper()}}
      reactor: {pattern: /reactor, handler: FunctionHandler, kwargs: {function: handler.otp(user="x"), thread: false}}
    """

    def test_threads_get_values(self) -> None:
        otp, key, own = self.get("/make").json()
        self.assertEqual([len(otp), len(key), len(own)], [32, 32, 8])
        self.assertEqual(self.get(f"/use?key={otp}").json(), [True, {"id": "ann", "type": "OTP"}, None])
        self.assertEqual(self.get(f"/use?key={key}").json(), [True, "bob", None])
        with sqlite3.connect(self.folder / "data" / "auth.recover.db") as connection:
            self.assertEqual(connection.execute("SELECT token, user, type FROM mine").fetchall(), [(own, "1", "Mine")])
        connection.close()

    def test_coroutines_await_them(self) -> None:
        self.assertEqual(self.get("/async").json(), [True, {"id": "bob", "type": "Key"}, None])

    def test_expressions_run_where_they_get_values_unless_told_otherwise(self) -> None:
        self.assertRegex(self.get("/expression").text, "^[0-9A-F]{32}$")
        self.assertRegex(self.get("/reactor").text, "^[0-9a-f]{32}$")

    def test_the_user_is_who_is_signed_in(self) -> None:
        self.assertEqual(self.get("/own").json(), {"id": "eve", "type": "OTP"})
        self.assertEqual(self.get("/nobody").status, 401)


class ConfigTests(AppTestCase):
    def test_a_mistake_has_its_place(self) -> None:
        with self.assertRaises(ExceptionGroup) as raised:
            self.make_app("url: {}\nstorelocations:\n  otp: {tabel: x}\n")
        [error] = raised.exception.exceptions
        self.assertRegex(
            str(error), r"gramex.yaml:3:\d+: storelocations.otp: unknown key 'tabel'; did you mean 'table'"
        )


class PatienceTests(SynchronousTestCase):
    def test_a_request_does_not_wait_for_ever(self) -> None:
        from twisted.internet.task import Clock

        clock = Clock()
        threads = mock.Mock(run=lambda *args: Deferred())
        answer = Otps(clock, {}, Path(), threads).run(len)
        clock.advance(10)
        error = self.failureResultOf(answer, StoreError)
        self.assertEqual(str(error.value), "storelocations.otp: no answer within 10 s")


class TwoProcessesTests(ProcessTestCase):
    def test_one_of_forty_requests_at_two_servers_signs_in(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.race())

    async def race(self) -> None:
        self.write(
            {
                "gramex.yaml": """
                    url:
                      make: {pattern: /make, handler: FunctionHandler, kwargs: {function: handler.otp(user="ann")}}
                      who: {pattern: /who, handler: FunctionHandler, kwargs: {function: handler.current_user}}
                    """
            }
        )
        servers = [self.spawn("--port", "0") for _ in range(2)]
        for server in servers:
            await server.started()
        clients = [await Client.connect(servers[index % 2].port) for index in range(40)]
        for client in clients:
            self.addCleanup(client.transport.loseConnection)
        for _ in range(3):
            token = (await clients[0].get("/make")).body.decode()
            answers = await gatherResults([client.send("/who", **{"X-Gramex-OTP": token}) for client in clients])
            self.assertEqual(sorted(answer.status for answer in answers), [200] + [400] * 39)
            self.assertEqual([answer.body for answer in answers if answer.status == 200], [b"ann"])
            self.assertEqual(len([1 for answer in answers if "set-cookie" in answer.headers]), 1)
            self.assertNotIn(token, "".join(server.output for server in servers))
