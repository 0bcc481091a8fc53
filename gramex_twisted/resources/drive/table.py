"""The table of a DriveHandler's files. All of it blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.arguments import CONTROLS, HANDLED, parse
from gramex_twisted.data.changes import prepare
from gramex_twisted.data.sources.base import Source
from gramex_twisted.resources.drive import folder as files

if TYPE_CHECKING:
    from gramex_twisted.resources.drive.options import DriveOptions

COLUMNS: Mapping[str, Any] = {
    "id": {"type": "integer", "primary_key": True, "autoincrement": True},
    "file": "text",
    "ext": "text",
    "path": "text",
    "size": "bigint",
    "mime": "text",
    "date": "bigint",
}


def columns_of(options: DriveOptions) -> dict[str, Any]:
    """The columns that the table has."""
    own = dict(COLUMNS)
    own.update({f"user_{field.replace('.', '_')}": "text" for field in options.user_fields})
    for tag in options.tags:
        own.setdefault(tag, "text")
    return own


class DriveTable:
    """The rows of the files in `folder`."""

    def __init__(self, source: Source, folder: Path) -> None:
        self.source = source
        self.folder = folder

    def prepare(self) -> None:
        """Make the folder and the table, and finish what a killed server has begun."""
        self.folder.mkdir(parents=True, exist_ok=True)
        prepare(self.source)
        files.sweep(self.folder, self._known)

    def _known(self, paths: Sequence[str]) -> set[str]:
        return {str(row["path"]) for row in self._rows({"path": list(paths), "_c": ["path"]})}

    def row(self, key: str) -> dict[str, Any] | None:
        """The row of one file."""
        found = self._rows({"id": [key]}) if key else []
        return found[0] if found else None

    def paths(self, args: Mapping[str, Sequence[str]]) -> list[str]:
        """The files that a DELETE with these arguments is about: none where it will be refused."""
        asked = {name: texts for name, texts in args.items() if name not in CONTROLS and name not in HANDLED}
        if not any(asked.get("id", ())):
            return []
        return [str(row["path"]) for row in self._rows({**asked, "_c": ["path"]})]

    def _rows(self, args: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
        table = self.source.open({})
        try:
            return table.run(parse(args, table.schema, limit=None)).records()
        finally:
            table.close()
