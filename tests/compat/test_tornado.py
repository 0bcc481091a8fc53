"""Tornado in user code, and modules that do what they should not, on a real server."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from twisted.trial.unittest import TestCase

from benchmarks.contestants import ours
from benchmarks.server import Server

ROOT = Path(__file__).parent.parent.parent
MODULE = """
import asyncio, concurrent.futures, os, sys, time
from twisted.internet.defer import Deferred
import tornado.gen, tornado.httpclient, tornado.ioloop, tornado.web
import gramex
import gramex.cache
from gramex.handlers import BaseHandler, FunctionHandler
from gramex.transforms import build_transform


@tornado.gen.coroutine
def coroutine(handler):
    yield tornado.gen.sleep(0.001)
    one, two = yield [tornado.gen.sleep(0.001), gramex.service.threadpool.submit(lambda: gramex.conf.name)]
    raise tornado.gen.Return({"name": gramex.conf.name, "pool": two})


@tornado.gen.coroutine
def flushes(handler):
    handler.write("a")
    yield handler.flush()
    handler.write("b")
    return "c"


async def fetches(handler):
    client = tornado.httpclient.AsyncHTTPClient()
    response = await client.fetch(f"http://{handler.request.host}/plain")
    return response.body.decode()


@tornado.gen.coroutine
def later(text):
    yield tornado.gen.sleep(0.001)
    raise tornado.gen.Return(text)


def one_by_one(handler):
    for future in [later(text) for text in handler.args["x"]]:
        yield future


def future(handler):
    return concurrent.futures.ThreadPoolExecutor(1).submit(lambda: "future")


def error(handler):
    raise {
        "http": tornado.web.HTTPError(418, reason="Short and stout"),
        "log": tornado.web.HTTPError(400, "bad %s", "x"),
        "missing": tornado.web.MissingArgumentError("city"),
        "finish": tornado.web.Finish(),
    }[handler.get_argument("kind")]


@tornado.gen.coroutine
def late_error(handler):
    yield tornado.gen.sleep(0)
    raise tornado.web.HTTPError(409)


def plain(handler):
    return [isinstance(handler, tornado.web.RequestHandler), isinstance(handler, dict), handler.reverse_url("plain"),
            handler.settings.login_url, handler.get_signed_cookie("none")]


@tornado.gen.coroutine
def process(handler):
    proc = gramex.cache.Subprocess([sys.executable, "-c", "import sys; print('out'); sys.stderr.write('err')"])
    out, err = yield proc.wait_for_exit()
    return [out.decode(), err.decode(), proc.proc.returncode]


async def lines(handler):
    code = "print('one', flush=True); print('two')"
    outputs = ["list_out", "queue_out"]
    proc = gramex.cache.Subprocess([sys.executable, "-c", code], stream_stdout=outputs, buffer_size="line")
    await asyncio.gather(*proc.wait_for_exit())
    return [[line.decode() for line in proc.list_out], proc.queue_out.get_nowait().decode()]


def threaded(handler):
    return [future.result(60).decode() for future in gramex.cache.Subprocess(["echo", "hi"]).wait_for_exit()]


@tornado.gen.coroutine
def daemon(handler):
    code = "import time; print('ready', flush=True); time.sleep(600)"
    args = [sys.executable, "-c", code]
    first = yield gramex.cache.daemon(args, first_line="ready", timeout=60, stream=False)
    again = yield gramex.cache.daemon(args, first_line="ready", stream=False)
    return [first is again, first.proc.poll()]


async def loop(handler):
    done = asyncio.get_running_loop().create_future()
    gramex.service.main_ioloop.add_callback(done.set_result, "called")
    same = tornado.ioloop.IOLoop.current() is gramex.service.main_ioloop
    return [await done, same]


def loop_in_thread(handler):
    import threading
    event = threading.Event()
    gramex.service.main_ioloop.add_callback(event.set)
    return event.wait(60)


async def run_sync(handler):
    return tornado.ioloop.IOLoop.current().run_sync(lambda: None)


def run_sync_in_thread(handler):
    async def work():
        await asyncio.sleep(0)
        return "done"
    return tornado.ioloop.IOLoop.current().run_sync(work)


def exits(handler):
    sys.exit(3)


async def exits_async(handler):
    await asyncio.sleep(0)
    sys.exit(4)


async def exits_at_once(handler):
    sys.exit(5)


def sleeps(handler):
    time.sleep(0.2)
    return "slept"


def moves(handler):
    os.chdir("/")
    sys.path.clear()
    return os.getcwd()


def transform(handler):
    one = build_transform({"function": "x + y"}, vars={"x": 1, "y": 2}, iter=False)
    return [one(), one(x=3), build_transform({"function": "module.numbers"}, vars={})().__class__.__name__]


def numbers():
    yield 1


class Coroutine(BaseHandler):
    @tornado.gen.coroutine
    def prepare(self):
        yield tornado.gen.sleep(0)
        self.first = "prepared"

    @tornado.gen.coroutine
    def get(self, *args):
        yield tornado.gen.sleep(0)
        self.write(self.first)
        yield self.flush()
        self.write("!")
        yield self.finish("?")

    async def post(self):
        yield_ = await asyncio.sleep(0, "posted")
        await self.finish(yield_)


class Outer(FunctionHandler):
    @tornado.gen.coroutine
    def get(self, *args):
        self.write("[")
        yield super().get(*args)
        self.write("]")
