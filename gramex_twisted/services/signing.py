"""Signed values, as Tornado makes them, and the secret that signs them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from twisted.logger import Logger

log = Logger()

FILE = "cookie_secret"


class Signer:
    """Signs and checks values in Tornado's signed-value format v2, so that cookies made by Gramex go on.

    :param secret: ``app.settings.cookie_secret``; where it is None, a secret is made once and kept, readable by its
        owner alone, in ``data_dir``.
    """

    def __init__(self, secret: str | None, data_dir: Path) -> None:
        self._secret = secret
        self._data_dir = data_dir

    @property
    def secret(self) -> str:
        """The secret; made and kept when it is first needed.

        :raises OSError: when it cannot be kept.
        """
        if not self._secret:
            self._secret = kept_secret(self._data_dir / FILE)
        return self._secret

    def sign(self, name: str, value: str | bytes) -> str:
        """``value``, signed for the cookie (or purpose) ``name``."""
        from tornado.web import create_signed_value

        return create_signed_value(self.secret, name, value).decode("ascii")

    def unsign(self, name: str, signed: str | None, max_age_days: float = 31) -> bytes | None:
        """The value that was signed for ``name`` at most ``max_age_days`` ago; None for anything else."""
        if not signed:
            return None
        from tornado.web import decode_signed_value

        return decode_signed_value(self.secret, name, signed, max_age_days=max_age_days)


def kept_secret(path: Path, what: str = "a secret for signed cookies") -> str:
    """The secret in ``path``, made if there is none. Two processes that make it at once agree on one.

    :param what: what it is, for the log.
    :raises OSError: when it can be neither read nor kept.
    """
    try:
        return path.read_text("ascii").strip() or _made(path, what)
    except FileNotFoundError:
        return _made(path, what)


def _made(path: Path, what: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # fails where another process was first, and its secret counts
        log.info("made {what} in {path}", what=what, path=str(path))
    except FileExistsError:
        if not path.read_text("ascii").strip():
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path.read_text("ascii").strip()
