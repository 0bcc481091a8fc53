"""`python -m benchmarks [name ...]`: measure the servers side by side and print a markdown table.

Every server is started on a free port of the loopback interface and loaded in turn (A B A B) over 16 keep-alive
connections. A case takes about rounds x seconds x servers.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.cases import CASES
from benchmarks.contestants import contestants
from benchmarks.figures import Figure, table
from benchmarks.load import tool


def parser() -> argparse.ArgumentParser:
    """The command line's options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"cases: {' '.join(CASES)}; all when none is given")
    parser.add_argument("--gramex", type=Path, help="the Python of a virtual environment with Gramex 1.94.5")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one turn (default 5)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server (default 3)")
    parser.add_argument("--without", action="append", default=[], metavar="SERVER", help="leave this server out")
    return parser


def arguments() -> argparse.Namespace:
    """The command line. Exits with 2 when it names a case that there is not."""
    parsing = parser()
    options = parsing.parse_args()
    unknown = [name for name in options.names if name not in CASES]
    if unknown:
        parsing.error(f"no case is called {unknown[0]!r}; there are: {' '.join(CASES)}")
    return options


def heading() -> str:
    """When, where and with what: the line above the table."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("twisted", "tornado", "uvloop"))
    python = platform.python_version()
    return f"{datetime.now(UTC):%Y-%m-%d}, Python {python}, {os.cpu_count()} cores, {libraries}, load by {tool()}"


def run(options: argparse.Namespace) -> Iterator[Figure]:
    """Run the cases one after the other, each in a folder of its own."""
    for name in options.names or CASES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as temporary:
            folder = Path(temporary)
            data = folder / "data"
            data.mkdir()
            everyone = contestants(data, options.gramex)
            kept = {name: command for name, command in everyone.commands.items() if name not in options.without}
            everyone = type(everyone)(kept, data)
            yield from CASES[name](Bench(everyone, folder, options.rounds, options.seconds))


def main() -> None:
    """The command line's entry. A case that fails ends the run, below the figures of those before it."""
    options = arguments()
    print(heading(), end="\n\n", flush=True)
    for line in table(run(options)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
