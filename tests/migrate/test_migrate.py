"""`gramex-twisted migrate` tells what is different, with its line."""

from __future__ import annotations

import json

from gramex_twisted.functions import ModuleSet, alias
from tests.test_cli import CommandCase

CONFIG = """\
variables: {API: http://localhost:1}
url:
  socket: {pattern: /socket, handler: WebSocketHandler, kwargs: {open: work.plain(handler)}}
  open: {pattern: /open, handler: WebSocketHandler, kwargs: {open: work.plain(handler), origins: '*'}}
  proxy: {pattern: '/proxy/(.*)', handler: ProxyHandler, kwargs: {url: $API, modify: work.plain(handler)}}
  table:
    pattern: /table
    handler: FormHandler
    kwargs:
      url: sqlite:///x.db
      table: t
      default:
        name~: A
  several:
    pattern: /several
    handler: FormHandler
    kwargs:
      one: {url: data.csv, default: {name~: A, _format: vegam}}
  fine: {pattern: /fine, handler: FunctionHandler, kwargs: {function: work.plain(handler)}}
watch:
  data: {paths: data.csv, on_moved: work.plain(event)}
"""
WORK = """\
import sqlite3
import tornado.web
from gramex.config import app_log
from tornado.ioloop import IOLoop
db = sqlite3.connect(":memory:")
shared = sqlite3.connect(":memory:", check_same_thread=False)
count = 0


def plain(handler):
    global count
    count += 1
    IOLoop.current().add_callback(print)
    import no_such_package_x.sub
    from gramex.cache import HDF5Store
    return handler.session["access_token"]


async def coroutine(handler):
    global count
    IOLoop.current().add_callback(print)
    gramex.services.create_mail(gramex.service.cache["memory"], gramex.handlers.FunctionHandler)


class Page(tornado.web.StaticFileHandler):
    pass
"""


class MigrateTests(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(alias.remove)
        self.addCleanup(ModuleSet([self.folder]).forget)

    def places(self, *arguments: str) -> tuple[int, list[tuple[str, int, str]]]:
        code, out, _ = self.run_command("migrate", "--json", *arguments)
        report = json.loads(out)
        found = [*report["errors"], *report["warnings"]]
        return code, [(each["file"], each["line"], each["message"]) for each in found]

    def test_an_app_without_a_difference(self) -> None:
        self.write("url: {a: {pattern: /a, handler: FunctionHandler, kwargs: {function: fine.fn}}}\n")
        self.write("import json\nimport gramex\ndef fn(handler): return gramex.conf.name\n", "fine.py")
        code, out, _ = self.run_command("migrate")
        self.assertEqual((code, out), (0, "gramex.yaml: no errors\n"))

    def test_each_difference_is_told_with_its_place(self) -> None:
        self.write(CONFIG)
        self.write(WORK, "work.py")
        self.write("name\nA\n", "data.csv")
        self.write("def fn(:\n", "old.py")
        self.write("import nothing_here\n", "node_modules/x.py")
        code, found = self.places()
        self.assertEqual(code, 1, found)
        expected = [
            ("gramex.yaml", 3, "url.socket: only pages of this server's own origin"),
            ("gramex.yaml", 5, "url.proxy: without `request_headers:`"),
            ("gramex.yaml", 5, "url.proxy: redirects of the other server reach the visitor"),
            ("gramex.yaml", 13, "url.table: name~= is a regular expression here"),
            ("gramex.yaml", 18, "url.several: the format vegam is gone"),
            ("gramex.yaml", 21, "watch.data: a move is a deletion and a creation"),
            ("old.py", 1, "is no Python 3: "),
            ("work.py", 5, "plain functions run in threads, and a SQLite connection serves one"),
            ("work.py", 11, "count: plain functions run in threads, several at once"),
            ("work.py", 13, "IOLoop.current() in a plain def is not the server's event loop"),
            ("work.py", 14, "no_such_package_x is not installed here"),
            ("work.py", 15, "gramex.cache.HDF5Store is not part of gramex_twisted"),
            ("work.py", 16, "the token of OAuth2 is handler.current_user['access_token']"),
            ("work.py", 22, "gramex.services.create_mail is not part of gramex_twisted: write gramex.service"),
            ("work.py", 25, "class Page: a tornado.web.StaticFileHandler is not served: write `handler: FileHandler`"),
        ]
        for file, line, text in expected:
            matching = [each for each in found if each[:2] == (file, line) and each[2].startswith(text)]
            self.assertEqual(len(matching), 1, (file, line, text, found))
        own = [each for each in found if each[0].endswith(".py")]
        self.assertEqual(len(own), 9, own)

    def test_errors_are_told_as_check_tells_them(self) -> None:
        self.write("url: {a: {pattern: /a, handler: NoSuchHandler}}\n")
        code, found = self.places()
        self.assertEqual(code, 64)
        self.assertIn("unknown handler 'NoSuchHandler'", found[0][2])
