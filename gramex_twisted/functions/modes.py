"""Where user code must run: on the reactor, in a thread, or on the reactor as something to await.

Frameworks are recognised by the marks that they leave on functions, so that nothing of them is imported here.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import types
from collections.abc import Callable, Collection, Iterable
from typing import Any, Literal

Mode = Literal["reactor", "thread", "async"]
"""Where to call it. `reactor`: there, it cannot block, and a thread hop would cost more. `thread`: it may block.
`async`: on the reactor; then await the result when it is awaitable (coroutine, Deferred, Future), and iterate it when
it has `__aiter__`.
"""

BLOCKING_BUILTINS = frozenset(
    {"open", "input", "exec", "eval", "__import__", "print", "compile", "breakpoint", "help", "exit", "quit"}
)
BLOCKING_METHODS = frozenset(
    {
        *("render", "render_string", "flush"),
        *("otp", "get_otp", "revoke_otp", "apikey", "revoke_apikey", "reset_ratelimit"),
    }
)
"""Methods of `handler` that load templates, or wait for the client or a database."""

AWAITABLE_TYPES = ("Deferred", "Awaitable", "Coroutine", "Future", "Task", "AsyncIterator", "AsyncGenerator")
INERT_NODES = (ast.Name, ast.Attribute, ast.Constant, ast.JoinedStr, ast.FormattedValue, ast.Tuple, ast.List, ast.Dict,
               ast.Set, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.operator, ast.unaryop,
               ast.boolop, ast.cmpop, ast.expr_context)  # fmt: skip
"""What may be done with an imported value without running code that could block."""


def strictest(modes: Iterable[Mode]) -> Mode:
    """The mode that suits all of `modes`: async before thread before reactor."""
    found = set(modes)
    return "async" if "async" in found else "thread" if "thread" in found else "reactor"


def mode_of_callable(function: Callable[..., Any]) -> Mode:
    """The mode of calling `function`: a function, method, partial, class or instance with `__call__`."""
    if is_async(function):
        return "async"
    if getattr(builtins, getattr(function, "__name__", ""), None) is function:
        return "thread" if function.__name__ in BLOCKING_BUILTINS else "reactor"
    return "thread"


def is_async(function: Any) -> bool:
    """Whether calling `function` gives something to await, or an async iterator, without blocking."""
    function = unwrap_partial(function)
    if isinstance(function, type):
        return False
    if not isinstance(function, (types.FunctionType, types.BuiltinFunctionType)):
        function = unwrap_partial(inspect.getattr_static(type(function), "__call__", None))
        return isinstance(function, types.FunctionType) and is_async(function)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return True
    if getattr(function, "__tornado_coroutine__", False) or is_inline_callbacks(function):
        return True
    if returns_awaitable(function) or yields_futures(function) or "PeriodicCallback" in names_of(function):
        return True
    wrapped = getattr(function, "__wrapped__", None)
    return wrapped is not None and is_async(wrapped)


def unwrap_partial(function: Any) -> Any:
    """The function inside partials, bound methods, static and class methods."""
    while True:
        if isinstance(function, (functools.partial, functools.partialmethod)):
            function = function.func
        elif isinstance(function, (types.MethodType, staticmethod, classmethod)):
            function = function.__func__
        else:
            return function


def is_inline_callbacks(function: Any) -> bool:
    """`twisted.internet.defer.inlineCallbacks`: its wrapper is defined in that module, around a generator function."""
    module = getattr(function, "__globals__", {}).get("__name__")
    return module == "twisted.internet.defer" and inspect.isgeneratorfunction(getattr(function, "__wrapped__", None))


def yields_futures(function: Any) -> bool:
    """Whether it is a generator function that uses Tornado coroutines of its module: their Futures are what it yields,
    one after the other, and they need the event loop."""
    if not inspect.isgeneratorfunction(function):
        return False
    known = function.__globals__
    return any(getattr(known.get(name), "__tornado_coroutine__", False) for name in names_of(function))


def names_of(function: Any) -> set[str]:
    """The names that a function refers to, also in its comprehensions. One is PeriodicCallback: Tornado's runs on the
    event loop on which it is started, so what starts it belongs there."""
    found: set[str] = set()
    codes = [getattr(function, "__code__", None)]
    while codes:
        code = codes.pop()
        if isinstance(code, types.CodeType):
            found.update(code.co_names)
            codes += code.co_consts
    return found


def returns_awaitable(function: Any) -> bool:
    """Whether the annotation says that a Deferred, an awaitable or an async iterator is returned."""
    hint = getattr(function, "__annotations__", {}).get("return")
    if isinstance(hint, str):
        name = hint.partition("[")[0].strip("'\" ")
    else:
        hint = getattr(hint, "__origin__", hint)
        name = getattr(hint, "__name__", "")
    return name.rpartition(".")[2] in AWAITABLE_TYPES


def mode_of_expression(tree: ast.expr, imported: Collection[ast.Name], find: Callable[[ast.expr], Any]) -> Mode:
    """The mode of evaluating `tree`.

    `imported` are its names that stand for imported things; `find` gives the value of a dotted name in it, None when
    that is not known before it runs.
    """
    nodes = list(ast.walk(tree))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if any(is_async(find(call.func)) for call in calls):
        return "async"
    if imported and not all(isinstance(node, INERT_NODES) for node in nodes):
        return "thread"
    return "thread" if any(may_block(node) for node in nodes) else "reactor"


def may_block(node: ast.AST) -> bool:
    """Whether `node`, which touches nothing imported, can still hold up its thread."""
    if isinstance(node, ast.Name):
        return node.id in BLOCKING_BUILTINS
    if isinstance(node, ast.Attribute):
        return node.attr in BLOCKING_METHODS
    # getattr(handler, "flush")() and the like: what is called is only known when it runs
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and root_name(node.func.func) == "getattr"


def root_name(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
