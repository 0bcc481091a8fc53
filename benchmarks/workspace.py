"""The folders that the servers serve, made anew for every run outside the checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

APPS = Path(__file__).with_name("apps")
MEGABYTE = 1_000_000
BIG = 200 * MEGABYTE


def app_folder(parent: Path) -> Path:
    """A folder with the benchmark app and its files: 10 KB of text, 200 MB of zeros that take no disk."""
    folder = parent / "app"
    shutil.copytree(APPS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "file10k.txt").write_text("0123456789abcde\n" * 640)
    with (folder / "file200m.bin").open("wb") as file:
        file.truncate(BIG)
    return folder


def routes_folder(parent: Path, count: int) -> Path:
    """A folder whose gramex.yaml has ``count`` routes with literal patterns, `/route/0` and up."""
    folder = parent / f"routes{count}"
    folder.mkdir()
    entry = '  route{0}: {{pattern: /route/{0}, handler: FunctionHandler, kwargs: {{function: str("hello")}}}}\n'
    routes = "".join(entry.format(number) for number in range(count))
    head = (APPS / "gramex.yaml").read_text().replace("url:\n", "url:\n" + routes, 1)
    (folder / "gramex.yaml").write_text(head)
    for name in ("hello.py", "table.template.html"):
        shutil.copy(APPS / name, folder)
    return folder
