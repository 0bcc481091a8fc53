"""What becomes of a request to the API, and of its answer."""

from __future__ import annotations

from typing import Any

import orjson


def this_port(handler: Any, request: Any) -> None:
    """Ask the port that the visitor has come to."""
    port = handler.request.connection.getHost().port
    request.url = request.url.replace(":9988/", f":{port}/")


def fahrenheit(response: Any) -> None:
    """Give temperatures in degrees Fahrenheit."""
    if response.code != 200:
        return
    element = orjson.loads(response.body)
    for name in ("melts", "boils"):
        if element[name] is not None:
            element[name] = round(element[name] * 9 / 5 - 459.67, 2)
    response.body = orjson.dumps({**element, "units": "°F"})
