"""The scripts that pages of tables load: served by the table's own URL, since a route may have no other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gramex_twisted.data import formats
from gramex_twisted.errors import HTTPError

if TYPE_CHECKING:
    from gramex_twisted.services.container import Services
    from gramex_twisted.web.context import Context

ASSET = "_asset"
FOLDER = Path(formats.__file__).with_name("static")


async def send_asset(services: Services, context: Context) -> bytes:
    """The file that `_asset` names. Raises HTTPError 404."""
    name = context.get_arg(ASSET)
    body: bytes | None = await services.threads.run(_read, name)
    if body is None:
        raise HTTPError(404, f"there is no {ASSET}={name}")
    context.set_header("Content-Type", services.mimetypes.guess_type(name)[0] or "application/octet-stream")
    context.set_header("Cache-Control", "private, max-age=86400")
    return body


def _read(name: str) -> bytes | None:
    """The content of one of the files in FOLDER."""
    found = next((path for path in FOLDER.glob("*.js") if path.name == name), None)
    return found.read_bytes() if found else None
