"""What the operating system tells of changes in folders (watchfiles), for threads that wait for it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

#: Milliseconds: tell of changes after this much quiet, and at the latest after that much.
QUIET, LATEST = 100, 500


def notifications(
    folders: Iterable[Path], stop: Event, every: int, *, recursive: bool = True, polling: bool = False
) -> Iterator[set[tuple[Any, str]]]:
    """Changes in ``folders``, as (watchfiles.Change, path), until ``stop`` is set. Blocks.

    :param every: milliseconds after which it gives an empty set, where nothing has changed.
    :param recursive: below them too.
    :param polling: look at all files instead of being told.
    :raises OSError, RuntimeError: when the system has no more watches, or a folder vanishes.
    """
    from watchfiles import watch  # here, because an app that watches nothing need not load it

    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it reports every change in the folders
    yield from watch(
        *folders,
        watch_filter=None,
        debounce=LATEST,
        step=QUIET,
        stop_event=stop,
        rust_timeout=every,
        yield_on_timeout=True,
        raise_interrupt=False,
        recursive=recursive,
        force_polling=polling,
    )
