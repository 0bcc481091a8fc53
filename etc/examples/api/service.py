"""A REST API in Klein."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson
from klein import Klein
from twisted.web.iweb import IRequest

from gramex_twisted.web.context import IContext
from notebook.table import BY_SYMBOL, ELEMENTS

app = Klein()


@app.route("/elements")
def every(request: IRequest) -> bytes:
    """All elements, or those of a period: ?period=2"""
    period = IContext(request).get_arg("period", "")
    found = [element.symbol for element in ELEMENTS if str(element.period) == (period or str(element.period))]
    return send(request, found)


@app.route("/elements/<symbol>")
def one(request: IRequest, symbol: str) -> bytes:
    """One element by its symbol."""
    if symbol not in BY_SYMBOL:
        request.setResponseCode(404)
        return send(request, {"error": f"there is no element {symbol}"})
    return send(request, asdict(BY_SYMBOL[symbol]))


def send(request: IRequest, value: Any) -> bytes:
    """`value` as JSON."""
    request.setHeader(b"Content-Type", b"application/json; charset=UTF-8")
    return orjson.dumps(value)
