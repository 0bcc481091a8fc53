"""The files of an app."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

SKIPPED = {"node_modules", "site-packages", "__pycache__", "venv"}


def files_below(folders: Collection[Path], suffixes: Collection[str]) -> Iterator[Path]:
    """The files below ``folders`` with one of ``suffixes`` (none: with any), hidden and installed ones left out."""
    for folder in folders:
        for path in folder.iterdir():
            if path.name.startswith(".") or path.name in SKIPPED or path.is_symlink():
                continue
            if path.is_dir():
                if not (path / "pyvenv.cfg").exists():
                    yield from files_below([path], suffixes)
            elif not suffixes or path.suffix in suffixes:
                yield path
