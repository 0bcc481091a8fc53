"""Files that another process holds are waited for; where that takes too long, the answer says so: nothing is lost."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from tests.migrate.asking import AJAX, Answer, Visitor, value
from tests.migrate.keeping import KEPT, Known, ours

HOLD = """
import sqlite3, sys
connections = [sqlite3.connect(path, isolation_level=None) for path in sys.argv[1:]]
for connection in connections:
    connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
input()
"""
MESSAGES = (
    r" /data/session\.db: locked by another process for \d\.\d s",
    r" /data/upload/\.meta\.db: locked by another process for \d\.\d s",
    r"storelocations\.user: sqlite:////data/auth\.user\.db: database is locked",
    r"storelocations\.otp: database is locked",
    r"drive: sqlite:////data/drive/\.meta\.db: it is not available: database is locked",
)
"""What the log says."""
FILES = ("auth.user.db", "auth.recover.db", "upload/.meta.db", "drive/.meta.db", "session.db")


class LockedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.data = self.folder / "data"
        shutil.copytree(KEPT / "data", self.data)
        self.known = Known(**json.loads((KEPT / "known.json").read_text()))

    @contextmanager
    def held(self) -> Iterator[Popen[str]]:
        paths = [str(self.data / name) for name in FILES]
        with Popen([sys.executable, "-c", HOLD, *paths], stdin=PIPE, stdout=PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                self.assertEqual(process.stdout.readline(), "held\n")
                yield process
            finally:
                process.kill()

    def all_at_once(self, port: int) -> dict[str, Answer]:
        """What writes to each of the files, and reads the table of OTPs."""
        answers: dict[str, Answer] = {}

        def ask(name: str) -> None:
            visitor = Visitor(port, self.known.cookies if name == "count" else None)
            answers[name] = {
                "login": lambda: visitor.ask("/login", form={"user": "bob", "password": "secret"}, headers=AJAX),
                "upload": lambda: visitor.send("/upload", "new.txt", "new"),
                "drive": lambda: visitor.send("/drive", "new.txt", "new"),
                "count": lambda: visitor.ask("/count"),
                "otp": lambda: visitor.ask(f"/who?gramex-otp={self.known.otp}"),
            }[name]()

        threads = [Thread(target=ask, args=(name,)) for name in ("login", "upload", "drive", "count", "otp")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def test_a_clear_answer_and_nothing_lost(self) -> None:
        with ours(self.folder / "app", self.data) as server:
            Visitor(server.port, self.known.cookies).ask("/who")  # makes session.db
            Visitor(server.port).ask("/upload")
            with self.held():
                answers = self.all_at_once(server.port)
                self.assertEqual({name: answer.status for name, answer in answers.items()}, dict.fromkeys(answers, 503))
            log = server.output.read_text().replace(str(self.folder), "")
            for message in MESSAGES:
                self.assertRegex(log, message)
            answers = self.all_at_once(server.port)
            statuses = {name: answer.status for name, answer in answers.items()}
            self.assertEqual(statuses, {"login": 302, "upload": 200, "drive": 200, "count": 200, "otp": 200})
            self.assertEqual(value(answers["count"]), 3)
            visitor = Visitor(server.port)
            self.assertEqual(sorted(value(visitor.ask("/upload"))), ["gramex.txt", "new.txt"])
            self.assertEqual([row["file"] for row in value(visitor.ask("/drive"))], ["gramex file.txt", "new.txt"])

    def test_one_that_is_given_back_soon_is_waited_for(self) -> None:
        with ours(self.folder / "app", self.data) as server:
            Visitor(server.port, self.known.cookies).ask("/who")
            Visitor(server.port).ask("/upload")
            with self.held() as holder:
                asking = Thread(target=lambda: found.update(self.all_at_once(server.port)))
                found: dict[str, Answer] = {}
                asking.start()
                asking.join(1)
                self.assertEqual(found, {})
                holder.kill()
                asking.join()
            statuses = {name: answer.status for name, answer in found.items()}
            self.assertEqual(statuses, {"login": 302, "upload": 200, "drive": 200, "count": 200, "otp": 200})
