"""Where each kind of function and expression must run."""

from tests.functions.modulecase import ModuleCase

KINDS = """
import asyncio, functools
from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from tornado.gen import coroutine
from tornado.ioloop import PeriodicCallback

def plain(handler): return 1
def generator(handler): yield 1
async def native(handler): return 1
async def stream(handler): yield 1
@inlineCallbacks
def deferred(handler): yield succeed(1)
@coroutine
def tornado(handler): yield
def futures(handler):
    for future in [tornado(each) for each in handler]: yield future
def periodic(handler): return PeriodicCallback(print, 10)
def annotated(handler) -> Deferred: return succeed(1)
def quoted(handler) -> "Deferred[int]": return succeed(1)
def iterated(handler) -> "collections.abc.AsyncIterator[str]": return stream(handler)

def wrap(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs): return function(*args, **kwargs)
    return wrapper

wrapped_plain, wrapped_native, wrapped_deferred = wrap(plain), wrap(native), wrap(deferred)
partial_plain, partial_native = functools.partial(plain, 1), functools.partial(functools.partial(native), 1)
cached = functools.lru_cache(plain)

class Service:
    def __init__(self, *args): pass
    def plain(self, handler): return 1
    async def native(self, handler): return 1
    @classmethod
    async def of_class(cls, handler): return 1
    @staticmethod
    async def static(handler): return 1
    @property
    def trap(self): raise AssertionError("looked at")

class Callable:
    async def __call__(self, handler): return 1

class PlainCallable:
    def __call__(self, handler): return 1

service, call, plain_call = Service(), Callable(), PlainCallable()
value = [1, 2]
"""


class CallableModes(ModuleCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("kinds.py", KINDS)

    def assert_mode(self, expected: str, *specs: object) -> None:
        self.assertEqual(
            {str(spec): self.compile(spec).mode for spec in specs}, {str(spec): expected for spec in specs}
        )

    def test_plain_functions_run_in_a_thread(self) -> None:
        names = "plain generator wrapped_plain partial_plain cached service.plain plain_call Service Callable"
        self.assert_mode("thread", *(f"kinds.{name}" for name in names.split()))
        self.assert_mode("thread", *(f"kinds.{name}(handler)" for name in names.split()))

    def test_what_gives_something_to_await_runs_on_the_reactor(self) -> None:
        names = (
            "native stream deferred tornado futures periodic annotated quoted iterated wrapped_native wrapped_deferred "
            "partial_native service.native Service.of_class Service.static service.of_class call"
        )
        self.assert_mode("async", *(f"kinds.{name}" for name in names.split()))
        self.assert_mode("async", *(f"kinds.{name}(handler)" for name in names.split()))
        self.assert_mode("async", {"function": "kinds.native", "args": ["=handler.get_arg('x')"]})

    def test_an_async_call_anywhere_makes_the_expression_async(self) -> None:
        self.assert_mode("async", "asyncio.gather(kinds.native(handler), kinds.native(handler))", "asyncio.sleep(1)")

    def test_what_calls_nothing_imported_runs_on_the_reactor(self) -> None:
        self.assert_mode(
            "reactor",
            'str("hello")', "str", "handler.argparse('x')", "handler.path_args", "1 + 2", "{'x': len(handler.args)}",
            "[str(x) for x in handler.args.get('x', [])]", "(lambda x: x + 1)(2)", "AttrDict(x=1)", "kinds.value",
            "f'{kinds.value}' + 'x'", "'%s' % kinds.value", "kinds.value or handler", "', '.join(sorted(handler.args))",
            {"function": "handler.get_arg", "args": ["x"]},
            {"function": "dict", "args": [], "kwargs": {"x": "=handler.x"}},
        )  # fmt: skip

    def test_what_may_block_runs_in_a_thread(self) -> None:
        self.assert_mode(
            "thread",
            "open('x').read()", "open", "print(handler)", "eval('1')", "__import__('time').sleep(1)", "exec('1')",
            "handler.render('x.html')", "handler.render_string('x.html')", "handler.flush()", "map(handler.flush, [1])",
            "getattr(handler, 'fl' + 'ush')()", "json.dumps(handler)", "list(map(kinds.plain, [1]))", "kinds.value[0]",
            "[x for x in kinds.value]", "str(kinds.value)", "getattr(kinds, 'plain')(handler)",
            "AttrDict(x=kinds.value)",
            {"function": "str", "args": ["=kinds.plain(handler)"]}, {"function": "handler.render", "args": ["x.html"]},
        )  # fmt: skip

    def test_no_property_is_read_to_find_the_mode(self) -> None:
        self.assert_mode("thread", "kinds.service.trap(handler)", "kinds.service.trap.deeper(handler)")
