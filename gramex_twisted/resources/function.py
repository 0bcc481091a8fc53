"""FunctionHandler: the result of a Python function, expression or pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from gramex_twisted.resources.base import Options, Resource, Setup

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context


class FunctionOptions(Options):
    """FunctionHandler answers every method with what a function returns."""

    function: Any = Field(
        description="What is called: `module.fn`, an expression such as `module.fn(handler, x=1)`, or a list of named "
        "steps. `handler` is the request. Text is sent as HTML, everything else as JSON; a generator streams."
    )
    args: Any = Field(default=None, description="Positional arguments of `function`; `=handler` is a variable.")
    kwargs: dict[str, Any] | None = Field(default=None, description="Keyword arguments of `function`.")


class FunctionHandler(Resource):
    """Calls the route's function for every request."""

    options_model = FunctionOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        written = setup.config.kwargs
        spec = {key: written[key] for key in ("function", "args", "kwargs") if key in written}
        self.function = setup.function(spec if len(spec) > 1 else self.options.function, ["handler"], "function")
        self.in_thread = self.threaded(self.function)
        # In a thread it is fetched when it is touched; an expression that does not name the handler cannot touch it.
        self.needs_session = not self.in_thread and (self.function.mode == "async" or "handler" in self.function.source)
        self.redirects = setup.redirects(self.options.redirect)

    async def on_GET(self, context: Context) -> Any:
        """The function's result, or a redirect after it."""
        if self.redirects.active:
            result = await self.run(self.function, context, context)
            if not context.finished:
                self.redirects.follow(context)
            return result
        return await self.run(self.function, context, context)

    on_POST = on_PUT = on_DELETE = on_PATCH = on_OPTIONS = on_GET
