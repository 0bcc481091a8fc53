"""The last lines of the log, kept in memory for those who may see them."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from operator import attrgetter

from gramex_twisted.services.logformat import TextFormatter
from gramex_twisted.services.logrows import console_line, level_of

#: Lines that are kept, characters of them all, and of one.
LINES, SIZE, LONGEST = 500, 256 << 10, 8 << 10


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event: its ``number`` (1, 2 ...), time (seconds since 1970), level (as in logging), logger and text.

    A text may have several lines.
    """

    number: int
    time: float
    level: int
    logger: str
    text: str


class Ring:
    """The last lines: so many at most, of so many characters altogether."""

    def __init__(self, lines: int, size: int) -> None:
        self.size = size
        self.lines: deque[LogLine] = deque(maxlen=lines)
        self._used = 0

    def add(self, line: LogLine) -> None:
        """Keep ``line``, at the expense of the oldest."""
        lines, length = self.lines, len(line.text)
        while lines and (len(lines) == lines.maxlen or self._used + length > self.size):
            self._used -= len(lines.popleft().text)
        lines.append(line)
        self._used += length

    def clear(self) -> None:
        """Forget them."""
        self.lines.clear()
        self._used = 0


class LogTail(logging.Handler):
    """Keeps the last events that are logged; a request is one. Written in the log's thread, read in any.

    Half of the room is for requests, so that however many there are, what else was logged stays to be seen.
    """

    def __init__(self, lines: int = LINES, size: int = SIZE, longest: int = LONGEST) -> None:
        super().__init__()
        self.longest = longest
        self._requests = Ring(lines // 2, size // 2)
        self._others = Ring(lines - lines // 2, size - size // 2)
        self._count = 0
        self._text = TextFormatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep ``record``; one of the access log is many."""
        rows = getattr(record, "rows", None)
        if rows is None:
            self._keep(self._others, record.created, record.levelno, record.name, self._text.text_of(record))
            return
        for row in rows[-(self._requests.lines.maxlen or 0) :]:
            self._keep(self._requests, row[7], level_of(row), record.name, console_line(row))

    def _keep(self, ring: Ring, time: float, level: int, logger: str, text: str) -> None:
        if len(text) > self.longest:
            text = f"{text[: self.longest]} ... ({len(text)} characters)"
        self._count += 1
        ring.add(LogLine(self._count, time, level, logger, text))

    def lines(self, level: int = logging.NOTSET, most: int = LINES) -> list[LogLine]:
        """The last lines of at least this level, the oldest first."""
        self.acquire()
        try:
            found = [line for ring in (self._requests, self._others) for line in ring.lines if line.level >= level]
        finally:
            self.release()
        return sorted(found, key=attrgetter("time", "number"))[-most:]

    def clear(self) -> None:
        """Forget them."""
        self.acquire()
        try:
            self._requests.clear()
            self._others.clear()
        finally:
            self.release()
