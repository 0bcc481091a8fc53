"""A scale for programs that have a key."""

from gramex_twisted.errors import HTTPError
from notebook.table import ELEMENTS


def weigh(handler):
    """The atomic mass of the element whose symbol is in the path."""
    symbol = handler.path_args[0]
    for element in ELEMENTS:
        if element.symbol == symbol:
            return {"symbol": symbol, "mass": element.mass, "for": handler.current_user["id"]}
    raise HTTPError(404, f"no element has the symbol {symbol}")