"""
FUNCTIONS = (
    *(
        "coroutine",
        "flushes",
        "fetches",
        "one_by_one",
        "future",
        "error",
        "late_error",
        "plain",
        "process",
        "lines",
        "threaded",
    ),
    *("daemon", "loop", "loop_in_thread", "run_sync", "run_sync_in_thread", "exits", "exits_async", "exits_at_once"),
    *("sleeps", "moves", "transform"),
)
BROKEN = {
    "at_import": "import tornado.ioloop\nasync def work(): return 'ran'\n"
    "found = tornado.ioloop.IOLoop.current().run_sync(work)\ndef fn(handler): return found\n",
    "exiting": "import sys\nsys.exit('not today')\ndef fn(handler): pass\n",
    "moving": "import os, sys\nos.chdir('/')\nsys.path.append('/nowhere')\ndef fn(handler): return os.getcwd()\n",
    "wrong": "def fn(handler:\n",
    "missing": "from gramex.cache import HDF5Store\ndef fn(handler): pass\n",
}
YAML = """
name: app
variables: {PAGE: $YAMLPATH/page.html}
url:
"""


class TornadoTests(TestCase):
    def setUp(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        (folder / "module.py").write_text(MODULE)
        (folder / "page.html").write_text("{{ request is handler.request }} {{ current_user is None }}")
        routes: dict[str, tuple[str, dict[str, Any]]] = {
            name: ("FunctionHandler", {"function": f"module.{name}"}) for name in FUNCTIONS
        }
        for name, source in BROKEN.items():
            (folder / f"{name}.py").write_text(source)
            routes[name] = ("FunctionHandler", {"function": f"{name}.fn"})
        routes["class"] = ("module.Coroutine", {})
        routes["outer"] = ("module.Outer", {"function": "module.plain"})
        routes["page"] = ("FileHandler", {"path": "$PAGE", "template": True})
        entries = [
            f"  {name}: {json.dumps({'pattern': f'/{name}', 'handler': handler, 'kwargs': kwargs})}\n"
            for name, (handler, kwargs) in routes.items()
        ]
        (folder / "gramex.yaml").write_text(YAML + "".join(entries))
        environment = {"PYTHONPATH": str(ROOT), "GRAMEXDATA": str(folder / "data")}
        stack = ExitStack()
        self.addCleanup(stack.close)
        self.server = stack.enter_context(Server(ours, folder, "/plain", environment))

    def fetch(self, path: str, data: bytes | None = None) -> tuple[int, str, str]:
        try:
            with urlopen(self.server.url(path), data, timeout=60) as response:
                return response.status, response.reason, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.reason, error.read().decode()

    def text(self, path: str) -> str:
        status, _, text = self.fetch(path)
        self.assertEqual(status, 200, text)
        return text

    def json(self, path: str) -> Any:
        return json.loads(self.text(path))

    def test_coroutines_of_tornado(self) -> None:
        self.assertEqual(self.json("/coroutine"), {"name": "app", "pool": "app"})
        self.assertEqual(self.text("/flushes"), "abc")
        self.assertEqual(self.json("/fetches"), self.json("/plain"))
        self.assertEqual(self.text("/future"), "future")
        self.assertEqual(self.text("/one_by_one?x=a&x=b"), "ab")

    def test_errors_of_tornado(self) -> None:
        self.assertEqual(self.fetch("/error?kind=http")[:2], (418, "Short and stout"))
        status, _, text = self.fetch("/error?kind=log")
        self.assertEqual((status, json.loads(text)["error"]), (400, "bad x"))
        status, _, text = self.fetch("/error?kind=missing")
        self.assertEqual(status, 400)
        self.assertIn("city", text)
        self.assertEqual(self.fetch("/error?kind=finish"), (200, "OK", ""))
        self.assertEqual(self.fetch("/late_error")[0], 409)

    def test_a_handler_is_one_of_tornados(self) -> None:
        self.assertEqual(self.json("/plain"), [True, False, "/plain", "/login/", None])
        self.assertEqual(self.text("/page"), "True True")

    def test_classes(self) -> None:
        self.assertEqual(self.text("/class"), "prepared!?")
        self.assertEqual(self.json("/outer"), [self.json("/plain")])

    def test_programs(self) -> None:
        self.assertEqual(self.json("/process"), ["out\n", "err", 0])
        self.assertEqual(self.json("/lines"), [["one\n", "two\n"], "one\n"])
        self.assertEqual(self.json("/threaded"), ["hi\n", ""])
        self.assertEqual(self.json("/daemon"), [True, None])

    def test_the_loop_is_tornados_too(self) -> None:
        self.assertEqual(self.json("/loop"), ["called", True])
        self.assertEqual(self.text("/loop_in_thread"), "true")
        self.assertEqual(self.text("/run_sync_in_thread"), "done")
        self.assertEqual(self.fetch("/run_sync")[0], 500)
        self.assertIn("IOLoop.run_sync() would stop the server's own event loop", self.server.output.read_text())
        self.assertEqual(self.fetch("/run_sync")[0], 500)
        self.assertEqual(self.json("/transform"), [3, 5, "generator"])

    def test_what_user_code_should_not_do_ends_that_request_alone(self) -> None:
        for path in ("/exits", "/exits_async", "/exits_at_once"):
            self.assertEqual(self.fetch(path)[0], 500, path)
        self.assertEqual(self.text("/sleeps"), "slept")
        self.assertEqual(self.text("/moves"), "/")
        self.assertEqual(self.text("/page"), "True True")
        self.assertEqual(self.text("/sleeps"), "slept")

    def test_modules_that_do_so_when_they_are_imported(self) -> None:
        self.assertEqual(self.text("/at_import"), "ran")
        self.assertEqual(self.text("/moving"), "/")
        for path in ("/exiting", "/wrong", "/missing"):
            self.assertEqual(self.fetch(path)[0], 500, path)
