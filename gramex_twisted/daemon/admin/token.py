"""The token that opens the admin: written in the configuration, or made once and kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from twisted.logger import Logger

from gramex_twisted.config.admin import SHORTEST, Admin
from gramex_twisted.errors import ConfigError
from gramex_twisted.services.signing import kept_secret

if TYPE_CHECKING:
    from gramex_twisted.config.document import Config

log = Logger()

FILE = "admin.token"


def token_of(config: Config, options: Admin) -> tuple[str, Path | None]:
    """The token, and the file that it is kept in where nobody has chosen it.

    It is made once, and not at each start: whoever reads metrics by it goes on, and so do all processes of an app.

    :raises ConfigError: when it can be neither read nor kept.
    """
    if options.token is not None:
        return options.token, None
    path = Path(config.variables["GRAMEXDATA"]) / FILE
    where = str(config.mark("app", "admin"))
    try:
        token = kept_secret(path, "a token for the admin")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(where, f"app.admin: {path}: {reason}; or write a token: of your own") from error
    if len(token) < SHORTEST:
        message = f"app.admin: {path} has fewer than {SHORTEST} characters; remove it, and a token is made"
        raise ConfigError(where, message)
    if mode & 0o077:
        log.warn("{path} can be read by others: chmod 600 it", path=str(path))
    return token, path
