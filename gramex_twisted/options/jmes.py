"""The ``jmespath`` option: which field of the result a JMESPath query rewrites."""

from __future__ import annotations

from typing import Any

from gramex_twisted.options.errors import OptionError


def jmespath_parts(text: str) -> tuple[str, str, Any]:
    """``"a.b|query"`` as the parent ``"a"``, the field ``"b"`` and the compiled query. The root is ``"."``.

    :raises OptionError: for what is no such text.
    """
    import jmespath  # type: ignore[import-untyped]

    target, bar, query = text.partition("|")
    if not bar:
        raise _error("a field and a query, with | between them, are wanted")
    try:
        compiled = jmespath.compile(query)
    except ValueError as error:
        raise _error(str(error)) from None
    parent, _, field = (target or ".").rpartition(".")
    return parent, field, compiled


def _error(details: str) -> OptionError:
    return OptionError(reason="Invalid value for jmespath parameter", keyword="jmespath", details=details)
