"""Handlers of Tornado: classes that are derived from tornado.web.RequestHandler alone are served."""

from __future__ import annotations

from gramex_twisted.testing import AppTestCase

HANDLERS = """
import tornado.web, tornado.websocket


class Mixin:
    def greeting(self):
        return "hello " + self.get_argument("who", "you")


class Base(Mixin, tornado.web.RequestHandler):
    def initialize(self, word, **kwargs):
        self.word = word

    def prepare(self):
        super().prepare()
        self.set_header("X-Prepared", self.request.path)

    def get(self, *args):
        if self.get_argument("fail", ""):
            raise tornado.web.HTTPError(418, "no")
        self.write({"greeting": self.greeting(), "args": args, "word": self.word, "same": isinstance(self, Base),
                    "tornado": isinstance(self, tornado.web.RequestHandler),
                    "login": self.application.settings["login_url"]})


class Page(Base):
    def get(self, *args):
        super().get(*args)
        super(Page, self).set_header("X-Page", "yes")

    async def post(self, *args):
        if not self.request.body:
            raise tornado.web.HTTPError(409, reason="Empty")
        self.set_status(201)
        self.finish(self.request.body)

    async def put(self, *args):
        self.render("page.html", x=self.get_body_argument("x"))

    def write_error(self, status_code, **kwargs):
        self.finish(f"error {status_code} {kwargs['exc_info'][0].__name__}")


class Files(tornado.web.StaticFileHandler):
    pass


class Socket(tornado.websocket.WebSocketHandler):
    pass


@tornado.web.stream_request_body
class Streams(tornado.web.RequestHandler):
    pass
"""


class ForeignTests(AppTestCase):
    config = """
    url:
      page: {pattern: '/page/(.*)', handler: own.Page, kwargs: {word: w, xsrf_cookies: false}}
      base: {pattern: /base, handler: own.Base, kwargs: {word: w}}
      guarded: {pattern: /guarded, handler: own.Base, kwargs: {word: w, auth: true}}
      files: {pattern: /files, handler: own.Files}
      socket: {pattern: /socket, handler: own.Socket}
      streams: {pattern: /streams, handler: own.Streams}
    """
    files = {"own.py": HANDLERS, "page.html": "<p>{{ x }} {{ handler.word }}</p>"}

    def test_its_methods_answer(self) -> None:
        response = self.get("/page/a?who=Ada")
        expected = {"greeting": "hello Ada", "args": ["a"], "word": "w", "same": True, "tornado": True}
        self.assertEqual(response.json(), {**expected, "login": "/login/"})
        self.assertEqual((response.headers["x-prepared"], response.headers["x-page"]), ("/page/a", "yes"))
        self.assertEqual(self.request("HEAD", "/page/a").status, 200)

    def test_coroutines_and_templates(self) -> None:
        response = self.post("/page/", data=b"body")
        self.assertEqual((response.status, response.text), (201, "body"))
        self.assertEqual(self.request("PUT", "/page/", data={"x": "1"}).text, "<p>1 w</p>")

    def test_its_errors(self) -> None:
        response = self.post("/page/")
        self.assertEqual((response.status, response.text), (409, "error 409 HTTPError"))
        response = self.request("DELETE", "/page/")
        self.assertEqual((response.status, response.headers["allow"]), (405, "GET, POST, PUT, HEAD"))

    def test_errors_have_the_pages_of_this_server(self) -> None:
        response = self.get("/base?fail=1")
        self.assertEqual((response.status, response.json()), (418, {"code": 418, "success": False, "error": "no"}))

    def test_what_every_handler_has_it_has_too(self) -> None:
        self.assertEqual(self.get("/guarded").headers["location"].partition("?")[0], "/login/")

    def test_what_only_tornados_server_can_do_is_refused_with_what_to_do(self) -> None:
        self.assertEqual(
            [str(error).partition("gramex.yaml:")[2].partition(": ")[2] for error in self.app.gramex.errors],
            [
                "url.files: own.Files is a tornado.web.StaticFileHandler: write `handler: FileHandler`",
                "url.socket: own.Socket is a tornado.websocket.WebSocketHandler: derive it from "
                "gramex.handlers.BaseWebSocketHandler",
                "url.streams: own.Streams streams request bodies as Tornado does: write a class with streams_body(), "
                "or use UploadHandler",
            ],
        )
