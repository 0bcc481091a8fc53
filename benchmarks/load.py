"""Loads one URL over keep-alive connections, with wrk where it is installed and else with `benchmarks.client`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

CONNECTIONS = 16
WRK_REPORT, WRK_VARY = (Path(__file__).with_name(name) for name in ("wrk.lua", "vary.lua"))


@dataclass(frozen=True)
class Load:
    """What a load measured. ``p50`` and ``p99`` are latencies in seconds."""

    requests: int
    seconds: float
    bytes: int
    p50: float
    p99: float
    errors: int

    @property
    def rate(self) -> float:
        """Requests answered per second."""
        return self.requests / self.seconds

    @property
    def throughput(self) -> float:
        """Bytes received per second."""
        return self.bytes / self.seconds


def tool() -> str:
    """The program that makes the load: ``"wrk"``, or ``"benchmarks.client"``, which is slower than some servers."""
    return "wrk" if shutil.which("wrk") else "benchmarks.client"


def fetch(url: str) -> bytes:
    """The body of one response; OSError when it has no status 2xx."""
    with urlopen(url, timeout=60) as response:
        body: bytes = response.read()
        return body


def load(url: str, seconds: float, connections: int = CONNECTIONS, cookie: str = "") -> Load:
    """Ask for ``url`` during ``seconds`` over ``connections``; RuntimeError when an answer is not a 2xx or 3xx.

    NNN in the URL is another number in each request, where wrk asks.
    """
    if tool() == "wrk":
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
        command += [
            "--latency",
            "-s",
            str(WRK_VARY if "NNN" in url else WRK_REPORT),
            *(["-H", f"Cookie: {cookie}"] if cookie else ()),
            url,
        ]
    else:
        command = [sys.executable, "-m", "benchmarks.client", url, f"--connections={connections}"]
        command += [f"--seconds={seconds}", f"--cookie={cookie}"]
    output = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=seconds + 120
    ).stdout
    [figures] = [line.removeprefix("JSON ") for line in output.splitlines() if line.startswith("JSON ")]
    result = Load(**json.loads(figures))
    if result.errors:
        raise RuntimeError(f"{url}: {result.errors} of {result.requests} requests failed")
    return result
