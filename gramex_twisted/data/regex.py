"""Regular expressions that mean the same to every engine.

polars (Rust), SQLite (RE2), PostgreSQL and MariaDB (PCRE) each have a dialect. A pattern is parsed here and written
anew for each, so that one that all agree on gives the same answer everywhere, and any other is refused with a reason:

- literals, `.` (not a newline), `[a-z]`, `[^...]`, `( )`, `(?: )`, `|`, `* + ? {m,n}` (to 255; lazy ones too),
  `^` and `$` (start and end of the text), `\\b`
- `\\d \\w \\s` and their opposites, which are ASCII, `\\t \\n \\r \\f \\v
  \\xHH \\uHHHH \\x{H}`, `\\` before punctuation
- ignoring case pairs each letter with its other case, by Unicode, one character for one
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]

META = frozenset("\\.^$*+?()[]{}|")
SET_META = frozenset("\\]^-[&~|")
MOST_WEIGHT = 300
"""Characters that a pattern may be longer by with its repetitions written out: 300 cost PostgreSQL 0.1 s at most."""
MOST_CASES = 3000
"""Characters of a set whose other case is looked up."""


class Engine(Enum):
    """Who runs a pattern: how it writes a word boundary."""

    RUST = r"(?-u:\b)"
    RE2 = r"\b"
    POSTGRES = r"\y"
    PCRE = r"(?:(?<=[0-9A-Z_a-z])(?![0-9A-Z_a-z])|(?<![0-9A-Z_a-z])(?=[0-9A-Z_a-z]))"


@dataclass(frozen=True)
class Chars:
    """One character of `ranges`, or not of them."""

    ranges: Ranges
    negated: bool = False

    @property
    def weight(self) -> int:
        return 1

    def write(self, engine: Engine) -> str:
        """In the engine's words."""
        if len(self.ranges) == 1 and self.ranges[0][0] == self.ranges[0][1] and not self.negated:
            return escaped(self.ranges[0][0], META)
        return f"[{'^' * self.negated}{''.join(map(_range, self.ranges))}]"


@dataclass(frozen=True)
class Anchor:
    """A place between characters: `^`, `$` or `b`."""

    name: str

    @property
    def weight(self) -> int:
        return 1

    def write(self, engine: Engine) -> str:
        """In the engine's words."""
        end = r"\Z" if engine is Engine.POSTGRES else r"\z"
        return {"^": r"\A", "$": end, "b": engine.value}[self.name]


@dataclass(frozen=True)
class Repeat:
    """`item` from `low` to `high` times; None: any number."""

    item: Node
    low: int
    high: int | None

    @property
    def weight(self) -> int:
        return self.item.weight * max(self.low, self.high or 1)

    def write(self, engine: Engine) -> str:
        """In the engine's words."""
        item = self.item.write(engine)
        group = item if isinstance(self.item, Chars) else f"(?:{item})"
        return f"{group}{{{self.low},{'' if self.high is None else self.high}}}"


@dataclass(frozen=True)
class Sequence:
    """One after the other."""

    items: tuple[Node, ...]

    @property
    def weight(self) -> int:
        return sum(item.weight for item in self.items)

    def write(self, engine: Engine) -> str:
        """In the engine's words."""
        return "".join(f"(?:{i.write(engine)})" if isinstance(i, Choice) else i.write(engine) for i in self.items)


@dataclass(frozen=True)
class Choice:
    """One of them."""

    items: tuple[Node, ...]

    @property
    def weight(self) -> int:
        return sum(item.weight for item in self.items)

    def write(self, engine: Engine) -> str:
        """In the engine's words."""
        return "|".join(item.write(engine) or "(?:)" for item in self.items)


Node: TypeAlias = Chars | Anchor | Repeat | Sequence | Choice


@dataclass(frozen=True)
class Pattern:
    """A parsed pattern; `str(pattern)` is what was asked for."""

    source: str
    ignore_case: bool
    node: Node

    def __str__(self) -> str:
        return self.source

    def write(self, engine: Engine) -> str:
        """For `engine`, to be searched case-sensitively: the cases are in it."""
        return self.node.write(engine)

    @cached_property
    def literal(self) -> str | None:
        """The text to look for, where the pattern is no more than that."""
        items = self.node.items if isinstance(self.node, Sequence) else (self.node,)
        found = [single(item) for item in items]
        return "".join(found) if all(found) else None

    @cached_property
    def nested(self) -> bool:
        """Whether something endless is repeated endlessly: what PCRE may take exponential time for."""
        return _height(self.node) > 1


def single(node: Node) -> str:
    """The one character that `node` matches, or "" where there are several or none."""
    if isinstance(node, Chars) and not node.negated and len(node.ranges) == 1 and len(set(node.ranges[0])) == 1:
        return chr(node.ranges[0][0])
    return ""


def _height(node: Node) -> int:
    if isinstance(node, Repeat):
        return _height(node.item) + (node.high is None or node.high > 1)
    return max(map(_height, node.items), default=0) if isinstance(node, Sequence | Choice) else 0


def escaped(code: int, special: frozenset[str]) -> str:
    """The character of `code` as itself."""
    return f"\\{chr(code)}" if chr(code) in special else chr(code)


def _range(pair: tuple[int, int]) -> str:
    low, high = (escaped(code, SET_META) for code in pair)
    return low if low == high else f"{low}-{high}"


def merged(pairs: Iterable[tuple[int, int]]) -> Ranges:
    """The same characters, in order and with nothing twice."""
    ranges: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if ranges and low <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(high, ranges[-1][1]))
        else:
            ranges.append((low, high))
    return tuple(ranges)


def opposite(ranges: Ranges) -> Ranges:
    """All other characters; NUL, which no database keeps, is none."""
    edges = [0, *(edge for low, high in ranges for edge in (low, high)), 0x110000]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return tuple((low + 1, high - 1) for low, high in pairs if low + 1 <= high - 1)


def both_cases(ranges: Ranges) -> Ranges:
    """`ranges` with the other case of their letters. Raises ValueError where they are too many."""
    if sum(high - low + 1 for low, high in ranges) > MOST_CASES:
        raise ValueError("has too large a range to ignore case in")
    return merged((ord(c), ord(c)) for low, high in ranges for code in range(low, high + 1) for c in cases(chr(code)))


def cases(char: str) -> set[str]:
    """`char` and its lower and upper case, as far as those are one character and lead back."""
    lower = char.lower()
    upper = lower.upper()
    if len(lower) != 1:
        return {char}
    return {char, lower, upper} if len(upper) == 1 and upper.lower() == lower else {char, lower}
