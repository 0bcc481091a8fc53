"""One-time passwords and API keys: tokens that stand for a user, as rows of a database table.

The table is that of Gramex 1.x, by default ``users`` in ``$GRAMEXDATA/auth.recover.db``, so that its API keys go on:
``token, user (JSON), type, expire (seconds since the epoch)`` and whatever columns an app adds.

Whoever deletes the row has used the token: two who try at once, in whatever processes, cannot both. The methods with
names of their own (``add``, ``find``, ``take``) block: they are called in threads.
"""

from __future__ import annotations

import hmac
import math
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gramex_twisted.config.problems import closest
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.web.values import dump_json

if TYPE_CHECKING:
    from gramex_twisted.services.otptable import OtpTable

#: Hexadecimal digits of a token whose size is not given: 128 bits.
SIZE = 32
#: Characters of the longest token.
LONGEST = 1000
#: Seconds after which a request no longer waits for the database.
TIMEOUT = 10.0
#: Attempts at a token that no other row has. More than one is needed where an app asks for short ones.
ATTEMPTS = 20
#: Keys of ``storelocations.otp``; others are options of SQLAlchemy's create_engine.
OPTIONS = ("url", "table", "columns")
#: The keys of a row that are not the app's own.
OWN = frozenset({"token", "user", "type", "expire"})


class Otps(Service):
    """The tokens of one app. The database is opened when it is first needed.

    :param options: ``storelocations.otp``: ``url``, ``table``, ``columns`` and options of SQLAlchemy's create_engine.
    :param threads: where ``run`` calls what blocks: a pool with ``run(fn, *args) -> Deferred``. It is not that of user
        functions: a request with an API key must not wait for them.
    """

    name = "otps"

    def __init__(
        self,
        reactor: Any,
        options: Mapping[str, Any],
        data_dir: Path,
        threads: Any,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.reactor = reactor
        self.options = options
        self.data_dir = data_dir
        self.threads = threads
        self.clock = clock
        self._opening = threading.Lock()
        self._opened: OtpTable | None = None
        self._closed = False

    def run(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        """On the reactor: call one of the methods below in a thread. Fails with StoreError after ``TIMEOUT``."""

        def late(_result: object, timeout: float) -> Failure:
            return Failure(StoreError(f"storelocations.otp: no answer within {timeout:g} s"))

        deferred: Deferred[Any] = self.threads.run(fn, *args, **kwargs)
        return deferred.addTimeout(TIMEOUT, self.reactor, late)

    def startService(self) -> None:
        """Open the database when it is next needed."""
        super().startService()
        self._closed = False

    def stopService(self) -> None:
        """Close the database."""
        super().stopService()
        self._closed = True  # no lock: whoever is just opening it sees this, and the reactor does not wait for that
        self._close()

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    @property
    def _table(self) -> OtpTable:
        opened = self._opened
        if opened is None:
            with self._opening:
                opened = self._opened = self._opened or self._open()
        if self._closed:
            self._close()
            raise StoreError("storelocations.otp: the server is stopping")
        return opened

    def _open(self) -> OtpTable:
        try:
            from gramex_twisted.services.otptable import OtpTable
        except ImportError as error:
            raise StoreError(
                f"one-time passwords and API keys need a package: pip install 'gramex-twisted[auth]' ({error})"
            ) from error
        return OtpTable(self.options, self.data_dir)

    def add(self, user: Any, expire: float, size: int | None = None, type: str = "OTP", **columns: Any) -> str:
        """A new token for ``user``, valid for ``expire`` seconds. ``columns`` that the table has are stored with it.

        :param size: hexadecimal digits of the token.
        :raises ValueError: for a size or an expiry that makes no sense.
        :raises TypeError: when ``user`` is not JSON.
        :raises StoreError: when the database cannot be used.
        """
        if size is not None and not 0 < size <= LONGEST:
            raise ValueError(f"the size of a token is 1 to {LONGEST} characters, not {size}")
        if math.isnan(expire):
            raise ValueError("expire is a number of seconds, not nan")
        now = self.clock()
        row = {**columns, "user": dump_json(user).decode(), "type": type, "expire": now + expire}
        for _ in range(ATTEMPTS):
            token = new_token(size or SIZE)
            if self._table.insert({**row, "token": token}, now):
                return token
        raise StoreError(f"storelocations.otp: no token of {size} characters is free; use a larger size")

    def find(self, token: str, type: str | None = None) -> dict[str, Any] | None:
        """The row of ``token``; None when there is none (of ``type``), or it has expired.

        The row's other columns are added to its user, when that is a dict.

        :raises StoreError: when the database cannot be used.
        """
        return self._valid(self._row(token, type))

    def take(self, token: str, type: str | None = None) -> dict[str, Any] | None:
        """As ``find``, and the token is gone: of those who take it at once, one gets the row and the others None."""
        row = self._row(token, type)
        return self._valid(row) if row is not None and self._table.delete(token) else None

    def _row(self, token: str, type: str | None) -> dict[str, Any] | None:
        row = self._table.select(token) if is_token(token) else None
        if row is None or not same(row["token"], token) or (type is not None and row["type"] != type):
            return None
        return row

    def _valid(self, row: dict[str, Any] | None) -> dict[str, Any] | None:
        if row is None or row["expire"] is None or not float(row["expire"]) > self.clock():
            return None
        row["user"] = user = user_of(row["user"])
        if isinstance(user, dict):
            user.update({key: row[key] for key in row if key not in OWN - {"type"} and row[key] is not None})
        return row


def new_token(size: int) -> str:
    """``size`` random hexadecimal digits."""
    return secrets.token_hex((size + 1) // 2)[:size]


def is_token(token: Any) -> bool:
    """Whether a database can be asked for ``token``: some refuse NUL characters, and none has half a character."""
    return isinstance(token, str) and 0 < len(token) <= LONGEST and "\0" not in token and token.isascii()


def same(stored: Any, token: str) -> bool:
    """Whether the row that a database found is that token's: some compare without regard to case or accents."""
    return hmac.compare_digest(str(stored).encode(), token.encode())


def user_of(text: Any) -> Any:
    """The user that a row holds as JSON. Gramex 1.x has also stored plain names there."""
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, TypeError):
        return text


def otp_mistake(options: Any) -> str | None:
    """What is wrong with ``storelocations.otp``, as far as that can be told without a database."""
    if not isinstance(options, Mapping):
        return f"must be a mapping with {', '.join(OPTIONS)}, not {options!r}"
    for key in options:
        meant = closest(key, OPTIONS) if key not in OPTIONS else None
        if meant:
            return f"unknown key {key!r}; did you mean {meant!r}?"
    for key in ("url", "table"):
        if options.get(key) is not None and not isinstance(options[key], str):
            return f"{key} must be text, not {options[key]!r}"
    if not isinstance(options.get("columns") or {}, Mapping):
        return f"columns must be a mapping of names and SQL types, not {options['columns']!r}"
    return None
