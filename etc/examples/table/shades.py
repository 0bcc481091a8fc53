"""Where an element stands in the periodic table, and how dark it is."""

from __future__ import annotations

from gramex_twisted.errors import HTTPError
from notebook.table import ELEMENTS, Element

SHADES = {"block": "block", "melts": "melting point", "discovered": "year of discovery"}


def column(element: Element) -> int:
    """1 to 18. Lanthanides and actinides stand below the table, from its third column."""
    return element.group or element.number - (57 if element.period == 6 else 89) + 3


def row(element: Element) -> int:
    """1 to 7, then a gap, then lanthanides and actinides."""
    return element.period if element.group else element.period + 3


def shade(element: Element, by: str) -> str:
    """0 to 1 as a share of the largest value; the unknown is 0. Blocks all have the same."""
    if by not in SHADES:
        raise HTTPError(400, f"by: it is one of {', '.join(SHADES)}, not {by}")
    if by == "block":
        return "0.22"
    values = [value for other in ELEMENTS if (value := getattr(other, by)) is not None]
    value = getattr(element, by)
    return "0" if value is None else f"{0.05 + 0.4 * (value - min(values)) / (max(values) - min(values)):.3f}"
