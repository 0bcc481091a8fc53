"""The memory of a running process, as Linux counts it in /proc. All sizes are in bytes."""

from __future__ import annotations

from pathlib import Path


def _status(pid: int, key: str) -> int:
    """The number of bytes that ``/proc/<pid>/status`` gives for ``key``; KeyError when it gives none."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    raise KeyError(key)


def resident(pid: int) -> int:
    """What ``pid`` holds in memory now."""
    return _status(pid, "VmRSS")


def peak(pid: int) -> int:
    """The most that ``pid`` held since it started, or since `reset_peak`."""
    return _status(pid, "VmHWM")


def reset_peak(pid: int) -> None:
    """Make `peak` count from now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
