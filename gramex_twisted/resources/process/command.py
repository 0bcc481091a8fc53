"""The command line of a route: what gramex.yaml says, with what the request brings in its place."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Any

from gramex_twisted.errors import HTTPError

#: ``{handler.args[x][0]}``, but not the braces of an awk program.
_FIELD = re.compile(r"\{(handler[.\[][^{}]*)\}")
SHELL = "/bin/sh"


class ProgramMissingError(Exception):
    """The program, or the folder to run it in, is not there."""


class Command:
    """The command of one route.

    :param args: a list, the program first; or text, split as a shell would, or for the shell where ``shell``.
    :raises ValueError: for text that cannot be split, and for a list without a program.
    """

    def __init__(self, args: str | Sequence[Any], *, shell: bool) -> None:
        listed = ([args] if shell else shlex.split(args)) if isinstance(args, str) else args
        items = [str(item) for item in listed]
        if not items or not items[0].strip():
            raise ValueError("names no program")
        self.shell = shell
        self.items = items

    def of(self, handler: Any) -> list[str]:
        """The command line of a request. A value of the request is always within one argument.

        :raises HTTPError: 400 for a value that the request lacks, or that no argument can hold.
        """
        if not self.shell:
            return [_filled(item, handler, str) for item in self.items]
        first, *rest = self.items
        script = _filled(first, handler, lambda value: shlex.quote(str(value)))
        return [SHELL, "-c", script, *(_filled(item, handler, str) for item in rest)]


def _filled(text: str, handler: Any, write: Callable[[Any], str]) -> str:
    def value(found: re.Match[str]) -> str:
        try:
            got, _ = Formatter().get_field(found[1], (), {"handler": handler})
        except (LookupError, AttributeError) as error:
            raise HTTPError(400, f"the request has no {found[1].removeprefix('handler.')}") from error
        written = write(got)
        if "\0" in written:
            raise HTTPError(400, f"{found[1].removeprefix('handler.')} holds a NUL character")
        return written

    return _FIELD.sub(value, text)


def located(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> list[str]:
    """``command`` with the path of its program.

    :raises ProgramMissingError: that says what is missing.
    """
    if not folder.is_dir():
        raise ProgramMissingError(f"there is no folder {folder}")
    name = command[0]
    if os.sep in name:
        path = str(folder / name)
        found = path if os.access(path, os.X_OK) and not os.path.isdir(path) else None
    else:
        found = shutil.which(name, path=environment.get("PATH", os.environ.get("PATH", os.defpath)))
        found = found and os.path.abspath(found)
    if found is None:
        raise ProgramMissingError(f"there is no program {name}, or it may not be run")
    return [found, *command[1:]]
