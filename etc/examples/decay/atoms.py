"""Radioactive decay, one half-life at a time."""

from __future__ import annotations

import asyncio
import csv
import random
from collections.abc import AsyncIterator

from gramex_twisted.errors import HTTPError
from gramex_twisted.transforms import handler
from notebook.pages import head
from notebook.table import DATA


@handler
async def decay(isotope: str = "C-14", atoms: int = 600, pause: float = 0.5) -> AsyncIterator[str]:
    """A page that grows by a line each half-life, until no atom is left. `pause` is in seconds."""
    name, half_life = look_up(isotope)
    atoms, pause = min(atoms, 2000), min(max(pause, 0), 2)
    yield f"{head(name)}<main>\n<h1>{name}</h1>\n<p>Half of what is left decays in {half_life}.</p>\n"
    yield '<ol class="decay">\n'
    while atoms > 0:
        yield f'<li><span style="--part: {atoms / 600:.3f}"></span>{atoms} left</li>\n'
        await asyncio.sleep(pause)
        atoms = sum(random.getrandbits(1) for _ in range(atoms))
    yield "<li>none left</li>\n</ol>\n</main>\n</body>\n</html>\n"


def look_up(isotope: str) -> tuple[str, str]:
    """The name and half-life of an isotope."""
    with (DATA / "isotopes.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["isotope"] == isotope:
                return row["name"], f"{float(row['half_life']):,g} {row['unit']}"
    raise HTTPError(404, f"isotope: {isotope} is not on the list")
