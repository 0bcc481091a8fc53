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


class GuardedTests(AppTestCase):
    config = (
        FOLDER.read_text()
        + """
  table: {pattern: /table, handler: FormHandler, kwargs: {url: sales.csv, auth: true}}
  several: {pattern: /several, handler: FormHandler, kwargs: {a: {url: "years/{year}.csv"}, auth: {email: a@b.c}}}
  report: {pattern: /report, handler: FileHandler, kwargs: {path: report.html, auth: true}}
  inner: {pattern: /docs/(.*), handler: FileHandler, kwargs: {path: "inner[1]", auth: true}}
  open: {pattern: /open, handler: FormHandler, kwargs: {url: open.csv}}
  notes: {pattern: /notes, handler: my.Handler, kwargs: {}}
  nobody: {pattern: /nobody, handler: FunctionHandler, kwargs: {function: str(1), auth: false}}
  login: {pattern: /login/, handler: SimpleAuth, kwargs: {credentials: {a: b}, lookup: {url: people.csv}}}
handlers: {my.Handler: {auth: true, path: notes}, FunctionHandler: {auth: {a: b}}}
"""
    )
    files = dict.fromkeys(
        (
            *("sales.csv", "years/2025.csv", "report.html", "inner[1]/a.html", "notes/a.txt", "people.csv"),
            *("open.csv", "other.csv", "years/2025.html", "inner1/a.html"),
        ),
        "a\n1\n",
    )

    def test_what_is_behind_a_log_in_elsewhere_is_not_here_for_all(self) -> None:
        for name in ("sales.csv", "SALES.csv", "years/2025.csv", "report.html", "inner[1]/a.html", "notes/a.txt"):
            self.assertEqual(self.get(f"/{name}").status, 404, name)
        self.assertEqual(self.get("/people.csv").status, 404)

    def test_what_is_not_is(self) -> None:
        for name in ("open.csv", "other.csv", "years/2025.html", "inner1/a.html"):
            self.assertEqual((self.get(f"/{name}").status, self.get(f"/{name}").text), (200, "a\n1\n"), name)


class AsGuardedTests(AppTestCase):
    config = (
        FOLDER.read_text()
        + """
  report: {pattern: /report, handler: FileHandler, kwargs: {path: report.html}}
  login: {pattern: /login/, handler: SimpleAuth, kwargs: {credentials: {ada: secret}, auth: null}}
handlers: {BaseHandler: {auth: true}}
"""
    )
    files = {"report.html": "report"}

    def test_what_asks_for_no_more_is_served(self) -> None:
        self.assertEqual(self.get("/report.html").status, 302)
        self.post("/login/", data={"user": "ada", "password": "secret"})
        self.assertEqual(self.get("/report.html").text, "report")
