"""SetupFailedHandler: stands in for a route that could not be set up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gramex_twisted.errors import ConfigError, HTTPError
from gramex_twisted.resources.base import Resource, Setup

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context


class SetupFailedHandler(Resource):
    """Answers 500 to everything. The reasons are in the log, and in the response only where the app shows them."""

    def __init__(self, setup: Setup, errors: tuple[ConfigError, ...] = ()) -> None:
        super().__init__(setup)
        self.errors = errors

    async def on_GET(self, context: Context) -> Any:
        """Always an HTTPError 500."""
        if self.services.settings.tracebacks:
            raise HTTPError(500, "\n".join(str(error) for error in self.errors) or None)
        raise HTTPError(500, "this address is not set up; the log of the server says why")

    on_POST = on_PUT = on_DELETE = on_PATCH = on_OPTIONS = on_GET
