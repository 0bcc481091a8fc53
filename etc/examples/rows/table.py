"""A handler that shows a CSV file as a table or as JSON."""

from __future__ import annotations

import csv
from html import escape
from pathlib import Path
from typing import Any

from pydantic import Field

from gramex_twisted.resources.base import Options, Resource, Setup
from gramex_twisted.web.context import Context
from notebook.pages import document

Rows = list[dict[str, str]]


class TableOptions(Options):
    """TableHandler shows a CSV file; the query filters it: ?period=4"""

    path: str = Field(description="The CSV file, with the names of its columns in the first line.")
    columns: list[str] = Field(description="The columns to show, in order.")
    limit: int = Field(default=100, ge=1, description="Most rows to show.")


class TableHandler(Resource):
    """Reads the file in a thread, and answers in HTML, or in JSON with ?format=json."""

    options_model = TableOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.path = Path(self.services.root, self.options.path)
        if not self.path.is_file():
            raise setup.error(f"no file {self.path}", "path")

    async def on_GET(self, context: Context) -> Any:
        """The rows that match every argument."""
        asked = {name: values[-1] for name, values in context.args.items() if name in self.options.columns}
        rows: Rows = await self.services.threads.run(self.read, asked)
        return rows if context.get_arg("format", "") == "json" else document("Rows", self.html(rows))

    def read(self, asked: dict[str, str]) -> Rows:
        """The rows whose columns have the values that are asked for."""
        with self.path.open(encoding="utf-8", newline="") as file:
            found = [row for row in csv.DictReader(file) if asked.items() <= row.items()]
        return [{name: row[name] for name in self.options.columns} for row in found[: self.options.limit]]

    def html(self, rows: Rows) -> str:
        """The rows as a table."""
        heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.options.columns)
        lines = "\n".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row.values())}</tr>" for row in rows)
        return (
            f"<h1>{len(rows)} rows</h1>\n<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>"
        )
