"""Configurations that user code reads by itself: `PathConfig` and `ChainConfig` of gramex.config."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.state import variables_now
from gramex_twisted.compat.trees import merge, walk

log = logging.getLogger("gramex")

Stamp = tuple[int, int] | None


class PathConfig(AttrDict):
    """The YAML file ``path`` with its imports, conditions and variables, as an AttrDict; empty where there is none.

    ``+config`` reads it again where one of its files has changed. Raises an ExceptionGroup of ConfigErrors.
    """

    def __init__(self, path: str | os.PathLike[str], warn: Any = None) -> None:
        super().__init__()
        object.__setattr__(self, "__info__", AttrDict(path=Path(path), imports=[], warn=warn))
        self.__pos__()

    __slots__ = ("__info__",)

    def __pos__(self) -> PathConfig:
        info = object.__getattribute__(self, "__info__")
        if not info.imports or any(_stamp(file.path) != file.stat for file in info.imports):
            self._read(info)
        return self

    def _read(self, info: AttrDict) -> None:
        from gramex_twisted.config.reader import DEFAULTS, read

        self.clear()
        path = info.path.absolute()
        if not path.is_file():
            log.warning("Missing config: %s", path)
            info.imports = [AttrDict(path=path, stat=_stamp(path))]
            return
        document = read(path, environ={key: str(value) for key, value in variables_now().items()})
        ours = "/".join(DEFAULTS.parts[-3:])
        own = {key: value for key, value in document.tree.items() if document.marks[(key,)].file != ours}
        self.update(AttrDict.deep(own))
        info.imports = [AttrDict(path=file, stat=_stamp(file)) for file in document.files]


class ChainConfig(AttrDict):
    """Configurations by name, later ones on those before: ``+config`` is all of them merged, without null values."""

    def __pos__(self) -> AttrDict:
        merged = AttrDict()
        for layer in self.values():
            merge(merged, +layer if hasattr(layer, "__pos__") else layer)
        for key, value, node in list(walk(merged)):
            if value is None and isinstance(node, dict):
                del node[key]
        return merged


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
