"""The files of an app's folder that no route names."""

from __future__ import annotations

from gramex_twisted.config.reader import FOLDER
from gramex_twisted.testing import AppTestCase

FILES = {
    "index.html": "home {{ 1 }}",
    "page.template.html": "{{ 1 + 1 }}",
    "assets/a.js": "a()",
    "docs/index.html": "docs",
    "empty/x.txt": "x",
    "users.db": "secret",
    "users.sqlite3-wal": "secret",
    "Key.PEM": "secret",
    "gramex.yaml": "secret",
    "import.yaml": "secret",
    "app.py": "secret",
    ".env": "secret",
}


class FolderTests(AppTestCase):
    config = FOLDER.read_text() + "\n  data: {pattern: /data, handler: FunctionHandler, kwargs: {function: str(1)}}\n"
    files = FILES

    def test_what_browsers_need_is_served(self) -> None:
        for path, body in {
            "/": "home {{ 1 }}",
            "/index.html": "home {{ 1 }}",
            "/page.template.html": "2",
            "/assets/a.js": "a()",
            "/docs/": "docs",
            "/data": "1",
        }.items():
            self.assertEqual(self.get(path).text, body, path)

    def test_how_long_browsers_keep_it(self) -> None:
        self.assertEqual(self.get("/index.html").headers["cache-control"], "max-age=60")
        self.assertEqual(self.get("/assets/a.js").headers["cache-control"], "public, max-age=86400")

    def test_what_the_server_needs_is_not_there(self) -> None:
        private = [name for name, text in FILES.items() if text == "secret"]
        self.assertEqual(len(private), 7)
        for path in (*private, "USERS.DB", "empty/", "nothing", "../x"):
            self.assertEqual(self.get(f"/{path}").status, 404, path)

    def test_other_methods_find_nothing(self) -> None:
        for path in ("/index.html", "/nothing"):
            for method in ("POST", "PUT", "DELETE", "PATCH"):
                self.assertEqual(self.request(method, path).status, 404, method)


class AllowedTests(AppTestCase):
    config = FOLDER.read_text() + "\nhandlers: {FileHandler: {ignore: ['*.js'], allow: [import.yaml]}}\n"
    files = FILES

    def test_handlers_has_the_last_word(self) -> None:
        self.assertEqual(self.get("/import.yaml").text, "secret")
        self.assertEqual(self.get("/assets/a.js").status, 404)
        self.assertEqual(self.get("/users.db").status, 404)
