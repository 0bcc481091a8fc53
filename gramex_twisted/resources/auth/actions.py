"""``action:`` what happens after somebody has signed in, or before they sign out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gramex_twisted.functions import Function

if TYPE_CHECKING:
    from gramex_twisted.resources.auth.base import AuthHandler
    from gramex_twisted.web.context import Context

_SINGLE = re.compile(r"\s*(?:gramex(?:_twisted)?\.transforms\.)?ensure_single_session\s*(?:\(\s*(?:handler)?\s*\))?\s*")


class Actions:
    """The actions of one route, in order.

    :raises ConfigError: for what is no function.
    """

    def __init__(self, handler: AuthHandler, specs: Sequence[Any]) -> None:
        self.handler = handler
        self.steps = [self._step(spec, number) for number, spec in enumerate(specs)]

    def _step(self, spec: Any, number: int) -> Function | None:
        function = spec.get("function") if isinstance(spec, dict) else spec
        if isinstance(function, str) and _SINGLE.fullmatch(function):
            return None
        if isinstance(spec, dict) and set(spec) == {"function"}:
            spec = function
        return self.handler.setup.function(spec, ["handler"], "action", number)

    async def run(self, context: Context, name: str) -> None:
        """Call them. What they raise refuses the log-in.

        :param name: what the user's sessions are known by.
        """
        for step in self.steps:
            if step is None:
                await self.handler.user_sessions.keep_newest(name)
            else:
                await self.handler.run(step, context, context)
