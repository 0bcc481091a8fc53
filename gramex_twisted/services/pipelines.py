"""Pipelines: a row for each run of a function that is a list of steps, in the table ``storelocations.pipeline``."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.functions import Function
from gramex_twisted.services.container import Services
from gramex_twisted.services.storelocations import file_of, location_of

log = Logger()
KEY = ["name", "start"]


class Pipelines:
    """Runs pipelines, and writes down when they did: ``name``, ``start`` and ``end`` (UTC), and ``error``.

    Without ``storelocations.pipeline``, nothing is written, unless Gramex 1.x has made the table's file.
    """

    def __init__(self, services: Services) -> None:
        section = services.conf.get("storelocations") or {}
        location = location_of(section, services.data_dir, "pipeline")
        written = isinstance(section, Mapping) and section.get("pipeline") is not None
        file = file_of(location)
        self._location = location if written or (file is not None and file.exists()) else None
        self._services = services
        self._failing = False

    async def run(self, name: str, function: Function, run: Callable[..., Awaitable[Any]], *values: Any) -> Any:
        """What the pipeline comes to; ``run(step, *values)`` runs a step.

        :param name: ``schedule:report``, as Gramex 1.x calls it.
        """
        if self._location is None:
            return await function.run_steps(run, *values)
        start, number, error = _now(), 0, ""

        async def counted(step: Function, *found: Any) -> Any:
            nonlocal number
            number += 1
            return await run(step, *found)

        try:
            return await function.run_steps(counted, *values)
        except Exception as raised:
            source = function.steps[number - 1].function.source if number else ""
            error = f"pipeline:{name} {number}/{len(function.steps)} failed: {source}\n"
            error += "".join(traceback.format_exception(raised))
            raise
        finally:
            self._write({"name": [name], "start": [start], "end": [_now()], "error": [error]})

    def _write(self, row: dict[str, list[str]]) -> None:
        self._services.in_flight.began()
        self._services.threads.run(self._insert, row).addCallbacks(self._written, self._failed)

    def _insert(self, row: dict[str, list[str]]) -> None:
        from gramex_twisted.data import library

        library.insert(**{**(self._location or {}), "id": KEY, "args": row})

    def _written(self, _: object) -> None:
        self._failing = False
        self._services.in_flight.ended()

    def _failed(self, failure: Failure) -> None:
        if not self._failing:
            log.error("storelocations.pipeline: runs are not written down: {error}", error=failure.value)
        self._failing = True
        self._services.in_flight.ended()


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
