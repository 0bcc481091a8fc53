"""The app of tests/migrate/app, served by Gramex 1.94 and here: the same questions get the same answers.

Runs where GRAMEX_PYTHON names a Python that has Gramex (`pip install gramex==1.94.5`).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.server import Server
from tests.migrate.asking import AJAX, Answer, Visitor, value
from tests.migrate.test_app import ANSWERS, APP

GRAMEX = os.environ.get("GRAMEX_PYTHON")
ROOT = Path(__file__).parent.parent.parent
NOT_THERE = ("/run/api?x=3", "/db-login", "/mail-login", "/ldap-login", "/oauth-login")
"""Handlers that the open Gramex has not."""
HANGS = ("/run/echo", "/run/shell")
"""Gramex 1.94 answers none of these on Python 3.11."""
CHANGED: Mapping[str, str] = {
    "/run/socket": "no WebSocket",
    "/static/b.secret": "hidden files",
    "/static": "without an index",
    "/both": "lists of files",
    "/fn/typed/a?top=x": "arguments of the wrong type",
    "/fn/total?x-http-method-override=DELETE": "x-http-method-override",
    "/data/csv?_format=nope": "unknown `_format`",
    "/google": "state and PKCE",
    "/run/proxy/x": "the other server does not answer",
    "/folder/b.secret": "unknown extension",
    "/folder/": "the page of a folder",
    "/login": "the page to log in on",
    "/data/csv-html": "the page of a table",
    "/data/csv?_format=html": "the page of a table",
}
"""Path -> what docs/migrate.md says is different about it."""
Step = tuple[str, dict[str, Any]]


def form(**fields: Any) -> dict[str, Any]:
    return {"form": fields, "headers": AJAX}


def body(content: bytes, method: str = "POST", **headers: str) -> dict[str, Any]:
    return {"body": content, "method": method, "headers": {**AJAX, **headers}}


STEPS: tuple[Step, ...] = (
    *((path, {}) for path in ANSWERS if path not in (*NOT_THERE, *HANGS)),
    ("/fn/stream", {}),
    ("/fn/var", {}),
    ("/fn/typed/a?top=x", {}),
    ("/fn/typed/a", body(b"")),
    ("/fn/post", body(b"body")),
    ("/fn/post", {}),
    ("/fn/limited", {}),
    ("/fn/cors", {"headers": {"Origin": "http://x.example"}}),
    ("/fn/total?x-http-method-override=DELETE", {}),
    ("/fn/total", {"method": "PUT", "body": b""}),
    ("/fn/total", body(b"", "PUT")),
    ("/fn/expr?a=1&a=2&b=", {}),
    ("/own/page/x?q=1", {}),
    ("/own/plain?q=1", {}),
    ("/data/csv", {}),
    *(
        (f"/data/csv?{query}", {})
        for query in (
            *("sales>=3", "sales>~=4&_sort=-sales", "_c=region&_limit=1&_offset=1", "_by=region", "region~=or"),
            *("_by=region&_c=sales|sum&_c=sales|count", "region!=north", "_format=csv", "_format=html", "region!"),
            *("_download=x.csv&_format=csv", "_format=nope", "nope=1", "sales=x", "_meta=y"),
        )
    ),
    ("/data/db", form(text="one")),
    ("/data/db", form(text="two")),
    ("/data/db", {}),
    ("/data/db", {**form(id=2, text="zwei"), "method": "PUT"}),
    ("/data/db?id=2", {}),
    ("/data/db?id=1", {"method": "DELETE", "headers": AJAX}),
    ("/data/db", {}),
    ("/data/db", {**form(text="zwei"), "method": "PUT"}),
    ("/data/json/", {}),
    ("/data/json/b", body(b'{"c": [1, 2]}', "PUT")),
    ("/data/json/b/c/1", {}),
    ("/data/json/", {}),
    ("/data/json/b", body(b'{"d": 1}', "PATCH")),
    ("/data/json/b", {}),
    ("/data/json/b/d", {"method": "DELETE", "headers": AJAX}),
    ("/data/json/nothing/here", {}),
    ("/data/json/b", body(b"")),
    ("/data/json/b", body(b"{", "PUT")),
    ("/data/drive", {}),
    ("/data/upload", {}),
    ("/run/proxy/x", {}),
    ("/login", form(user="beta", password="wrong")),
    ("/login?next=/fn/total", form(user="beta", password="beta")),
    ("/members", {}),
    ("/private", {}),
    ("/own/private", {}),
    ("/logout", {}),
    ("/members", {}),
    ("/members", {"headers": AJAX}),
    ("/login", form(user="alpha", password="alpha")),
    ("/private", {}),
    ("/members", {}),
    ("/static/a.txt", {"method": "HEAD"}),
    *((path, {}) for path in ("/static/", "/mapped/three", "/templated/module.html", "/folder", "/folder/b.secret")),
    *((path, {}) for path in ("/file/b", "/file/zzz", "/nowhere/at/all", "/static", "/logo.svg")),
    ("/xsrf", {"method": "POST", "body": b""}),
)


class UpstreamTests(SynchronousTestCase):
    if not GRAMEX:
        skip = "GRAMEX_PYTHON names no Python that has Gramex"

    def server(self, name: str, *command: str, **environment: str) -> Server:
        folder = self.folder / name
        shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("__pycache__"))
        environment["GRAMEXDATA"] = str(self.folder / f"{name}-data")
        return Server(lambda _, port: [*command, f"--listen.port={port}"], folder, "/fn/total", environment)

    def test_both_answer_alike(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        theirs = self.server("gramex", str(GRAMEX), "-m", "gramex")
        ours = self.server("ours", sys.executable, "-m", "gramex_twisted.cli", "run", PYTHONPATH=str(ROOT))
        different: list[str] = []
        with theirs, ours:
            visitors = Visitor(theirs.port), Visitor(ours.port)
            for path, options in STEPS:
                there, here = (visitor.ask(path, **options) for visitor in visitors)
                if not alike(there, here) and path not in CHANGED:
                    different.append(f"{options.get('method', '')} {path}\n  Gramex: {there}\n  here:   {here}")
        self.assertEqual(different, [], "\n".join(different))


class ToldTests(SynchronousTestCase):
    def test_what_is_different_is_told(self) -> None:
        text = " ".join((ROOT / "docs" / "migrate.md").read_text().split())
        self.assertEqual([words for words in CHANGED.values() if words not in text], [])


def alike(there: Answer, here: Answer) -> bool:
    """Whether a visitor sees no difference but those of pages that are the servers' own."""
    if there.status != here.status or dict(there.headers) != dict(here.headers):
        return False
    if 300 <= there.status < 400 or there.status >= 400:
        return there.status != 404 or there.body == here.body  # of 404 the app has a page
    if there.type != here.type and not (there.type == "text/html" and here.type == "application/json"):
        return False
    return bool(value(there) == value(here))
