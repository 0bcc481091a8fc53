"""The elements, read from data/elements.csv when this module is imported."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"


@dataclass(frozen=True)
class Element:
    """One row of elements.csv, with its units: density in g/cm3, temperatures in K. None is unknown."""

    number: int
    symbol: str
    name: str
    mass: float
    group: int | None
    period: int
    block: str
    density: float | None
    melts: float | None
    boils: float | None
    discovered: int | None

    @property
    def phase(self) -> str:
        """What it is at 25 degrees Celsius."""
        if self.melts is None and self.boils is None:
            return "unknown"
        if self.boils is not None and self.boils < 298.15:
            return "gas"
        return "liquid" if self.melts is not None and self.melts < 298.15 else "solid"


def whole(text: str) -> int | None:
    """A whole number, None for an empty cell."""
    return int(text) if text else None


def real(text: str) -> float | None:
    """A number, None for an empty cell."""
    return float(text) if text else None


def read() -> tuple[Element, ...]:
    """Every row, in the order of their numbers."""
    with (DATA / "elements.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Element(
                int(row["number"]),
                row["symbol"],
                row["name"],
                float(row["mass"]),
                whole(row["group"]),
                int(row["period"]),
                row["block"],
                real(row["density"]),
                real(row["melts"]),
                real(row["boils"]),
                whole(row["discovered"]),
            )
            for row in csv.DictReader(file)
        )


ELEMENTS = read()
BY_SYMBOL = {element.symbol: element for element in ELEMENTS}
