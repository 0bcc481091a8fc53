"""The home page of tables that are served without a gramex.yaml."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from pydantic import Field

from gramex_twisted.config.model import Model
from gramex_twisted.resources.base import Options, Resource, Setup

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

TEMPLATE = Path(__file__).with_name("index.html")
FORMATS = {"json": "JSON", "csv": "CSV", "xlsx": "Excel"}


class Listed(Model):
    """One table."""

    name: str = Field(description="What it is called.")
    path: str = Field(description="Where it is served.")
    source: str = Field(default="", description="The file that it is in.")


class IndexOptions(Options):
    """TableIndex is a page with links to tables."""

    title: str = Field(default="Tables", description="The heading.")
    tables: list[Listed] = Field(default=[], description="The tables: `{name, path, source}` of each.")
    files: str | None = Field(default=None, description="Where all files of the folder are listed.")


class TableIndex(Resource):
    """Serves the page, which does not change."""

    options_model = IndexOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options: IndexOptions = self.options
        several = len({table.source for table in options.tables}) > 1
        rows = "\n".join(_row(table, several) for table in options.tables)
        files = f'<p><a href="{escape(options.files)}">All files</a></p>' if options.files else ""
        values = {"title": escape(options.title), "rows": rows, "files": files}
        self._page = Template(TEMPLATE.read_text("utf-8")).substitute(values)

    async def on_GET(self, context: Context) -> str:
        """The page."""
        return self._page


def _row(table: Listed, several: bool) -> str:
    """A table; of several files, its own stands below the name on narrow screens."""
    links = " ".join(
        f'<a href="{escape(table.path)}?_format={name}" aria-label="{escape(table.name)} as {label}">{label}</a>'
        for name, label in FORMATS.items()
    )
    below = f'<small aria-hidden="true">{escape(table.source)}</small>' if several else ""
    return (
        f'<tr><th scope="row"><a href="{escape(table.path)}">{escape(table.name)}</a>{below}</th>'
        f'<td class="source">{escape(table.source)}</td><td class="formats">{links}</td></tr>'
    )
