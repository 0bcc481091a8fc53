"""Forks a process for each line of its input, which writes to the JSON document ``argv[1]`` until it is killed.

The child says "pid N", and "done N" for each number that is stored.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from gramex_twisted.services.documents import FileDocument


def say(line: str) -> None:
    """Print a line, whole or not at all, whoever is killed meanwhile."""
    os.write(1, f"{line}\n".encode())


def write(path: Path) -> None:
    """Add numbers for ever."""
    document = FileDocument(None, path, threaded=False)

    def add(tree: Any) -> tuple[Any, int]:
        numbers = (tree or {}).get("numbers", [])
        number = numbers[-1] + 1 if numbers else 0
        return {"numbers": [*numbers[-500:], number], "padding": "x" * 20_000}, number

    while True:
        step = document.update(add)
        try:
            step.send(None)
        except StopIteration as stopped:
            say(f"done {stopped.value}")


for _ in sys.stdin:
    pid = os.fork()
    if not pid:
        write(Path(sys.argv[1]))
    say(f"pid {pid}")
    os.waitpid(pid, 0)
    say("ended")
