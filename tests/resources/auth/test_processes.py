"""Signing in against real servers: many at once, next to others, through kill -9, and with PostgreSQL."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import treq
from sqlalchemy import create_engine, text
from treq.client import HTTPClient
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SkipTest
from twisted.web.client import Agent, HTTPConnectionPool

from gramex_twisted.resources.auth.hashes import hashed
from tests.processes import ProcessTestCase, Server
from tests.servers import MariaDBServer, PostgresServer

YAML = """
app: {settings: {xsrf_cookies: false}}
threadpool: {workers: 4}
url:
  login:
    pattern: /login
    handler: SimpleAuth
    kwargs: {credentials: {alpha: 'HASH', beta: 'HASH', gamma: 'HASH'}, action: ACTION, delay: 0}
  user: {pattern: /user, handler: FunctionHandler, kwargs: {function: handler.current_user}}
  hello: {pattern: /hello, handler: FunctionHandler, kwargs: {function: str("hello")}}
"""


class Visit:
    """Requests to one server, without a cookie jar."""

    def __init__(self, test: ProcessTestCase, server: Server) -> None:
        self.pool = HTTPConnectionPool(reactor)
        self.pool.maxPersistentPerHost = 200
        test.addCleanup(self.pool.closeCachedConnections)
        self.base = f"http://127.0.0.1:{server.port}"

    async def request(self, method: str, path: str, cookie: str = "", **form: str) -> tuple[int, str, str]:
        """Status, body and session cookie of a response."""
        client = HTTPClient(Agent(reactor, pool=self.pool))
        options: dict[str, Any] = {"allow_redirects": False, "timeout": 240, "reactor": reactor}
        headers = {"Cookie": [cookie]} if cookie else {}
        if form:
            headers["Content-Type"] = ["application/x-www-form-urlencoded"]
            options["data"] = urlencode(form).encode()
        response = await client.request(method, self.base + path, headers=headers, **options)
        body = await treq.text_content(response)
        cookies = [line for line in response.headers.getRawHeaders("Set-Cookie", []) if line.startswith("sid=")]
        return response.code, body, cookies[0].partition(";")[0] if cookies else ""

    async def log_in(self, user: str = "alpha", password: str = "pass", path: str = "/login") -> tuple[int, str, str]:
        """An attempt to sign in."""
        return await self.request("POST", path, user=user, password=password)

    def many(self, count: int, user: str = "alpha", password: str = "pass") -> Deferred[list[tuple[int, str, str]]]:
        """Attempts at once."""
        return gatherResults([Deferred.fromCoroutine(self.log_in(user, password)) for _ in range(count)])


class ServerTests(ProcessTestCase):
    timeout = 300

    async def served(self, action: str = "[]", **options: str) -> Visit:
        self.write({"gramex.yaml": YAML.replace("HASH", hashed("pass")).replace("ACTION", action)})
        self.server = await self.serve()
        return Visit(self, self.server)

    def events(self) -> list[str]:
        """The user log."""
        with closing(sqlite3.connect(self.folder / "data" / "auth.user.db")) as connection:
            return [row[0] for row in connection.execute("SELECT event FROM userlog")]

    async def test_a_row_that_was_answered_survives_kill_9(self) -> None:
        visit = await self.served()
        status, _, cookie = await visit.log_in()
        await visit.log_in(password="wrong")
        self.server.signal(signal.SIGKILL)
        await self.server.exited()
        self.assertEqual(status, 302)
        self.assertEqual(self.events(), ["login", "fail"])
        again = Visit(self, await self.serve())
        self.assertEqual((await again.request("GET", "/user", cookie))[1], '{"user":"alpha","id":"alpha"}')

    async def test_a_thousand_log_ins_of_one_user_at_once(self) -> None:
        visit = await self.served()
        found = await visit.many(1000)
        self.assertEqual({status for status, _, _ in found}, {302})
        self.assertEqual(len({cookie for _, _, cookie in found}), 1000)
        self.assertEqual((await visit.request("GET", "/hello"))[1], "hello")
        self.assertEqual(len(self.events()), 1000)

    async def test_of_many_with_ensure_single_session_one_stays(self) -> None:
        visit = await self.served("ensure_single_session")
        found = await visit.many(30)
        self.assertEqual({status for status, _, _ in found}, {302})
        bodies = [(await visit.request("GET", "/user", cookie))[1] for _, _, cookie in found]
        self.assertEqual(len([body for body in bodies if body]), 1)

    async def test_a_thousand_guesses_at_once_are_bounded_and_lock_nothing_up(self) -> None:
        visit = await self.served()
        guesses = [Deferred.fromCoroutine(visit.log_in("beta", f"guess{number}")) for number in range(1000)]
        statuses = [status for status, _, _ in await gatherResults(guesses)]
        self.assertLessEqual(set(statuses), {401, 429, 503})
        self.assertLess(statuses.count(401), 400)
        self.assertEqual((await visit.log_in())[0], 302)

    async def test_log_ins_do_not_hold_up_others(self) -> None:
        visit = await self.served()
        users = ("alpha", "beta", "gamma")
        log_ins = gatherResults(
            [Deferred.fromCoroutine(visit.log_in(users[number % 3], f"wrong{number}")) for number in range(16)]
        )
        answered = 0
        while not log_ins.called:
            self.assertEqual((await visit.request("GET", "/hello"))[1], "hello")
            answered += 1
        await log_ins
        # Were passwords hashed on the reactor, there would be one answer between two log-ins at best.
        self.assertGreater(answered, 32)

    async def test_how_long_a_failure_takes_tells_nothing_about_users(self) -> None:
        visit = await self.served()
        times = {"alpha": 0.0, "nobody": 0.0}
        for number in range(20):
            for user in times:
                began = self.busy()
                self.assertEqual((await visit.log_in(user, f"wrong{number}"))[0], 401)
                times[user] += self.busy() - began
        self.assertGreater(min(times.values()), 0.2)
        self.assertLess(abs(times["alpha"] - times["nobody"]), 0.35 * max(times.values()), times)

    def busy(self) -> float:
        """Seconds that the server has computed: other programs, which make it wait, do not count."""
        fields = Path(f"/proc/{self.server.transport.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def test_postgresql_has_users_and_the_log(self) -> None:
        postgres = PostgresServer.of(self)  # type: ignore[arg-type]
        engine = create_engine(postgres.url())
        with engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA people"))
            connection.execute(
                text('CREATE TABLE people.users (number int PRIMARY KEY, "user" text UNIQUE, password text)')
            )
            connection.execute(text("INSERT INTO people.users VALUES (7, 'ann', 'secret'), (8, 'bob', 'x')"))
        self.addCleanup(engine.dispose)
        self.write(
            {
                "gramex.yaml": f"""
                app: {{settings: {{xsrf_cookies: false}}}}
                storelocations: {{userlog: {{url: '{postgres.url()}'}}}}
                url:
                  text:
                    pattern: /text
                    handler: DBAuth
                    kwargs: {{url: '{postgres.url()}', table: people.users, delay: 0}}
                  number:
                    pattern: /number
                    handler: DBAuth
                    kwargs: {{url: '{postgres.url()}', table: people.users, user: {{column: number}}, delay: 0}}
                """
            }
        )
        visit = Visit(self, await self.serve())
        self.assertEqual((await visit.log_in("ann", "secret", "/text"))[0], 302)
        self.assertEqual((await visit.log_in("8", "x", "/number"))[0], 302)
        for user in ("ann' OR 1=1 --", "8 OR 1=1", "nobody", "an\u0000n", "ANN"):
            for path in ("/text", "/number"):
                self.assertEqual((await visit.log_in(user, "secret", path))[0], 401, user)
        with engine.connect() as connection:
            stored = connection.execute(text("SELECT password FROM people.users ORDER BY number")).scalars().all()
            rows = connection.execute(text("SELECT event, \"user\" FROM userlog WHERE event = 'login'")).all()
        self.assertTrue(all(password.startswith("$argon2id$") for password in stored), stored)
        self.assertEqual(sorted(map(tuple, rows)), [("login", "8"), ("login", "ann")])
        postgres.kill()
        self.assertEqual((await visit.log_in("ann", "secret", "/text"))[0], 503)
        postgres.start()
        self.assertEqual((await visit.log_in("ann", "secret", "/text"))[0], 302)

    async def test_mariadb_finds_users_by_its_collation_and_they_have_the_name_of_their_row(self) -> None:
        mariadb = MariaDBServer.of(self)  # type: ignore[arg-type]
        engine = create_engine(mariadb.url())
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE users (`user` varchar(50) PRIMARY KEY, password varchar(200))"))
            connection.execute(text("INSERT INTO users VALUES ('ann', 'secret'), ('zo\u00eb', 'accent')"))
        self.addCleanup(engine.dispose)
        self.write(
            {
                "gramex.yaml": f"""
                app: {{settings: {{xsrf_cookies: false}}}}
                url:
                  login:
                    pattern: /login
                    handler: DBAuth
                    kwargs: {{url: '{mariadb.url()}', table: users, delay: 0}}
                  user: {{pattern: /user, handler: FunctionHandler, kwargs: {{function: handler.current_user.id}}}}
                """
            }
        )
        visit = Visit(self, await self.serve())
        for user, password, status in [
            ("ann", "secret", 302),
            ("zo\u00eb", "accent", 302),
            ("ANN", "secret", 302),
            ("Zoe", "accent", 302),
            ("ann' OR '1'='1", "secret", 401),
            ("ann", "Secret", 401),
            ("nobody", "secret", 401),
        ]:
            got, _, cookie = await visit.log_in(user, password)
            self.assertEqual(got, status, user)
            if status == 302:
                shown = (await visit.request("GET", "/user", cookie))[1]
                self.assertEqual(shown, "ann" if password == "secret" else "zo\u00eb")
        with engine.connect() as connection:
            stored = connection.execute(text("SELECT password FROM users")).scalars().all()
        self.assertTrue(all(password.startswith("$argon2id$") for password in stored), stored)
        mariadb.kill()
        self.assertEqual((await visit.log_in("ann", "secret"))[0], 503)

    async def test_nobody_signs_in_while_the_disk_is_full(self) -> None:
        data = self.folder / "data"
        data.mkdir()
        mount = shutil.which("mount") or "mount"
        mounting = subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", data], capture_output=True)
        if mounting.returncode:
            raise SkipTest("needs a small tmpfs, which only root may mount")
        self.addCleanup(subprocess.run, ["umount", "--lazy", data], check=True)
        visit = await self.served()
        self.assertEqual((await visit.log_in())[0], 302)
        filler = data / "filler"
        with self.assertRaisesRegex(OSError, "No space"), filler.open("wb") as file:
            while True:
                file.write(b"x" * 4096)
                file.flush()
        refused = [await visit.log_in("beta") for _ in range(30)]
        self.assertIn(503, {status for status, _, _ in refused})
        for status, _, cookie in refused:
            user = (await visit.request("GET", "/user", cookie))[1] if cookie else ""
            self.assertEqual("beta" in user, status == 302, status)
        filler.unlink()
        status, _, cookie = await visit.log_in("gamma")
        self.assertEqual(status, 302)
        self.assertEqual((await visit.request("GET", "/user", cookie))[1], '{"user":"gamma","id":"gamma"}')
