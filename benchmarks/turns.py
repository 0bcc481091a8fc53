"""Runs things in turn, A B C A B C: a machine that slows down slows everybody alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def in_turn(names: Sequence[str], rounds: int, measure: Callable[[str], float]) -> dict[str, list[float]]:
    """``rounds`` values of ``measure`` for each of ``names``."""
    samples: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            samples[name].append(measure(name))
    return samples
