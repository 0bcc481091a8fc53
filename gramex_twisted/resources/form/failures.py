"""What goes wrong with data, as statuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.internet.defer import FirstError
from twisted.logger import Logger

from gramex_twisted.data.errors import Cancelled, Conflict, DataError, ReadOnly, TooSlow, Unavailable
from gramex_twisted.data.types import QueryError
from gramex_twisted.errors import HTTPError
from gramex_twisted.web.stream import ClientGone

log = Logger()

RETRY = {"Retry-After": "5"}


@contextmanager
def answered(route: str) -> Iterator[None]:
    """Raise what goes wrong inside as what the client is told; the reason is logged where it is not the client's."""
    try:
        yield
    except QueryError as error:
        raise HTTPError(400, str(error)) from error
    except Cancelled:
        raise ClientGone from None
    except DataError as error:
        log.error("{route}: {error}", route=route, error=error)
        raise _told(error) from error


@contextmanager
def first_error() -> Iterator[None]:
    """Of several that have been waited for at once, raise the error of the first that failed."""
    try:
        yield
    except FirstError as error:
        error.subFailure.raiseException()


def _told(error: DataError) -> HTTPError:
    if isinstance(error, Conflict):
        return HTTPError(409, str(error))
    if isinstance(error, ReadOnly):
        return HTTPError(405, str(error))
    if isinstance(error, TooSlow):
        return HTTPError(504, "the database took too long to answer")
    if isinstance(error, Unavailable):
        return HTTPError(503, "the database, or where the data comes from, does not answer", headers=RETRY)
    return HTTPError(500, "the data cannot be read; the server's log says why")
