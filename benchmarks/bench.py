"""What every case is given, and what a case is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import Contestants
from benchmarks.figures import Figure


@dataclass(frozen=True)
class Bench:
    """What a case works with. ``seconds`` is the length of one turn."""

    contestants: Contestants
    folder: Path
    rounds: int
    seconds: float


Case = Callable[[Bench], list[Figure]]
