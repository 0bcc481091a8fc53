"""Which process runs schedules: by a lock file, and by a real Redis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed
from twisted.trial.unittest import TestCase

from gramex_twisted.services.scheduler.leader import TIMEOUT, FileLeader, RedisLeader
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.services.stores.redisclient import Connection, parse
from gramex_twisted.testing import AppTestCase
from tests.servers import RedisServer

reactor: Any = installed
CHILD = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


class FileLeaderTests(TestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / "schedules" / "x.lock"
        self.one, self.two = FileLeader(self.path), FileLeader(self.path)

    async def tearDown(self) -> None:
        await self.one.resign()
        await self.two.resign()

    async def test_one_leads_until_it_resigns(self) -> None:
        self.assertEqual((await self.one.leads(), await self.two.leads(), await self.one.leads()), (True, False, True))
        await self.one.resign()
        self.assertEqual((await self.two.leads(), await self.one.leads()), (True, False))

    async def test_another_process_leads_until_it_is_killed(self) -> None:
        self.path.parent.mkdir(parents=True)
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(self.path)], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)  # fmt: skip
        assert child.stdout is not None
        assert child.stdin is not None
        self.assertEqual(child.stdout.readline(), b"locked\n")
        self.assertFalse(await self.one.leads())
        child.kill()
        child.wait(60)
        child.stdout.close()
        child.stdin.close()
        self.assertTrue(await self.one.leads())

    async def test_a_lock_file_that_is_removed_is_made_anew(self) -> None:
        self.assertTrue(await self.one.leads())
        self.path.unlink()
        self.assertTrue(await self.two.leads())
        self.assertFalse(await self.one.leads())


class RedisLeaderTests(TestCase):
    def setUp(self) -> None:
        self.server = RedisServer.of(self)
        self.connection = Connection(reactor, parse(self.server.url()), TIMEOUT)

    async def tearDown(self) -> None:
        await self.connection.close()

    def leader(self, name: str = "app") -> RedisLeader:
        return RedisLeader(reactor, Connection(reactor, parse(self.server.url()), TIMEOUT), name)

    async def test_one_of_each_app_leads_until_it_resigns(self) -> None:
        one, two, other = self.leader(), self.leader(), self.leader("other")
        self.assertEqual((await one.leads(), await two.leads(), await other.leads()), (True, False, True))
        self.assertEqual((await one.leads(), await two.leads()), (True, False))
        await one.resign()
        self.assertTrue(await two.leads())
        await two.resign()
        await other.resign()
        self.assertEqual(await self.connection.call("KEYS", "*"), [])

    async def test_the_lease_of_a_process_that_says_no_more_expires(self) -> None:
        one, two = self.leader(), self.leader()
        self.assertTrue(await one.leads())
        left = await self.connection.call("PTTL", "gramex:schedules:app")
        self.assertTrue(20_000 < left <= 30_000, left)
        await self.connection.call("DEL", "gramex:schedules:app")
        self.assertTrue(await two.leads())
        self.assertFalse(await one.leads())
        await one.resign()
        self.assertEqual(await self.connection.call("EXISTS", "gramex:schedules:app"), 1)
        await two.resign()

    async def test_while_redis_is_away_nobody_knows(self) -> None:
        one = self.leader()
        self.server.kill()
        with self.assertRaisesRegex(StoreError, "redis://"):
            await one.leads()
        await one.resign()


class RedisOptionTests(AppTestCase):
    files = {"jobs.py": "runs = []\ndef run():\n    runs.append(1)\n"}

    def test_a_redis_that_is_not_there_delays_schedules_until_it_is(self) -> None:
        self.app = self.make_app("""
app: {session: {type: redis, url: 'redis://127.0.0.1:1/0'}}
schedule: {a: {function: jobs.run(), every: 10s}}
""")
        self.clock.advance(10)  # no connection is ever made in memory, and none is refused
        self.assertEqual(sys.modules["jobs"].runs, [])
