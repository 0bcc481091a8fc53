"""The app: routes from a Config, what fails to be set up, native resources and Klein apps."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from gramex_twisted.app import Gramex
from gramex_twisted.services.inline import InlineThreads
from gramex_twisted.testing import AppTestCase
from tests.wire import Wire

MODULE = """
from klein import Klein
from twisted.web.resource import Resource as TwistedResource

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.base import Options, Resource
from gramex_twisted.web.context import IContext
from pydantic import Field


class GreetOptions(Options):
    greeting: str = Field(description="What to say.")
    times: int = Field(default=1, ge=1, description="How often.")


class Greet(Resource):
    options_model = GreetOptions

    async def on_GET(self, context):
        return self.options.greeting * self.options.times

    async def on_POST(self, context):
        raise HTTPError(409)


class Native(TwistedResource):
    isLeaf = True

    def render_GET(self, request):
        context = IContext(request)
        return f"{context.name} {context.path_args} {request.prepath} {request.postpath} {request.args}".encode()


class Fails(TwistedResource):
    isLeaf = True

    def render_GET(self, request):
        raise ValueError("native trouble")


tree = TwistedResource()
tree.putChild(b"leaf", Native())

klein = Klein()


@klein.route("/")
def index(request):
    return f"klein index of {IContext(request).name}"


@klein.route("/item/<int:number>", methods=["GET", "POST"])
async def item(request, number):
    return f"{request.method.decode()} item {number}"


class Broken(Resource):
    def __init__(self, setup):
        raise RuntimeError("cannot be made")


