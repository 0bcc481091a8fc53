"""The clicks of a Geiger counter: an async generator of events."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

SOURCES = ("Am-241", "Cs-137", "K-40", "Rn-222", "Sr-90", "U-238")


async def clicks(handler: Any) -> AsyncIterator[Any]:
    """Twelve clicks; a browser then asks for more, with the number of the last one that it has heard."""
    last = handler.last_event_id or "0"
    number = int(last) if last.isdecimal() and len(last) < 10 else 0
    for _ in range(12):
        number += 1
        yield handler.event({"source": random.choice(SOURCES), "number": number}, id=number, retry=1000)
        await asyncio.sleep(random.expovariate(8))
