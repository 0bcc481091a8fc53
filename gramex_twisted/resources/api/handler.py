"""APIHandler: an API from YAML alone, whose function gets the arguments by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from gramex_twisted.config.model import Model
from gramex_twisted.guards.methods import method_list
from gramex_twisted.options.optionset import ANY, METHODS
from gramex_twisted.resources.api.base import BaseAPIHandler
from gramex_twisted.resources.api.calling import Call, call_of
from gramex_twisted.resources.api.options import APIOptions, TableBuilder
from gramex_twisted.resources.base import Setup
from gramex_twisted.web.run import as_deferred, is_awaitable

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context


class APIHandlerOptions(APIOptions):
    """APIHandler answers with what a function makes of the arguments, in the format that is asked for."""

    function: Any = Field(
        description="What is called: `module.fn`, with the arguments that it has parameters for, and `handler` where "
        "it asks; or an expression of them. Without `options`, those of its signature."
    )
    args: Any = Field(default=None, description="Positional arguments of `function`; `=name` is an argument.")
    kwargs: dict[str, Any] | None = Field(default=None, description="Keyword arguments of `function`.")


class APIHandler(BaseAPIHandler):
    """An API made of a function and options.

    It answers the methods that ``options`` names, and where it names none, or only ``'*'``, GET and POST.
    """

    options_model: ClassVar[type[Model]] = APIHandlerOptions

    def __init__(self, setup: Setup) -> None:
        self._call: Call = call_of(setup)
        super().__init__(setup)
        self._call.bind(self.optionset)

    def add_options(self, table: TableBuilder) -> None:
        """See BaseAPIHandler: those of the signature, under the route's."""
        if not self.options.options:
            table.add_signature(self._call.signature)
        super().add_options(table)

    def handlers(self) -> dict[str, Callable[[Context], Any]]:
        """See Resource."""
        asked = self.options.methods
        if asked is not None:
            try:
                names = method_list(asked)
            except ValueError as error:
                raise self.setup.error(str(error), "methods") from None
        else:
            written = {str(name).upper() for name in self.options.options} - {ANY}
            names = tuple(name for name in METHODS if name in written) or ("GET", "POST")
        found: dict[str, Callable[[Context], Any]] = {}
        found |= {name: partial(self._serve, self.answer) for name in names if name != "OPTIONS"}
        if "GET" in found:
            found.setdefault("HEAD", found["GET"])
        return found

    async def answer(self, context: Context) -> Any:
        """The function's result. This awaits nothing but Deferreds, and needs no Task of asyncio."""
        function, values = self._call.of(context)
        if function.steps or self.threaded(function):
            return await self.run(function, context, *values)
        result = function.call(*values)
        kind = type(result)
        if kind is CoroutineType or (kind is not dict and is_awaitable(result)):
            result = await as_deferred(result, self.services.reactor, context.route.held, eager=True)
        return result
