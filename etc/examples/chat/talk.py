"""Visitors who talk. Each is an element for as long as the page is open."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

from notebook.table import ELEMENTS

LAST: deque[dict[str, str]] = deque(maxlen=20)
"""What was said, for who comes later."""


def enter(handler: Any) -> None:
    """Somebody has opened the page."""
    handler.visitor = random.choice(ELEMENTS)
    handler.write_message({"you": handler.visitor.name, "before": list(LAST)})
    handler.broadcast({"note": f"{handler.visitor.name} is here"}, others=True)


def say(handler: Any, message: str | bytes) -> None:
    """Somebody has said something."""
    if isinstance(message, str) and message.strip():
        said = {"who": handler.visitor.name, "symbol": handler.visitor.symbol, "text": message.strip()}
        LAST.append(said)
        handler.broadcast(said)


def leave(handler: Any) -> None:
    """The page is closed, or the connection lost."""
    if hasattr(handler, "visitor"):
        handler.broadcast({"note": f"{handler.visitor.name} has left"})
