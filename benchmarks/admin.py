"""What the admin costs the requests that it counts."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestants import OURS
from benchmarks.figures import Figure, Goal
from benchmarks.load import load
from benchmarks.turns import in_turn

if TYPE_CHECKING:
    from benchmarks.bench import Bench

WARM_UP = 1.0
CONFIG = """
app: {{listen: {{port: 0}}, admin: {admin}}}
url:
  function: {{pattern: /function, handler: FunctionHandler, kwargs: {{function: str("hello")}}}}
"""
ADMINS = {"without": "false", "with": "{listen: 127.0.0.1:0, token: of-the-benchmark-alone}"}


def admin_folder(parent: Path, name: str) -> Path:
    """A folder whose app has an admin, or has not."""
    folder = parent / f"admin-{name}"
    folder.mkdir()
    (folder / "gramex.yaml").write_text(CONFIG.format(admin=ADMINS[name]))
    return folder


def admin(bench: Bench) -> list[Figure]:
    """The rate of `/function` with an admin over the rate without one, side by side."""
    with ExitStack() as stack:
        urls = {}
        for name in ADMINS:
            folder = admin_folder(bench.folder, name)
            server = stack.enter_context(bench.contestants.server(OURS, folder, "/function"))
            urls[name] = server.url("/function")
            load(urls[name], WARM_UP)

        def ratio(_: str) -> float:
            without = load(urls["without"], bench.seconds).rate
            return load(urls["with"], bench.seconds).rate / without

        samples = in_turn([OURS], bench.rounds, ratio)
    return [Figure("/function with app.admin", "x without", samples, [Goal(0.95)])]
