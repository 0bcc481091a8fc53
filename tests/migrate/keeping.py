"""Have a server keep something in every place that Gramex has, and see whether another one knows it.

`python -m tests.migrate.keeping GRAMEX_PYTHON` makes tests/migrate/kept anew: see the README there.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.server import Server
from tests.migrate.asking import AJAX, Answer, Visitor, value

HERE = Path(__file__).parent
APP = HERE / "keeper"
KEPT = HERE / "kept"
ROOT = HERE.parent.parent
PATIENCE = 60.0


@dataclass(frozen=True)
class Known:
    """What visitors know: the cookies of one who is signed in, a one-time password, an API key."""

    cookies: dict[str, str]
    otp: str
    key: str


def server(folder: Path, data: Path, *command: str, **environment: str) -> Server:
    """The app, served with the GRAMEXDATA ``data``; ``folder`` is made for it."""
    shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Server(
        lambda _, port: [*command, f"--listen.port={port}"], folder, "/who", {"GRAMEXDATA": str(data), **environment}
    )


def gramex(python: str, folder: Path, data: Path) -> Server:
    """The app, served by Gramex."""
    return server(folder, data, python, "-m", "gramex")


def ours(folder: Path, data: Path, *options: str) -> Server:
    """The app, served by this project."""
    return server(folder, data, sys.executable, "-m", "gramex_twisted.cli", "run", *options, PYTHONPATH=str(ROOT))


def keep(port: int, data: Path, name: str) -> Known:
    """Have the server keep something of ``name``; returns when all of it is in files."""
    visitor = Visitor(port)
    sign_in(visitor, "ada", "lovelace")
    done(visitor.ask("/count"))
    done(visitor.ask("/count"))
    same(done(visitor.ask("/cached")).body, "cached")
    known = Known(dict(visitor.cookies), done(visitor.ask("/otp")).body, done(visitor.ask("/key")).body)
    done(visitor.ask(f"/note/{name}", method="PUT", body=json.dumps({"by": name}).encode(), headers=AJAX))
    done(visitor.send("/upload", f"{name}.txt", f"uploaded to {name}"))
    done(visitor.send("/drive", f"{name} file.txt", f"driven to {name}", topic="letters"))
    for kind in ("json", "sqlite"):
        done(visitor.ask(f"/store/{kind}"))
    if not (data / "session.db").exists():
        wait(lambda: counted(data / "session.json", known))
    return known


def check(port: int, known: Known, name: str, count: int) -> None:
    """See that the server knows what another one has kept of ``name``, and goes on with it.

    ``count``: how often the visitor has been counted.
    """
    visitor = Visitor(port, known.cookies)
    same(value(visitor.ask("/who")), {"user": "ada", "role": "admin", "city": None, "count": count})
    same(value(visitor.ask("/count")), count + 1)
    fresh = Visitor(port)
    same([done(fresh.ask("/cached")).body for _ in range(2)], ["cached"] * 2)
    same(value(fresh.ask("/who"))["user"], None)
    if known.otp:
        same(value(fresh.ask(f"/who?gramex-otp={known.otp}"))["user"], "ada")
        same(Visitor(port).ask(f"/who?gramex-otp={known.otp}").status, 400)
    for _ in range(2):
        same(value(Visitor(port).ask(f"/who?gramex-key={known.key}"))["user"], "ada")
    same(value(fresh.ask(f"/note/{name}")), {"by": name})
    uploaded = value(fresh.ask("/upload"))[f"{name}.txt"]
    same(
        [uploaded[key] for key in ("file", "filename", "size", "mime", "key")],
        [f"{name}.txt"] * 2 + [len(name) + 12, "text/plain", f"{name}.txt"],
    )
    same(done(fresh.ask(f"/uploaded/{name}.txt")).body, f"uploaded to {name}")
    [row] = value(fresh.ask(f"/drive?file={name} file.txt".replace(" ", "%20")))
    same((row["ext"], row["topic"], row["user_id"]), (".txt", "letters", "ada"))
    same(done(fresh.ask(f"/drive?id={row['id']}&_download=1")).body, f"driven to {name}")


def same(found: object, expected: object) -> None:
    assert found == expected, f"{found!r} is not {expected!r}"


def sign_in(visitor: Visitor, user: str, password: str) -> None:
    answer = visitor.ask("/login", form={"user": user, "password": password}, headers=AJAX)
    assert answer.status == 302, answer


def done(answer: Answer) -> Answer:
    """``answer``, which is as it should be."""
    assert answer.status == 200, answer
    return answer


def counted(path: Path, known: Known) -> bool:
    """Whether the visitor's session is in the file."""
    sid = b64decode(known.cookies["sid"].split("|")[4].partition(":")[2]).decode()
    try:
        session = json.loads(path.read_text()).get(sid, {})
    except (FileNotFoundError, ValueError):  # none yet, or half of one
        return False
    return bool(session.get("count") == 2)


def wait(ready: Callable[[], bool]) -> None:
    """Wait for what a server does by itself: it is asked again and again."""
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.1)


def make(python: str) -> None:
    """Make tests/migrate/kept by Gramex."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        data.mkdir()
        with gramex(python, Path(folder, "app"), data) as running:
            known = keep(running.port, data, "gramex")
        shutil.rmtree(KEPT / "data", ignore_errors=True)
        shutil.copytree(
            data, KEPT / "data", ignore=shutil.ignore_patterns("logs", "license.db", "pipeline.db", "*-shm")
        )
        (KEPT / "known.json").write_text(json.dumps(asdict(known), indent=2) + "\n")


if __name__ == "__main__":
    make(sys.argv[1])
