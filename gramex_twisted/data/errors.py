"""What goes wrong with a source of data; questions that make no sense are a `types.QueryError`."""

from __future__ import annotations


class DataError(Exception):
    """The text says what is wrong, and with which file, URL (without its password) or table."""


class SourceError(DataError):
    """It is missing, empty or broken, or is not what its name says: answered with 500."""


class Unavailable(DataError):  # noqa: N818 - it says what is the matter
    """It may be there again later: a database that is down or locked, another server that does not answer; 503."""


class TooSlow(DataError):  # noqa: N818 - it says what is the matter
    """A statement took longer than it may: 504."""


class Cancelled(DataError):  # noqa: N818 - it says what is the matter
    """Nobody waits for the answer any more."""


class ReadOnly(DataError):  # noqa: N818 - it says what is the matter
    """It cannot be written: 405."""


class Conflict(DataError):  # noqa: N818 - it says what is the matter
    """A change breaks a rule of the database, such as a unique column: 409."""
