"""Variables of a gramex.yaml: where they come from, and `$VAR` in text."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gramex_twisted.config.marks import Mark
from gramex_twisted.config.problems import GiveUp, Problems
from gramex_twisted.config.yamltree import MAX_DEPTH, Node, wrap

PACKAGE = Path(__file__).resolve().parent.parent
VARIABLE = re.compile(r"\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})", re.ASCII)
ARGON2 = re.compile(r"\$argon2(?:id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+", re.ASCII)
"""A password's hash, whose dollars are its own."""

BUDGET = 20_000_000
NODE_COST = 50


class Budget:
    """How much variables may still expand to in one read (characters; a value costs NODE_COST), so that variables made
    of variables cannot eat the machine."""

    def __init__(self, problems: Problems, left: int = BUDGET) -> None:
        self.problems = problems
        self.left = left

    def spend(self, amount: int, mark: Mark) -> None:
        """Take ``amount``, or raise GiveUp with an error at ``mark``."""
        self.left -= amount
        if self.left < 0:
            self.problems.error(mark, f"variables expand to more than {BUDGET} characters")
            raise GiveUp

    def spend_value(self, value: Any, mark: Mark, depth: int = 0) -> None:
        """Take what a copy of ``value`` costs; GiveUp when it is too large or too deep."""
        if depth > MAX_DEPTH:
            self.problems.error(mark, f"variables nest more than {MAX_DEPTH} levels deep")
            raise GiveUp
        if isinstance(value, dict | list | tuple):
            self.spend(NODE_COST, mark)
            for child in value.values() if isinstance(value, dict) else value:
                self.spend_value(child, mark, depth + 1)
        elif isinstance(value, str):
            self.spend(len(value), mark)


class Scope:
    """The variables that one file sees."""

    def __init__(self, values: dict[str, Any], problems: Problems, budget: Budget, fixed: frozenset[str]) -> None:
        self.values = values
        self.problems = problems
        self.budget = budget
        self.fixed = fixed
        """Names that `--set variables.NAME=` decides, whatever a file says."""
        self.defined: dict[str, Node] = {}
        """What `variables:` of this file and of what it imports has set."""

    def child(self, path: Path, start: Path, extra: Mapping[str, Any]) -> Scope:
        """The scope of an imported file: all that this one sees, its own YAMLPATH and so on, then ``extra``."""
        values = {**self.values, **file_variables(path, start), **extra}
        if isinstance(values["YAMLURL"], str):
            values["YAMLURL"] = values["YAMLURL"].strip("/") or "."
        return Scope(values, self.problems, self.budget, self.fixed)

    def define(self, name: str, value: Any, mark: Mark) -> None:
        """Set a variable for the rest of this file and for its importers."""
        if name not in self.fixed:
            self.values[name] = value
        self.defined[name] = wrap(self.values[name], mark)

    def adopt(self, child: Scope) -> None:
        """Take over what an imported file has defined, where this file has not defined it itself."""
        for name, node in child.defined.items():
            if name not in self.defined:
                self.values[name] = child.values[name]
                self.defined[name] = node

    def substitute(self, text: str, mark: Mark, at: Mark) -> Node:
        """The Node of ``text`` with its variables replaced. A text that is one variable takes the variable's type."""
        if ARGON2.fullmatch(text):
            return Node(text, mark, at)
        text = text.replace("{.}", "$YAMLPATH")
        whole = VARIABLE.fullmatch(text)
        if whole and not whole[1]:
            value = self.lookup(whole, at)
            self.budget.spend_value(value, at)
            return wrap(value, mark)
        result = VARIABLE.sub(lambda found: "$" if found[1] else as_text(self.lookup(found, at)), text)
        if len(result) > len(text):
            self.budget.spend(len(result) - len(text), at)
        return Node(result, mark, at)

    def lookup(self, found: re.Match[str], at: Mark) -> Any:
        """The value that ``found`` stands for: "" with a warning when it is not set."""
        name = found[2] or found[3]
        if name in self.values:
            return self.values[name]
        line = found.string.count("\n", 0, found.start())
        # Only a block or a plain text has the same line breaks here as in the file; a line too early is still near.
        where = Mark(at.file, at.line + line, at.column if not line else 1) if at.line else at
        text = found[0]
        self.problems.warn(where, f"variable {name} is not set, so {text} is empty; write ${text} for a literal {text}")
        return ""


def as_text(value: Any) -> str:
    """How a variable reads inside a longer text."""
    return "" if value is None else str(value)


def predefined(environ: Mapping[str, str]) -> dict[str, Any]:
    """The environment and the variables that every file has."""
    return {
        **environ,
        "GRAMEXPATH": str(PACKAGE),
        "GRAMEXAPPS": str(PACKAGE / "apps"),
        "GRAMEXHOST": socket.gethostname(),
        "GRAMEXDATA": str(data_folder(environ)),
    }


def data_folder(environ: Mapping[str, str]) -> Path:
    """Where sessions, secrets and logs are kept: $GRAMEXDATA, else a folder in the user's home."""
    if environ.get("GRAMEXDATA"):
        return Path(environ["GRAMEXDATA"]).absolute()
    home = Path(environ.get("HOME") or Path.home())
    return home / "Library/Application Support/Gramex Data" if sys.platform == "darwin" else home / ".config/gramexdata"


def file_variables(path: Path, start: Path) -> dict[str, Any]:
    """YAMLPATH, YAMLURL and YAMLFILE of the file ``path`` (absolute) in an app that starts in ``start``.

    YAMLURL of a file in ``start`` itself is ".", not "": a link to /$YAMLURL/x is then /./x, which is /x, and not //x,
    which is another host.
    """
    try:
        url = os.path.relpath(path.parent, start).replace(os.sep, "/").strip("/")
    except ValueError:  # another drive
        url = path.parent.name
    return {"YAMLPATH": str(path.parent), "YAMLURL": url, "YAMLFILE": path.name}
