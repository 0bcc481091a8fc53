"""Telling systemd how the service is: sd_notify(3) in pure Python.

The messages are datagrams of ``KEY=value`` lines to the socket that ``$NOTIFY_SOCKET`` names. Outside systemd there is
no such variable and a Notifier does nothing.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

log = Logger()


class Notifier:
    """Sends a service's states to its service manager.

    ``environ`` is read once: NOTIFY_SOCKET (a path, or ``@name`` in the abstract namespace), WATCHDOG_USEC
    (microseconds) and WATCHDOG_PID. A message that cannot be sent is logged and otherwise ignored: the service manager
    decides what silence means.
    """

    def __init__(self, reactor: Any, environ: Mapping[str, str] = os.environ) -> None:
        self.address = environ.get("NOTIFY_SOCKET", "")
        self.watchdog_interval = _watchdog_interval(environ) if self.address else 0.0
        self._watchdog = LoopingCall(self.send, "WATCHDOG=1")
        self._watchdog.clock = reactor

    def ready(self, status: str) -> None:
        """The service answers (again); ``status`` is one line for ``systemctl status``."""
        self.send("READY=1", f"STATUS={_one_line(status)}")

    def reloading(self) -> None:
        """A reload began; ``ready`` must follow, whatever becomes of it."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.send("RELOADING=1", f"MONOTONIC_USEC={microseconds}")

    def stopping(self, status: str) -> None:
        """The service winds down."""
        self.send("STOPPING=1", f"STATUS={_one_line(status)}")

    def start_watchdog(self) -> None:
        """Send WATCHDOG=1 at half the time that the manager allows, for as long as the reactor turns."""
        if self.watchdog_interval and not self._watchdog.running:
            self._watchdog.start(self.watchdog_interval)

    def stop_watchdog(self) -> None:
        """End what ``start_watchdog`` began."""
        if self._watchdog.running:
            self._watchdog.stop()

    def send(self, *lines: str) -> None:
        """Send ``lines`` as one datagram; never blocks and never raises."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            log.warn(
                "cannot tell systemd {line} on {address}: {error}", line=lines[0], address=self.address, error=error
            )


def _watchdog_interval(environ: Mapping[str, str]) -> float:
    """Half of WATCHDOG_USEC in seconds; 0.0 when no watchdog is asked of this process."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return max(int(environ["WATCHDOG_USEC"]), 0) / 2 / 1_000_000
    except (KeyError, ValueError):
        return 0.0


def _one_line(text: str) -> str:
    return " ".join(text.split())
