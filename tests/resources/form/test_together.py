"""Many who change one table at once, over HTTP: nothing that was confirmed is lost, and others are answered."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any, ClassVar

import treq
from twisted.internet.defer import Deferred, gatherResults
from twisted.web.client import Agent

from gramex_twisted.testing import SAME_ORIGIN
from tests.live import LiveCase, reactor

WRITERS = 50
ROWS = 1000


class TogetherTests(LiveCase):
    timeout = 120
    files: ClassVar[dict[str, str]] = {
        "a.csv": "id,who\n" + "".join(f"{number},first\n" for number in range(ROWS)),
        "a.json": '[{"id": 0, "who": "first"}]',
    }
    config = """
        url:
          csv: {pattern: /csv, handler: FormHandler, kwargs: {url: $YAMLPATH/a.csv, id: id}}
          json: {pattern: /json, handler: FormHandler, kwargs: {url: $YAMLPATH/a.json, id: id}}
          sqlite: {pattern: /sqlite, handler: FormHandler, kwargs: {url: "sqlite:///$YAMLPATH/a.db", table: t, id: id}}
          other: {pattern: /other, handler: FunctionHandler, kwargs: {function: str("other")}}
    """

    def setUp(self) -> None:
        super().setUp()
        with closing(sqlite3.connect(self.folder / "a.db")) as connection:
            connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT)")

    async def send(self, method: str, path: str) -> int:
        """The status of a change."""
        headers: dict[bytes | str, list[bytes | str]] = {name: list(values) for name, values in SAME_ORIGIN.items()}
        url = f"http://127.0.0.1:{self.port.getHost().port}{path}"
        response = await treq.client.HTTPClient(Agent(reactor)).request(method, url, headers=headers)
        await treq.content(response)
        return int(response.code)

    def many(self, method: str, path: str) -> Deferred[list[int]]:
        """The statuses of WRITERS changes that are sent at once; NNN is another number in each."""
        sent = [
            Deferred.fromCoroutine(self.send(method, path.replace("NNN", str(5000 + number))))
            for number in range(WRITERS)
        ]
        found: Deferred[Any] = gatherResults(sent)
        return found

    async def test_of_fifty_inserts_updates_and_deletes_none_is_lost(self) -> None:
        expected = list(range(5000, 5000 + WRITERS))
        for path in ("/csv", "/json", "/sqlite"):
            sent = self.many("POST", f"{path}?id=NNN&who=late")
            self.assertEqual((await self.get("/other")).text, "other")
            self.assertEqual(await sent, [200] * WRITERS, path)
            late = (await self.get(f"{path}?who=late&_sort=id")).json()
            self.assertEqual([row["id"] for row in late], expected, path)
            self.assertEqual(await self.many("PUT", f"{path}?id=NNN&who=later"), [200] * WRITERS, path)
            later = (await self.get(f"{path}?who=later&_sort=id")).json()
            self.assertEqual([row["id"] for row in later], expected, path)
            self.assertEqual(await self.many("DELETE", f"{path}?id=NNN"), [200] * WRITERS, path)
            self.assertEqual((await self.get(f"{path}?id>~=5000")).json(), [], path)
        self.assertEqual((self.folder / "a.csv").read_text(), self.files["a.csv"])
