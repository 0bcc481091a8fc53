"""Classes that were written for Gramex's BaseHandler serve routes."""

from __future__ import annotations

import tornado.web

from gramex_twisted.testing import AppTestCase

HANDLERS = """
import tornado.web
from gramex.handlers import BaseHandler, FunctionHandler, FileHandler
import gramex.handlers

events = []


class Hello(BaseHandler):
    @classmethod
    def setup(cls, greeting="hello", **kwargs):
        super(Hello, cls).setup(**kwargs)
        cls.greeting = greeting
        cls._on_finish_methods.append(lambda self: events.append(("method", self.name)))

    def prepare(self):
        super().prepare()
        self.prepared = True

    def get(self, *path_args, **path_kwargs):
        self.set_header("X-Prepared", self.prepared)
        self.write(f"{self.greeting} {path_args} {self.get_argument('who', 'you')} {self.name} {self.kwargs.other} ")
        self.write(f"{type(self).__name__} {isinstance(self, tornado.web.RequestHandler)} {self.conf.pattern}")

    async def post(self):
        await self.finish({"body": self.request.body.decode(), "json": self.args})

    def put(self):
        raise tornado.web.HTTPError(404, "no %s", "such", reason="Not there")

    def delete(self):
        self.get_argument("needed")

    def patch(self):
        try:
            self.get_argument("needed")
        except tornado.web.MissingArgumentError as error:
            self.write(f"{error.arg_name} {error.status_code}")
        try:
            self.get_arg("needed")
        except tornado.web.HTTPError as error:
            self.write(f" {error.log_message}")

    def on_finish(self):
        super().on_finish()
        events.append(("finish", self.get_status(), self.request.uri))


class Stops(BaseHandler):
    def prepare(self):
        if not self.get_argument("pass", ""):
            self.set_status(403)
            self.finish("stopped")
        if self.get_argument("tornado", ""):
            self.write("so far")
            raise tornado.web.Finish()

    def get(self):
        self.write("passed")


class Own(BaseHandler):
    def initialize(self, **kwargs):
        self.given = kwargs["value"]

    def set_default_headers(self):
        self.set_header("X-Default", "1")

    def get_current_user(self):
        return {"id": self.get_argument("user", "nobody")}

    def write_error(self, status_code, exc_info=None, **kwargs):
        self.write(f"own {status_code} {exc_info[1]}")

    def get(self):
        if self.get_argument("fail", ""):
            1 / 0
        self.write(f"{self.given} {self.current_user['id']}")
        self.render("page.html", x=1)

    def get_template_namespace(self):
        return {**super().get_template_namespace(), "mine": "mine"}


class Twice(FunctionHandler):
    @classmethod
    def setup(cls, **kwargs):
        super().setup(**kwargs)
        cls.times = kwargs.get("times", 2)

    async def get(self, *args):
        for _ in range(self.times):
            await super().get(*args)
        self.write("!")


class Blocking(FunctionHandler):
    def get(self, *args):
        return super().get(*args)


class Files(FileHandler):
    def prepare(self):
        self.set_header("X-Files", "mine")


class Broken(BaseHandler):
    @classmethod
    def setup(cls, **kwargs):
        raise ValueError("setup says no")


class Plain:
    def get(self):
        self.write("never")
"""
CONFIG = """
url:
  hello: {pattern: '/hello/(.*)/(.*)', handler: handlers.Hello, kwargs: {greeting: hi, other: 1}}
  again: {pattern: /again, handler: handlers.Hello, kwargs: {other: 2, headers: {X-Own: 'yes'}}}
  guarded: {pattern: /guarded, handler: handlers.Hello, kwargs: {auth: true}}
  stops: {pattern: /stops, handler: handlers.Stops}
  own: {pattern: /own, handler: handlers.Own, kwargs: {value: v}}
  twice: {pattern: /twice, handler: handlers.Twice, kwargs: {function: 'str("x")', times: 3}}
  fail: {pattern: /fail, handler: handlers.Twice, kwargs: {function: nothing.here}}
  blocking: {pattern: /blocking, handler: handlers.Blocking, kwargs: {function: 'dict(a=1)'}}
  files: {pattern: '/files/(.*)', handler: handlers.Files, kwargs: {path: $YAMLPATH/page.html}}
  plain: {pattern: /plain, handler: handlers.Plain}
  prefixed: {pattern: /prefixed, handler: gramex.handlers.FunctionHandler, kwargs: {function: 'str("p")'}}
"""


