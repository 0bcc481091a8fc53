"""The ``jmespath`` option: which field of an answer a JMESPath expression replaces, and by what."""

from __future__ import annotations

from typing import Any

from gramex_twisted.options.errors import OptionError

#: Characters of an expression.
LONGEST = 4000
#: What the parser and the functions of JMESPath raise for expressions and values that do not do.
FAILURES = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)


def jmespath_parts(text: str) -> tuple[str, str, Any]:
    """``"a.b|query"`` as the parent ``"a"``, the field ``"b"`` and the compiled query. The root is ``"."``.

    :raises OptionError: for what is no such text.
    """
    import jmespath  # type: ignore[import-untyped]

    target, bar, query = text.partition("|")
    if not bar:
        raise jmespath_error("a field and a query, with | between them, are wanted")
    if len(text) > LONGEST:
        raise jmespath_error(f"more than {LONGEST} characters")
    try:
        compiled = jmespath.compile(query)
    except FAILURES as error:
        raise jmespath_error(reason_of(error)) from None
    parent, _, field = (target or ".").rpartition(".")
    return parent, field, compiled


def jmespath_error(details: str) -> OptionError:
    """What a client is told of an expression that does not do."""
    return OptionError(reason="Invalid value for jmespath parameter", keyword="jmespath", details=details)


def reason_of(error: BaseException) -> str:
    """What is wrong, in the words of JMESPath where it has some."""
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)[:1000]