not_a_handler = 5
"""


class HandlerTests(AppTestCase):
    files = {"handlers.py": MODULE}
    config = """
    handlers:
      BaseHandler: {headers: {X-Base: everywhere}}
    url:
      greet: {pattern: /greet, handler: handlers.Greet, kwargs: {greeting: hi, times: 2}}
      native: {pattern: '/native/(.*)', handler: handlers.Native}
      tree: {pattern: '/tree/(.*)', handler: handlers.tree}
      klein: {pattern: '/klein/(.*)', handler: handlers.klein, kwargs: {headers: {X-Own: k}}}
      fails: {pattern: /fails, handler: handlers.Fails}
    """

    def test_a_dotted_handler_class_has_its_options(self) -> None:
        self.assertEqual(self.get("/greet").text, "hihi")

    def test_a_method_that_a_handler_lacks_is_405_with_allow(self) -> None:
        response = self.request("DELETE", "/greet")
        self.assertEqual((response.status, response.headers["allow"]), (405, "GET, POST, HEAD"))
        self.assertEqual(response.json()["error"], "DELETE is not allowed here; use GET, POST, HEAD")

    def test_options_names_the_methods(self) -> None:
        response = self.request("OPTIONS", "/greet")
        self.assertEqual((response.status, response.headers["allow"]), (204, "GET, POST, HEAD, OPTIONS"))

    def test_a_native_resource_sees_the_path_below_its_pattern(self) -> None:
        self.assertEqual(
            self.get("/native/a/b%20c?x=1").text,
            "native ['a/b c'] [b'native'] [b'a', b'b c'] {b'x': [b'1']}",
        )

    def test_a_native_tree_is_walked(self) -> None:
        self.assertTrue(self.get("/tree/leaf").text.startswith("tree ['leaf'] "))
        self.assertEqual(self.get("/tree/none").status, 404)

    def test_a_klein_app_routes_what_is_below_its_pattern(self) -> None:
        self.assertEqual(self.get("/klein/").text, "klein index of klein")
        self.assertEqual(self.get("/klein/item/7").text, "GET item 7")
        self.assertEqual(self.post("/klein/item/7").text, "POST item 7")
        self.assertEqual(self.get("/klein/item/x").status, 404)
        self.assertEqual(self.get("/klein/").headers["x-own"], "k")

    def test_a_native_request_is_in_the_access_log(self) -> None:
        self.get("/tree/none")
        status, method, uri, ip, duration, route, *_ = self.log_of("/tree/none")
        self.assertEqual((status, method, uri, ip, route), (404, "GET", b"/tree/none", "127.0.0.1", "tree"))
        self.assertGreater(duration, 0)

    def test_a_native_resource_that_fails_is_500(self) -> None:
        response = self.get("/fails")
        self.assertEqual(response.json(), {"code": 500, "success": False, "error": "Internal Server Error"})
        self.assertEqual(self.log_of("/fails")[6], "ValueError: native trouble")

    def test_base_handler_headers_are_on_every_answer(self) -> None:
        for url in ("/greet", "/klein/", "/nowhere"):
            self.assertEqual(self.get(url).headers["x-base"], "everywhere", url)


FAILING = "syntax", "module", "broken", "needs", "unknown", "missing", "raises", "number", "method", "header", "status"


class WebSocketResourceTests(AppTestCase):
    files = {
        "sockets.py": """
        from autobahn.twisted.resource import WebSocketResource
        from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol

        factory = WebSocketServerFactory()
        factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0)  # on the reactor of other tests
        factory.protocol = type("Echo", (WebSocketServerProtocol,), {
            "onMessage": lambda self, payload, binary: self.sendMessage(payload, binary)
        })
        resource = WebSocketResource(factory)
        """
    }
    config = "url: {ws: {pattern: /ws, handler: sockets.resource}}"

    def test_a_web_socket_resource_takes_the_connection_over(self) -> None:
        wire = Wire(self.app)
        wire.send(
            "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        self.assertEqual(wire.status, "HTTP/1.1 101 Switching Protocols")
        self.assertIn(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", wire.received)
        self.assertEqual((self.app.gramex.in_flight, self.app.site.channels), (0, set()))
        self.assertEqual(self.log_of("/ws")[0], 101)

    def test_it_is_closed_when_the_app_stops(self) -> None:
        wire = Wire(self.app)
        wire.send(
            "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        stopping = self.app.gramex.stopService()
        self.assertTrue(wire.received.endswith(b"\x88\x12\x03\xe9the server stops"))
        self.assertNoResult(stopping)
        wire.transport.protocol.connectionLost(Failure(ConnectionDone()))  # type: ignore[attr-defined]
        self.successResultOf(stopping)


class SetupFailedTests(AppTestCase):
    files = {"handlers.py": MODULE, "broken.py": "def oops(:\n", "needs.py": "import no_such_package\n"}
    config = """
    url:
      good: {pattern: /good, handler: FunctionHandler, kwargs: {function: '"ok"'}}
      syntax: {pattern: /syntax, handler: FunctionHandler, kwargs: {function: 'str('}}
      module: {pattern: /module, handler: FunctionHandler, kwargs: {function: no_such_module.fn}}
      broken: {pattern: /broken, handler: FunctionHandler, kwargs: {function: broken.oops}}
      needs: {pattern: /needs, handler: FunctionHandler, kwargs: {function: needs.fn}}
      unknown: {pattern: /unknown, handler: FunctionHandlr}
      missing: {pattern: /missing, handler: FunctionHandler}
      raises: {pattern: /raises, handler: handlers.Broken}
      number: {pattern: /number, handler: handlers.not_a_handler}
      method: {pattern: /method, handler: FunctionHandler, kwargs: {function: '1', methods: [GTE]}}
      header: {pattern: /header, handler: FunctionHandler, kwargs: {function: '1', headers: {"X Y": 1}}}
      status: {pattern: /status, handler: FunctionHandler, kwargs: {function: '1', error: {9999: {path: x.html}}}}
      nopattern: {handler: FunctionHandler, kwargs: {function: '1'}}
    """

    def test_a_route_that_fails_answers_500_and_the_others_work(self) -> None:
        self.assertEqual(self.get("/good").text, "ok")
        for name in [
            "syntax",
            "module",
            "broken",
            "needs",
            "unknown",
            "missing",
            "raises",
            "number",
            "method",
            "header",
            "status",
        ]:
            response = self.get(f"/{name}")
            self.assertEqual(response.status, 500, name)
            self.assertEqual(response.json()["error"], "this address is not set up; the log of the server says why")
        self.forget_errors(RuntimeError)

    def test_each_error_has_its_place_and_says_what_is_wrong(self) -> None:
        self.forget_errors(RuntimeError)
        errors = {error.message.split(":")[0].split(".")[1]: str(error) for error in self.app.gramex.errors}
        self.assertEqual(set(errors), {*FAILING, "nopattern"})
        for name, error in errors.items():
            self.assertRegex(error, r"gramex\.yaml:\d+:\d+: url\.", name)
        self.assertIn("did you mean 'FunctionHandler'?", errors["unknown"])
        self.assertIn("no_such_module", errors["module"])
        self.assertIn("broken.py:1", errors["broken"])
        self.assertIn("no_such_package", errors["needs"])
        self.assertIn("cannot be made", errors["raises"])
        self.assertIn("handlers.not_a_handler is no handler class, Twisted resource or Klein app", errors["number"])
        self.assertIn("'GTE' is not an HTTP method", errors["method"])
        self.assertIn("'X Y' is not a header name", errors["header"])


class SetupFailedInDebugTests(AppTestCase):
    config = """
    app: {settings: {debug: true}}
    url:
      syntax: {pattern: /syntax, handler: FunctionHandler, kwargs: {function: 'str('}}
      fails: {pattern: /fails, handler: FunctionHandler, kwargs: {function: 1 / 0}}
    """

    def test_debug_shows_the_reason_to_the_client(self) -> None:
        self.assertIn("gramex.yaml:4:", self.get("/syntax").json()["error"])

    def test_debug_shows_the_traceback(self) -> None:
        self.assertEqual(self.get("/fails").json()["traceback"][-1], "ZeroDivisionError: division by zero")
        page = self.get("/fails", headers={"Accept": ["text/html"]})
        self.assertIn("ZeroDivisionError: division by zero", page.text)


class TwoAppsTests(AppTestCase):
    config = "url: {a: {pattern: /a, handler: FunctionHandler, kwargs: {function: handler.conf.pattern}}}"

    def test_two_apps_in_one_process_do_not_meet(self) -> None:
        first = self.app
        second = self.make_app("url: {b: {pattern: /b, handler: FunctionHandler, kwargs: {function: '2'}}}")
        one, two = first.start("GET", "/a"), second.start("GET", "/b")
        gone = second.start("GET", "/a")
        first.pump()
        second.pump()
        self.assertEqual(
            [self.successResultOf(d).status for d in (one, two, gone)],
            [200, 200, 404],
        )
        self.assertEqual((len(first.rows), len(second.rows)), (1, 2))


class HeldReactorTests(AppTestCase):
    files = {
        "slow.py": "import time\n\ndef slow(handler):\n    time.sleep(0.11)\n    return 'done'\n"
        "async def coroutine(handler):\n    return slow(handler)\n"
    }
    config = """
    url:
      sleepy: {pattern: /sleepy, handler: FunctionHandler, kwargs: {function: slow.slow, thread: false}}
      threaded: {pattern: /threaded, handler: FunctionHandler, kwargs: {function: slow.slow}}
      coroutine: {pattern: /coroutine, handler: FunctionHandler, kwargs: {function: slow.coroutine}}
    """

    def test_the_route_that_held_the_reactor_is_named(self) -> None:
        events: list[Any] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        for name in ("sleepy", "coroutine"):
            self.assertEqual(self.get(f"/{name}").text, "done")
        lines = [formatEvent(event) for event in events if event["log_level"].name == "warn"]
        self.assertEqual(len(lines), 2)
        for name, line in zip(("sleepy", "coroutine"), lines, strict=True):
            self.assertRegex(line, rf"^{name}: held the reactor for \d{{3}} ms; make the function a plain def")


class ReloadedAppTests(AppTestCase):
    files = {
        "fns.py": "def visit(handler):\n    n = handler.session['n'] = handler.session.get('n', 0) + 1\n    return n\n"
    }
    config = """
    app: {session: {type: memory}}
    url: {visit: {pattern: /visit, handler: FunctionHandler, kwargs: {function: fns.visit}}}
    """

    def test_sessions_in_memory_go_on_after_a_reload(self) -> None:
        cookie = {"Cookie": [self.get("/visit").headers["set-cookie"].partition(";")[0]]}
        old = self.app.gramex
        new = Gramex(old.config, self.clock, threads=InlineThreads(self.clock), previous=old)
        new.startService()
        self.addCleanup(new.stopService)
        self.app.site.resource = new.router
        self.app.new_client()
        self.assertEqual(self.get("/visit", headers=cookie).text, "2")
