"""What a benchmark measured and what it wanted: figures, goals and the markdown table of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.contestants import BARE, GRAMEX, OURS, TORNADO

COLUMNS = (OURS, BARE, TORNADO, GRAMEX)


@dataclass(frozen=True)
class Goal:
    """A bound on our figure: ``bound`` times that of ``against``, or ``bound`` itself. Reached at equality."""

    bound: float
    against: str | None = None
    at_most: bool = False

    def ratio(self, samples: Mapping[str, Sequence[float]]) -> float | None:
        """Our figure over the other's: the median of the ratios round by round. None when either is not there."""
        if not samples.get(OURS):
            return None
        if self.against is None:
            return median(samples[OURS])
        theirs = samples.get(self.against)
        if not theirs:
            return None
        return median(our / their for our, their in zip(samples[OURS], theirs, strict=True))

    def verdict(self, samples: Mapping[str, Sequence[float]], unit: str) -> str:
        """``"0.74 of twisted.web, wanted >= 0.7: reached"``, or an empty string when it was not measured."""
        ratio = self.ratio(samples)
        if ratio is None:
            return ""
        reached = ratio <= self.bound if self.at_most else ratio >= self.bound
        what = f"{ratio:.2f} of {self.against}" if self.against else f"{show(ratio)} {unit}"
        sign = "<=" if self.at_most else ">="
        return f"{what}, wanted {sign} {self.bound:.3g}: {'reached' if reached else '**missed**'}"


@dataclass(frozen=True)
class Figure:
    """One row: ``samples`` has for each contestant one value for each round."""

    name: str
    unit: str
    samples: Mapping[str, Sequence[float]]
    goals: Sequence[Goal] = field(default_factory=tuple)

    def row(self) -> str:
        """The row of a markdown table: the medians and what became of the goals."""
        values = (show(median(values)) if (values := self.samples.get(name)) else "" for name in COLUMNS)
        verdicts = "; ".join(filter(None, (goal.verdict(self.samples, self.unit) for goal in self.goals)))
        return " | ".join((f"| {self.name}", self.unit, *values, verdicts)) + " |"


def show(value: float) -> str:
    """A number with three or more significant digits; infinity, where nothing was answered, in words."""
    if value == float("inf"):
        return "no answer"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(figures: Iterable[Figure]) -> Iterator[str]:
    """The lines of the whole markdown table, each as soon as its figure is there."""
    head = ["case", "unit", *COLUMNS, "goal"]
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for figure in figures:
        yield figure.row()
