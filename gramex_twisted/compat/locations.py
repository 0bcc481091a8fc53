"""`gramex.service.storelocations`: where the tables of the server's own are, as arguments for gramex.data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.services.storelocations import OWN, file_of, location_of


class Locations(Mapping[str, Any]):
    """Name -> ``{url, table, columns ...}``, for ``gramex.data.filter(**gramex.service.storelocations.otp)``.

    A table is made, or given the columns that it lacks, when it is first asked for. That takes a moment: ask in a
    plain function, which runs in a thread.
    """

    def __init__(self, section: Mapping[str, Any], data_dir: Path) -> None:
        self._section = section
        self._data_dir = data_dir
        self._lock = Lock()
        self._ready: dict[str, dict[str, Any]] = {}

    def __getitem__(self, name: str) -> AttrDict:
        with self._lock:
            if name not in self._ready:
                self._ready[name] = self._made(name)
            return AttrDict.deep(self._ready[name])  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> AttrDict:
        try:
            return self[name]
        except KeyError:
            text = f"storelocations: there is no {name!r}; there is {', '.join(self)}"
            raise AttributeError(text, name=name) from None

    def __iter__(self) -> Iterator[str]:
        return iter([*OWN, *(name for name in self._section if name not in OWN)])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _made(self, name: str) -> dict[str, Any]:
        found = location_of(self._section, self._data_dir, name)
        if found["columns"] and found.get("table"):
            from gramex_twisted.data.library import alter

            file = file_of(found)
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
            alter(found["url"], found["table"], found["columns"])
        return found
