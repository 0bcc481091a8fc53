"""What a check of a configuration found, as text or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gramex_twisted.errors import ConfigError

PLACE = re.compile(r"(.*?):(\d+)(?::(\d+))?")

EXIT_OK = 0
EXIT_CONFIG = 64


@dataclass(frozen=True)
class Report:
    """Errors and warnings of one configuration."""

    file: str
    errors: tuple[ConfigError, ...] = ()
    warnings: tuple[ConfigError, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, or 64 when there are errors."""
        return EXIT_CONFIG if self.errors else EXIT_OK

    def text(self) -> str:
        """A line for each finding, errors first, and one for the whole."""
        lines = [str(error) for error in unique(self.errors)]
        lines += [f"warning: {warning}" for warning in unique(self.warnings)]
        counts = [count(len(unique(self.errors)), "error"), count(len(unique(self.warnings)), "warning")]
        summary = ", ".join(filter(None, counts)) or "no errors"
        return "\n".join([*lines, f"{self.file}: {summary}"])

    def json(self) -> str:
        """``{"file", "ok", "errors": [{"file", "line", "column", "message"}], "warnings": [...]}``."""
        result = {
            "file": self.file,
            "ok": not self.errors,
            "errors": [finding(error) for error in unique(self.errors)],
            "warnings": [finding(warning) for warning in unique(self.warnings)],
        }
        return json.dumps(result, indent=2, ensure_ascii=False)


def count(number: int, word: str) -> str:
    """ "1 error", "2 errors", or nothing for 0."""
    return f"{number} {word}{'' if number == 1 else 's'}" if number else ""


def unique(errors: Iterable[ConfigError]) -> list[ConfigError]:
    """``errors`` without repetitions."""
    return list({(error.where, error.message): error for error in errors}.values())


def finding(error: ConfigError) -> dict[str, Any]:
    """An error as plain data; line and column are null where they are not known."""
    place = PLACE.fullmatch(error.where)
    file, line, column = place.groups() if place else (error.where, None, None)
    return {
        "file": file,
        "line": int(line) if line else None,
        "column": int(column) if column else None,
        "message": error.message,
    }
