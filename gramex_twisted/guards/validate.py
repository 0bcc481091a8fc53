"""``validate:``: what a request must be like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from gramex_twisted.errors import HTTPError

if TYPE_CHECKING:
    from gramex_twisted.functions import Function
    from gramex_twisted.resources.base import Resource
    from gramex_twisted.web.context import Context

log = Logger()


class ValidateGuard:
    """Lets requests pass for which every function comes to something true. A function that raises refuses, too."""

    def __init__(self, resource: Resource, option: Any) -> None:
        self.resource = resource
        rules = option if isinstance(option, list) else [option]
        self.rules = [self._rule(rule, index, len(rules)) for index, rule in enumerate(rules)]

    def _rule(self, written: Any, index: int, count: int) -> tuple[Function, int, str]:
        setup = self.resource.setup
        keys = ("validate", index) if count > 1 else ("validate",)
        rule = dict(written) if isinstance(written, Mapping) else {"function": written}
        code, reason = rule.pop("code", 400), rule.pop("reason", None)
        if not isinstance(code, int) or not 400 <= code <= 599:
            raise setup.error(f"code: must be the status of an error, 400 to 599, not {code!r}", *keys)
        return setup.function(rule, ["handler"], *keys), code, str(reason or f"validate: {rule['function']} failed")

    async def __call__(self, context: Context) -> None:
        """Pass, or raise the HTTPError of the first rule that refuses."""
        for function, code, reason in self.rules:
            try:
                passes = await self.resource.run(function, context, context)
            except Exception as error:  # noqa: BLE001 - of a user's function
                log.warn("{route}: {function} raised {error!r}", route=context.name, function=function, error=error)
                passes = False
            if not passes:
                raise HTTPError(code, reason)