class HandlerTests(AppTestCase):
    config = CONFIG
    files = {"handlers.py": HANDLERS, "page.html": "{{ x if 'x' in globals() else '' }}"}

    def setUp(self) -> None:
        super().setUp()
        self.write("page.html", "page {{ mine if handler.name == 'own' else '' }} {{ request is handler.request }}")

    def test_get_has_the_paths_groups_arguments_and_the_routes_own_kwargs(self) -> None:
        response = self.get("/hello/a/b%20c?who=Ada")
        self.assertEqual(response.text, "hi ('a', 'b c') Ada hello 1 Hello True /hello/(.*)/(.*)")
        self.assertEqual(response.headers["x-prepared"], "True")
        response = self.get("/again")
        self.assertEqual(response.text, "hello () you again 2 Hello True /again")
        self.assertEqual(response.headers["x-own"], "yes")

    def test_on_finish_comes_after_the_response(self) -> None:
        import handlers  # type: ignore[import-not-found]

        handlers.events.clear()
        self.get("/again")
        self.assertEqual(handlers.events, [("method", "again"), ("finish", 200, "/again")])

    def test_other_methods_and_405(self) -> None:
        self.assertEqual(self.post("/again", data=b"data").json(), {"body": "data", "json": {}})
        self.assertEqual(self.request("POST", "/stops").status, 405)
        head = self.request("HEAD", "/again")
        self.assertEqual((head.status, head.body), (200, b""))

    def test_errors_of_tornado_have_their_statuses(self) -> None:
        response = self.request("PUT", "/again")
        self.assertEqual((response.status, response.reason), (404, "Not there"))
        self.assertEqual(response.json()["error"], "no such")
        response = self.request("DELETE", "/again")
        self.assertEqual((response.status, response.json()["error"]), (400, "needed: missing ?needed="))
        self.assertEqual(self.request("PATCH", "/again").text, "needed 400 needed: missing ?needed=")

    def test_guards_come_before_the_class(self) -> None:
        response = self.get("/guarded")
        self.assertEqual(
            (response.status, response.headers["location"]), (302, "/login/?next=http%3A%2F%2F127.0.0.1%2Fguarded")
        )
        self.assertEqual(self.request("PUT", "/guarded").status, 401)

    def test_prepare_may_end_the_request(self) -> None:
        response = self.get("/stops")
        self.assertEqual((response.status, response.text), (403, "stopped"))
        self.assertEqual(self.get("/stops?pass=1").text, "passed")
        response = self.get("/stops?pass=1&tornado=1")
        self.assertEqual((response.status, response.text), (200, "so far"))

    def test_what_a_class_overrides(self) -> None:
        response = self.get("/own?user=ada")
        self.assertEqual(response.text, "v adapage mine True")
        self.assertEqual(response.headers["x-default"], "1")
        response = self.get("/own?fail=1")
        self.assertEqual((response.status, response.text), (500, "own 500 division by zero"))

    def test_a_class_derived_from_a_built_in_handler_calls_it(self) -> None:
        self.assertEqual(self.get("/twice").text, "xxx!")
        response = self.get("/blocking")
        self.assertEqual(response.json(), {"a": 1})
        self.assertEqual(response.headers["content-type"], "application/json; charset=UTF-8")
        response = self.get("/files/page.html")
        self.assertIn("handler.name", response.text)
        self.assertEqual(response.headers["x-files"], "mine")
        self.assertEqual(self.get("/prefixed").text, "p")

    def test_what_cannot_be_set_up_says_why(self) -> None:
        errors = "\n".join(map(str, self.app.gramex.errors))
        self.assertIn("handlers.Plain is no handler class, Twisted resource or Klein app", errors)
        self.assertIn('url.fail.kwargs.function: no module named "nothing"', errors)
        self.assertEqual([self.get(path).status for path in ("/plain", "/fail")], [500] * 2)

    def test_two_requests_have_two_objects(self) -> None:
        self.assertIn(" one ", self.get("/hello/a/b?who=one").text)
        self.assertIn(" you ", self.get("/hello/a/b").text)
        self.assertTrue(issubclass(tornado.web.MissingArgumentError, tornado.web.HTTPError))


class BrokenSetupTests(AppTestCase):
    config = "url: {broken: {pattern: /broken, handler: handlers.Broken}}"
    files = HandlerTests.files

    def test_what_setup_raises_is_told_and_logged(self) -> None:
        self.assertEqual(len(self.forget_errors(ValueError)), 1)
        self.assertEqual(self.get("/broken").status, 500)
        [error] = self.app.gramex.errors
        self.assertIn("gramex.yaml:1:7: url.broken: ValueError: setup says no", str(error))
