"""FormHandler on databases that are not there, that go while they work, and that come back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
import treq
from twisted.internet.defer import Deferred
from twisted.web.client import Agent, ResponseFailed

from tests.live import reactor
from tests.resources.form.test_databases import WaitingCase
from tests.servers import MariaDBServer, PostgresServer


class GoneTests(WaitingCase):
    """A database that is not there yet, goes, and comes back."""

    timeout = 120
    files = {}
    kind: Any = PostgresServer
    sleeping = "SELECT pg_sleep(60) AS slept"

    def setUp(self) -> None:
        self.server = self.kind.of(self)
        self.url = self.server.url()
        self.server.kill()
        self.config = (  # type: ignore[misc]
            f'url: {{rows: {{pattern: /rows, handler: FormHandler, kwargs: {{url: "{self.url}", table: t, id: id}}}}, '
            f'slow: {{pattern: /slow, handler: FormHandler, kwargs: {{url: "{self.url}", query: "{self.sleeping}"}}}}}}'
        )
        super().setUp()

    def fill(self, rows: int) -> None:
        """Make the table."""
        engine = sa.create_engine(self.url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(400))"))
            found = [{"id": number, "name": "x" * 400} for number in range(1, rows + 1)]
            connection.execute(sa.text("INSERT INTO t VALUES (:id, :name)"), found)

    async def test_down_is_503_and_back_is_200_without_a_restart(self) -> None:
        down = await self.get("/rows")
        self.assertEqual(down.status, 503)
        self.assertEqual(down.headers["retry-after"], "5")
        self.assertNotIn("password", down.text)
        self.server.start()
        self.fill(1)
        self.assertEqual((await self.get("/rows?_c=id")).json(), [{"id": 1}])
        self.server.kill()
        self.assertEqual((await self.get("/rows")).status, 503)
        self.server.start()
        self.assertEqual((await self.get("/rows?_c=id")).status, 200)

    async def test_one_that_goes_while_it_works_is_503(self) -> None:
        self.server.start()
        self.fill(1)
        asked: Deferred[Any] = Deferred.fromCoroutine(self.get("/slow"))
        engine = sa.create_engine(self.url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool)
        with engine.connect() as connection:
            await self.until(lambda: self.works(connection))
        self.server.kill()
        self.assertEqual((await asked).status, 503)
        self.server.start()
        self.assertEqual((await self.get("/rows?_c=id")).status, 200)

    def works(self, connection: sa.Connection) -> bool:
        """Whether it is at the slow query."""
        text = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%'"
        found = connection.execute(sa.text(f"{text} AND pid <> pg_backend_pid()")).scalar_one()
        connection.rollback()
        return bool(found)

    async def test_one_that_goes_while_rows_are_sent_ends_the_connection(self) -> None:
        self.server.start()
        self.fill(60_000)
        address = f"http://127.0.0.1:{self.port.getHost().port}/rows?_limit=1000000".encode()
        response: Any = await Agent(reactor).request(b"GET", address)
        self.assertEqual(response.code, 200)
        self.server.kill()
        with self.assertRaises(ResponseFailed):
            await treq.content(response)
        self.server.start()
        self.assertEqual((await self.get("/rows?_c=id&_limit=1")).status, 200)
        self.flushLoggedErrors()


class GoneMariaDBTests(GoneTests):
    kind = MariaDBServer
    sleeping = "SELECT sleep(60) AS slept FROM t"

    def works(self, connection: sa.Connection) -> bool:
        text = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%sleep(60)%'"
        return bool(connection.execute(sa.text(f"{text} AND id <> connection_id()")).scalar_one())
