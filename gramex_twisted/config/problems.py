"""What is wrong with a configuration, collected so that all of it is told at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from gramex_twisted.config.marks import Mark
from gramex_twisted.errors import ConfigError

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Problems:
    """Errors and warnings in the order in which they were found."""

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []
        self.warnings: list[ConfigError] = []

    def error(self, where: Mark | str, message: str) -> None:
        """Note an error at ``where``."""
        self.errors.append(ConfigError(str(where), one_line(message)))

    def warn(self, where: Mark | str, message: str) -> None:
        """Note something that is probably a mistake, but that a server can run with."""
        self.warnings.append(ConfigError(str(where), one_line(message)))

    def raise_errors(self, title: str) -> None:
        """Raise an ExceptionGroup of every error, if there is one."""
        if self.errors:
            raise ExceptionGroup(title, self.errors)


class GiveUp(Exception):  # noqa: N818 - it never leaves the reader
    """One file or one read cannot go on. The reason is in the Problems already."""


def one_line(text: str) -> str:
    r"""``text`` with line ends and other control characters written as `\n` and so on: it may quote anything."""
    return CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def closest(word: object, known: Iterable[str]) -> str | None:
    """The known word that ``word`` was probably meant to be, or None."""
    if not isinstance(word, str):
        return None
    words = [name for name in known if name != word]
    found = get_close_matches(word, words, n=1, cutoff=0.8)
    if found:
        return found[0]
    letters = sorted(word.lower())
    return next((name for name in words if sorted(name.lower()) == letters), None)


def flatten(group: BaseExceptionGroup[Exception]) -> list[ConfigError]:
    """The ConfigErrors of a group, however nested; anything else is raised as it is."""
    found: list[ConfigError] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found.extend(flatten(error))
        elif isinstance(error, ConfigError):
            found.append(error)
        else:
            raise error
    return found
