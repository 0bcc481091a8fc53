"""What the server keeps for itself is not served, also where its data lie in the folder of the app."""

from __future__ import annotations

from pathlib import Path

from gramex_twisted.testing import AppTestCase

KEPT = {
    "data/cookie_secret": "secret",
    "data/session.db": "secret",
    "data/logs/requests.csv": "secret",
    "data/reports/a.csv": "report",
    "cookie_secret": "secret",
    "database.txt": "public",
}


class DataTests(AppTestCase):
    files = KEPT
    config = """
    url:
      default: {pattern: /(.*), handler: FileHandler, kwargs: {path: ., index: true}, priority: -100}
      all: {pattern: /all/(.*), handler: FileHandler, kwargs: {path: ., index: true, allow: ['*']}}
      reports: {pattern: /reports/(.*), handler: FileHandler, kwargs: {path: data/reports}}
      log: {pattern: /log, handler: FileHandler, kwargs: {path: data/logs/requests.csv}}
      data: {pattern: /own/(.*), handler: FileHandler, kwargs: {path: data}}
    """

    def setUp(self) -> None:
        super().setUp()
        self.assertEqual(Path(self.app.gramex.shared.data_dir), self.folder / "data")

    def test_the_folder_of_data_is_not_there(self) -> None:
        for path in (*(name for name in KEPT if name.startswith("data/")), "data/", "data", "cookie_secret"):
            self.assertEqual(self.get(f"/{path}").status, 404, path)
        self.assertEqual(self.get("/database.txt").text, "public")
        self.assertNotIn("data/", self.get("/").text)

    def test_allow_shows_all_but_the_secret(self) -> None:
        self.assertEqual(self.get("/all/data/logs/requests.csv").text, "secret")
        for path in ("data/cookie_secret", "cookie_secret", "Cookie_Secret"):
            self.assertEqual(self.get(f"/all/{path}").status, 404, path)

    def test_what_a_route_names_is_served(self) -> None:
        self.assertEqual(self.get("/reports/a.csv").text, "report")
        self.assertEqual(self.get("/log").text, "secret")
        self.assertEqual(self.get("/own/reports/a.csv").text, "report")
        self.assertEqual(self.get("/own/cookie_secret").status, 404)
