"""Parses a regular expression: see `gramex_twisted.data.regex` for what may stand in one."""

from __future__ import annotations

import re

from gramex_twisted.data.regex import (
    MOST_WEIGHT,
    Anchor,
    Chars,
    Choice,
    Node,
    Pattern,
    Ranges,
    Repeat,
    Sequence,
    both_cases,
    merged,
    opposite,
)

DIGITS: Ranges = ((48, 57),)
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
SPACE: Ranges = ((9, 13), (32, 32))
CLASSES = {"d": DIGITS, "w": WORD, "s": SPACE}
CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
NEWLINE: Ranges = ((10, 10),)
QUANTIFIER = re.compile(r"[*+?]|\{(\d{1,4})(,?)(\d{0,4})\}", re.ASCII)
CODE = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|x\{([0-9a-fA-F]{1,6})\}")
MOST_LENGTH = 1000
MOST_DEPTH = 20
MOST_TIMES = 255


def parse(source: str, *, ignore_case: bool = False) -> Pattern:
    """The pattern that `source` says. Raises ValueError: what is wrong with it, to follow the value."""
    if len(source) > MOST_LENGTH:
        raise ValueError(f"is longer than {MOST_LENGTH} characters")
    parser = Parser(source, ignore_case)
    node = parser.choice(0)
    if parser.rest:
        raise ValueError("has a ) without its (")
    if node.weight > MOST_WEIGHT + len(source):
        raise ValueError("repeats too much")
    return Pattern(source, ignore_case, node)


class Parser:
    """Reads `source` from left to right."""

    def __init__(self, source: str, ignore_case: bool) -> None:
        self.source = source
        self.at = 0
        self.ignore_case = ignore_case

    @property
    def rest(self) -> bool:
        """Whether there is more."""
        return self.at < len(self.source)

    def take(self, text: str) -> bool:
        """Step over `text` if it comes next."""
        found = self.source.startswith(text, self.at)
        self.at += len(text) * found
        return found

    def next(self) -> str:
        """The next character."""
        if not self.rest:
            raise ValueError("ends too early")
        self.at += 1
        return self.source[self.at - 1]

    def choice(self, depth: int) -> Node:
        """What stands between `|`, to the end or a `)`."""
        if depth > MOST_DEPTH:
            raise ValueError("has too many groups in groups")
        items = [self.sequence(depth)]
        while self.take("|"):
            items.append(self.sequence(depth))
        return items[0] if len(items) == 1 else Choice(tuple(items))

    def sequence(self, depth: int) -> Node:
        """What follows one another."""
        items: list[Node] = []
        while self.rest and self.source[self.at] not in "|)":
            items.append(self.repeated(self.atom(depth)))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def repeated(self, item: Node) -> Node:
        """`item` with the quantifier after it, if there is one."""
        quantifier = QUANTIFIER.match(self.source, self.at)
        if not quantifier:
            return item
        self.at = quantifier.end()
        self.take("?")  # fewest or most, a match is a match
        if QUANTIFIER.match(self.source, self.at):
            raise ValueError("has a quantifier after a quantifier")
        if isinstance(item, Anchor):
            raise ValueError("repeats a place, not a character")
        return Repeat(item, *_times(quantifier))

    def atom(self, depth: int) -> Node:
        """A character, a set, a group or an anchor."""
        if QUANTIFIER.match(self.source, self.at):
            raise ValueError("has a quantifier with nothing before it")
        char = self.next()
        if char == "(":
            return self.group(depth)
        if char == "[":
            return self.set()
        if char in "^$":
            return Anchor(char)
        if char == ".":
            return Chars(NEWLINE, negated=True)
        if char == "\\":
            return self.escape()
        return self.chars(((ord(char), ord(char)),))

    def chars(self, ranges: Ranges, negated: bool = False) -> Chars:
        """One of these, in either case when that is ignored."""
        return Chars(both_cases(ranges) if self.ignore_case else merged(ranges), negated)

    def group(self, depth: int) -> Node:
        """Up to the `)`."""
        if self.take("?") and not self.take(":"):
            raise ValueError("has a group of a kind that not every database knows; (?:...) and (...) are")
        node = self.choice(depth + 1)
        if not self.take(")"):
            raise ValueError("has a ( without its )")
        return node

    def escape(self) -> Node:
        r"""What follows a `\`."""
        if self.take("b"):
            return Anchor("b")
        if self.source[self.at : self.at + 1].lower() in CLASSES:
            name = self.next()
            return Chars(CLASSES[name.lower()], negated=name.isupper())
        code = self.code()
        return self.chars(((code, code),))

    def code(self) -> int:
        r"""The character that a `\` stands before."""
        number = CODE.match(self.source, self.at)
        if number:
            self.at = number.end()
            return _valid(int(number[number.lastindex or 1], 16))
        char = self.next()
        if char in CONTROLS:
            return CONTROLS[char]
        if char.isalnum() or not char.isascii():
            raise ValueError(f"has \\{char}, which not every database knows")
        return ord(char)

    def set(self) -> Chars:
        """Up to the `]`."""
        negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self.take("]"):
            ranges.extend(self.member())
            first = False
        ranges_ = merged(ranges)
        if len(ranges_) > 1 or ranges_[0] != (1, 0x10FFFF):
            return self.chars(ranges_, negated)
        raise ValueError("has a set of all characters, or of none")

    def member(self) -> Ranges:
        """A class, a character or a range of a set."""
        if self.source.startswith(("[:", "[.", "[="), self.at):
            raise ValueError(f"has {self.source[self.at : self.at + 2]} in a set, which not every database knows")
        low = self.end_of_range()
        if not isinstance(low, int):
            return low
        if not self.source.startswith("-", self.at) or self.source.startswith("-]", self.at):
            return ((low, low),)
        self.take("-")
        high = self.end_of_range()
        if not isinstance(high, int) or high < low:
            raise ValueError("has a range whose end is before its start")
        return ((low, high),)

    def end_of_range(self) -> int | Ranges:
        r"""A character of a set, or the characters of a `\d`."""
        char = self.next()
        if char != "\\":
            return ord(char)
        name = self.source[self.at : self.at + 1]
        if name.lower() in CLASSES:
            self.next()
            return CLASSES[name] if name.islower() else opposite(CLASSES[name.lower()])
        return self.code()


def _times(quantifier: re.Match[str]) -> tuple[int, int | None]:
    """From how many to how many times."""
    simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
    if quantifier[0] in simple:
        return simple[quantifier[0]]
    low = int(quantifier[1])
    high = low if not quantifier[2] else int(quantifier[3]) if quantifier[3] else None
    if max(low, high or 0) > MOST_TIMES:
        raise ValueError(f"repeats something more than {MOST_TIMES} times")
    if high is not None and high < low:
        raise ValueError("has a {m,n} with n below m")
    return low, high


def _valid(code: int) -> int:
    if not 0 < code < 0x110000 or 0xD800 <= code < 0xE000:
        raise ValueError("names a character that does not exist")
    return code
