"""The steps of the pipeline."""

from __future__ import annotations

from collections.abc import Sequence

from notebook.pages import document
from notebook.table import ELEMENTS, Element


def with_density(block: str) -> list[Element]:
    """The elements (of a block) whose density is known."""
    return [element for element in ELEMENTS if element.density and element.block == (block or element.block)]


def bars(elements: Sequence[Element]) -> str:
    """A table with a bar for each density."""
    most = max((element.density or 0 for element in elements), default=1)
    rows = "\n".join(
        f'<tr><th scope="row"><a href="/element/{element.number}">{element.name}</a></th>'
        f'<td class="number">{element.density:g}</td>'
        f'<td class="bar"><span style="--part: {(element.density or 0) / most:.3f}"></span></td></tr>'
        for element in elements
    )
    return document(
        "The densest elements",
        '<h1>The densest elements</h1>\n<table>\n<thead><tr><th scope="col">Element</th><th scope="col" class="number">'
        f"g/cm³</th><td></td></tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>",
    )
