"""JMESPath, within bounds: who sends an expression must not be able to fill the memory with what it makes.

``[@,@]|[@,@]|...`` doubles with every step, at no cost until it is written; ``join`` and ``to_string`` copy. So steps
are counted, what is put together anew is weighed, and too much of it is an error.
"""

from __future__ import annotations

from typing import Any

from jmespath import Options  # type: ignore[import-untyped]
from jmespath.functions import Functions, signature  # type: ignore[import-untyped]
from jmespath.visitor import TreeInterpreter, _Expression  # type: ignore[import-untyped]

#: Steps of one search, and values that it may put together.
MOST = 2_000_000
#: Characters of a text that count as one value.
TEXT = 16


def search(compiled: Any, value: Any, most: int = MOST) -> Any:
    """What the ``compiled`` expression makes of ``value``, which has dicts, lists, texts, numbers, booleans and None.

    :raises ValueError: (and others of ``jmes.FAILURES``) for values that its functions do not take, and for too much.
    """
    interpreter = _Bounded(most)
    found = interpreter.visit(compiled.parsed, value)
    interpreter.weigh(found)
    return found


class _Functions(Functions):  # type: ignore[misc]
    """Those of JMESPath, and two that BioThings has."""

    @signature({"types": ["array"]})  # type: ignore[untyped-decorator]
    def _func_unique(self, items: list[Any]) -> list[Any]:
        return sorted(set(items))

    @signature({"types": ["array"]})  # type: ignore[untyped-decorator]
    def _func_unique_count(self, items: list[Any]) -> int:
        return len(set(items))


class _Bounded(TreeInterpreter):  # type: ignore[misc]
    """Raises ValueError where there is too much."""

    def __init__(self, most: int) -> None:
        super().__init__(Options(custom_functions=_Functions()))
        self.most = self.left = most

    def spend(self, number: int) -> None:
        """Count ``number`` steps or values."""
        self.left -= number
        if self.left < 0:
            raise ValueError(f"it takes more than {self.most:,} steps")

    def weigh(self, value: Any) -> None:
        """Count all values in ``value``; what is there twice counts twice."""
        waiting = [[value]]
        while waiting:
            items = waiting.pop()
            self.spend(len(items))
            for item in items:
                if isinstance(item, str):
                    self.spend(len(item) // TEXT)
                elif isinstance(item, list):
                    waiting.append(item)
                elif isinstance(item, dict):
                    waiting.append(list(item.values()))
                elif isinstance(item, _Expression):
                    raise ValueError("& makes no value by itself; it is for functions such as sort_by")

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """See Visitor."""
        self.spend(1)
        return super().visit(node, *args, **kwargs)

    def visit_multi_select_list(self, node: Any, value: Any) -> Any:
        """See TreeInterpreter."""
        found = super().visit_multi_select_list(node, value)
        self.weigh(found)
        return found

    def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
        """See TreeInterpreter."""
        found = super().visit_multi_select_dict(node, value)
        self.weigh(found)
        return found

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        """See TreeInterpreter."""
        values = [self.visit(child, value) for child in node["children"]]
        self.weigh([each for each in values if not isinstance(each, _Expression)])
        if node["value"] == "join" and len(values) == 2 and isinstance(values[0], str) and isinstance(values[1], list):
            self.spend(len(values[0]) * len(values[1]) // TEXT)
        found = self._functions.call_function(node["value"], values)
        if not isinstance(found, _Expression):
            self.weigh(found)
        return found
