"""A lock between processes: a file that only one of them holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gramex_twisted import durable
from gramex_twisted.services.stores.base import StoreError


@contextmanager
def locked(path: Path, deadline: float) -> Iterator[None]:
    """Hold the lock ``path`` (made, mode 0600, when missing). Two stores of one process exclude each other as well.

    :param deadline: when to give up, by time.monotonic().
    :raises StoreError: when another holds it for that long.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(durable.locked(path, deadline))
        except TimeoutError as error:
            raise StoreError(str(error)) from None
        yield
