"""The files of an app's folder that no route names: `config/folder.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources import file
from gramex_twisted.resources.files.guarded import guarded

if TYPE_CHECKING:
    from gramex_twisted.resources.base import Setup
    from gramex_twisted.web.context import Context

#: What is there for the server, beside what `ignore:` names; `allow:` has the last word.
PRIVATE = (
    *("*.db", "*.db-*", "*.db3", "*.sqlite*", "*.duckdb*", "*.mdb"),
    *("*.yaml", "*.yml", "*.ini", "*.conf", "*.toml", "*.env", "*.log"),
    *("*.key", "*.pem", "*.p12", "*.pfx", "*.jks"),
)


class FileHandler(file.FileHandler):
    """A FileHandler, so that `handlers: {FileHandler: ...}` holds for it. Other methods than GET find nothing.

    What a route with `auth:` serves, or reads, is not to be had here without.
    """

    def __init__(self, setup: Setup) -> None:
        services = setup.services
        self.private = (*PRIVATE, *guarded(services.conf, services.root, setup.config.kwargs.get("auth") or None))
        super().__init__(setup)

    async def on_POST(self, context: Context) -> Any:
        """Always 404, as for a path without a route."""
        raise HTTPError(404)

    on_PUT = on_DELETE = on_PATCH = on_OPTIONS = on_POST
