"""The card of one element."""

from __future__ import annotations

from gramex_twisted.errors import HTTPError
from gramex_twisted.transforms import handler
from notebook.pages import document
from notebook.table import ELEMENTS, Element


@handler
def show(number: int) -> str:
    """The card of the element with this number."""
    if not 1 <= number <= len(ELEMENTS):
        raise HTTPError(404, f"there is no element {number}")
    element = ELEMENTS[number - 1]
    rows = "\n".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts(element).items())
    title = f'<h1><span class="symbol">{element.symbol}</span> {element.name}</h1>'
    return document(element.name, f"{title}\n<dl>\n{rows}\n</dl>\n{steps(number)}")


def facts(element: Element) -> dict[str, str]:
    """What is known of an element, as text."""
    known = {
        "Number": str(element.number),
        "Mass": f"{element.mass:g}",
        "Period, block": f"{element.period}, {element.block}",
        "At 25 °C": element.phase,
        "Melts": f"{element.melts:g} K" if element.melts else "",
        "Boils": f"{element.boils:g} K" if element.boils else "",
        "Density": f"{element.density:g} g/cm³" if element.density else "",
        "Discovered": str(element.discovered or "in antiquity, or nearly"),
    }
    return {name: text for name, text in known.items() if text}


def steps(number: int) -> str:
    """Links to the elements before and after."""
    before = f'<a href="/element/{number - 1}" rel="prev">{number - 1}</a>' if number > 1 else ""
    return f'<p class="steps">{before} <a href="/element/{number + 1}" rel="next">{number + 1}</a></p>'
