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


OTHER = """\
app:
  session: {type: redis}
email:
  old: {type: smtps, host: h, email: a@example.org}
  new: {type: smtps, port: 465, host: h, email: a@example.org}
alert:
  late:
    to: a@example.org
    subject: '{% raw "a & b" %}'
url:
  login: {pattern: /login, handler: SimpleAuth, kwargs: {credentials: {a: b}, template: login.html}}
  pages: {pattern: '/pages/(.*)', handler: FileHandler, kwargs: {path: pages, template: '*.html'}}
  shown:
    pattern: /shown
    handler: FileHandler
    kwargs: {path: shown.txt, transform: {'*.txt': {function: template(content)}}}
  error: {pattern: /error, handler: FunctionHandler, kwargs: {function: str(1), error: {404: {path: lost.html}}}}
"""
PAGES = {
    ".secrets.yaml": "PASSWORD: x\nSECRETS_IMPORT: '.secrets.*.yaml'\n",
    "index.html": "<link rel=stylesheet href=style.css>\n<script src='/pages/a.html'></script>\n"
    "<form method=POST action='/pages/a.html?x-http-method-override=DELETE'></form>"
    "<a href='/pages/a.html?x-http-method-override=DELETE'>delete</a>{{ handler.static_url('x') }}\n",
    "style.css": "",
    "pages/a.html": "{% comment handler.locale %}\n{{ handler.locale.code }} {{ handler.name }}\n"
    "{% import gramex.ml %}\n{% from gramex.cache import HDF5Store, open %}\n{{ gramex.services.info.url }}\n"
    "{{ gramex.services.emailer }}\n{% set x = static_url('a') %}{{ _('text') }}\n"
    "{{ handler.current_user['password'] }}\n{% import no_such_package_y.z %}\n"
    "<a href='?_format=vegam'></a>\n{{! handler.locale }}\n",
    "shown.txt": "\n{{ handler.get_user_locale() }}",
    "lost.html": "{{ locale.translate('lost') }}",
    "login.html": "{{ handler.on_connection_close }}",
    "part.tmpl.html": "{{ handler.detach() }}",
    "plain.html": "{{ handler.locale }}",
}


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

    def test_what_check_warns_of_is_no_difference_where_gramex_does_the_same(self) -> None:
        self.write(
            "url: {a: {pattern: /$NOT_SET, handler: FunctionHandler, kwargs: {function: str(handler.kwargs.title), "
            "title: Home, path_ui: x}}}\n"
        )
        self.assertEqual(self.places(), (0, []))
        self.assertEqual(json.loads(self.run_command("check", "--json")[1])["warnings"][0]["line"], 1)

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

    def test_sections_templates_and_pages(self) -> None:
        self.write(OTHER)
        for name, text in PAGES.items():
            self.write(text, name)
        code, found = self.places()
        self.assertEqual(code, 1, found)
        locale = "handler.locale is not here: there are no locales of Tornado"
        expected = [
            (".secrets.yaml", 2, "SECRETS_IMPORT: has no effect: write the secrets into this file"),
            ("gramex.yaml", 2, "app.session: sessions in Redis begin anew"),
            ("gramex.yaml", 4, "email.old: smtps is TLS from the first byte, at port 465"),
            ("gramex.yaml", 9, "alert.late.subject: is not escaped as HTML here"),
            ("gramex.yaml", 11, "app.settings.cookie_secret: Gramex signs with one that everybody knows"),
            ("index.html", 3, "?x-http-method-override= counts in POSTs alone"),
            ("login.html", 1, "handler.on_connection_close is not here: the call of a coroutine"),
            ("lost.html", 1, locale),
            ("pages/a.html", 2, locale),
            ("pages/a.html", 3, "gramex.ml is not part of gramex_twisted: use scikit-learn"),
            ("pages/a.html", 4, "gramex.cache.HDF5Store is not part of gramex_twisted"),
            ("pages/a.html", 6, "gramex.services.emailer is not part of gramex_twisted"),
            ("pages/a.html", 7, "_(): there are no locales of Tornado"),
            ("pages/a.html", 7, "handler.static_url is not here: write the path itself"),
            ("pages/a.html", 8, "no password is in handler.current_user"),
            ("pages/a.html", 9, "no_such_package_y is not installed here"),
            ("pages/a.html", 10, "the format vegam is gone"),
            ("part.tmpl.html", 1, "handler.detach is not here"),
            ("shown.txt", 2, "handler.get_user_locale is not here"),
        ]
        told = sorted(found)
        self.assertEqual([each[:2] for each in told], [each[:2] for each in expected], told)
        for (_, _, text), (_, _, begins) in zip(told, expected, strict=True):
            self.assertTrue(text.startswith(begins), (text, begins))

    def test_errors_are_told_as_check_tells_them(self) -> None:
        self.write("url: {a: {pattern: /a, handler: NoSuchHandler}}\n")
        code, found = self.places()
        self.assertEqual(code, 64)
        self.assertIn("unknown handler 'NoSuchHandler'", found[0][2])
