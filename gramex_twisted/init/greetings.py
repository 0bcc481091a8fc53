"""The functions that gramex.yaml names."""

from __future__ import annotations

from gramex_twisted.transforms import handler


@handler
def hello(name: str = "World", times: int = 1) -> dict[str, object]:
    """Greet someone. The arguments come from the URL: /hello?name=Ada&times=3"""
    return {"greeting": " ".join([f"Hello {name}!"] * min(times, 10)), "letters": len(name)}
