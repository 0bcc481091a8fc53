"""The drive of the example app: a page of a table that may be asked for otherwise than its template thinks."""

from __future__ import annotations

from tests.processes import Client, ProcessTestCase
from tests.test_example import ETC


class DrivePageTests(ProcessTestCase):
    async def test_rows_that_are_no_files_are_said_to_be_none(self) -> None:
        server = await self.serve("--config", str(ETC / "gramex.yaml"), "--set", "app.watch=false")
        for query, text in {
            "": "There is nothing here yet.",
            "?_by=element": "What is asked for are no files.",
            "?_c=file": "What is asked for are no files.",
        }.items():
            client = await Client.connect(server.port)
            response = await client.get(f"/drive/{query}", Connection="close")
            self.assertEqual(response.status, 200, query)
            self.assertIn(text, response.body.decode(), query)
