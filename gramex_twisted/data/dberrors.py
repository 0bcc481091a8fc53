"""What the errors of databases mean. Imports SQLAlchemy: see `connecting`."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from gramex_twisted.data.errors import Conflict, DataError, ReadOnly, SourceError, TooSlow, Unavailable

STATES: dict[str, type[DataError]] = {
    "57014": TooSlow,
    "25006": ReadOnly,
    "55P03": Unavailable,
    "42501": SourceError,
    "08": Unavailable,
    "53": Unavailable,
    "57P": Unavailable,
    "40": Unavailable,
    "23": Conflict,
}
"""PostgreSQL: SQLSTATE, or how it begins, the more exact first."""
NUMBERS: dict[int, type[DataError]] = {
    **dict.fromkeys((1969, 3024, 1317), TooSlow),
    **dict.fromkeys((1040, 1041, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1927), Unavailable),
    **dict.fromkeys((1022, 1048, 1062, 1169, 1216, 1217, 1364, 1451, 1452, 1557, 1586, 3819, 4025), Conflict),
    **dict.fromkeys((1290, 1792, 1836), ReadOnly),
}
"""MySQL and MariaDB: error numbers. 2000 to 2999 are of the connection: Unavailable."""
NAMES: dict[str, type[DataError]] = {
    "SQLITE_BUSY": Unavailable,
    "SQLITE_LOCKED": Unavailable,
    "SQLITE_INTERRUPT": TooSlow,
    "SQLITE_READONLY": ReadOnly,
    "SQLITE_CONSTRAINT": Conflict,
    "SQLITE_FULL": Unavailable,
    "SQLITE_IOERR": Unavailable,
}
"""SQLite: names of errors, or how they begin."""
WORDS = {
    TooSlow: "the statement took too long",
    Conflict: "the change breaks a rule of the table",
    ReadOnly: "it cannot be written",
    Unavailable: "it is not available",
}
MOST = 300


def translate(error: BaseException, label: str) -> DataError:
    """The DataError that an error of SQLAlchemy or of a driver is; `label` says whose."""
    if isinstance(error, DataError):
        return error
    if isinstance(error, sa.exc.TimeoutError):
        return Unavailable(f"{label}: all connections are in use")
    cause = getattr(error, "orig", None) or error
    kind = kind_of(cause)
    if kind is SourceError and isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        kind = Unavailable
    said = " ".join(said_by(cause).split())[:MOST]
    return kind(f"{label}: {WORDS[kind]}: {said}" if kind in WORDS else f"{label}: {said}")


def kind_of(cause: BaseException) -> type[DataError]:
    """Which DataError a driver's error is."""
    number: Any = cause.args[0] if cause.args else None
    if isinstance(number, int) and not isinstance(cause, OSError):
        return Unavailable if 2000 <= number < 3000 else NUMBERS.get(number, SourceError)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        return next((kind for start, kind in STATES.items() if state.startswith(start)), SourceError)
    name = getattr(cause, "sqlite_errorname", None)
    if isinstance(name, str):
        return next((kind for start, kind in NAMES.items() if name.startswith(start)), SourceError)
    if type(cause).__name__ == "OperationalError":  # psycopg cannot connect: there is no SQLSTATE then
        return Unavailable
    return Unavailable if isinstance(cause, OSError) else SourceError


def said_by(cause: BaseException) -> str:
    """The message of a driver's error, its first line."""
    numbered = len(cause.args) > 1 and isinstance(cause.args[0], int)
    text = str(cause.args[1]) if numbered else str(cause)
    lines = text.strip().splitlines()
    return lines[0] if lines else type(cause).__name__
