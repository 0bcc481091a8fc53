"""sd_notify datagrams, as a service manager receives them."""

from __future__ import annotations

import os
import socket
import time

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.daemon.notify import Notifier


class Manager:
    """The receiving end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def messages(self) -> list[list[str]]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return found


class NotifierTests(SynchronousTestCase):
    def notifier(self, **environ: str) -> tuple[Notifier, Manager, Clock]:
        path = os.path.join(self.mktemp())
        os.makedirs(path)
        address = os.path.join(path, "notify")
        manager = Manager(address)
        self.addCleanup(manager.socket.close)
        clock = Clock()
        return Notifier(clock, {"NOTIFY_SOCKET": address, **environ}), manager, clock

    def test_states_are_sent_in_order_with_one_line_of_status(self) -> None:
        notifier, manager, _ = self.notifier()
        notifier.ready("serving\n2 ports")
        notifier.reloading()
        notifier.ready("serving")
        notifier.stopping("finishing 1 request")
        ready, reloading, again, stopping = manager.messages()
        self.assertEqual(ready, ["READY=1", "STATUS=serving 2 ports"])
        self.assertEqual(reloading[0], "RELOADING=1")
        self.assertEqual(again, ["READY=1", "STATUS=serving"])
        self.assertEqual(stopping, ["STOPPING=1", "STATUS=finishing 1 request"])

    def test_reloading_says_when_on_the_monotonic_clock(self) -> None:
        notifier, manager, _ = self.notifier()
        before = time.monotonic_ns() // 1000
        notifier.reloading()
        after = time.monotonic_ns() // 1000
        key, _, value = manager.messages()[0][1].partition("=")
        self.assertEqual(key, "MONOTONIC_USEC")
        self.assertTrue(before <= int(value) <= after, (before, value, after))

    def test_an_at_sign_means_the_abstract_namespace(self) -> None:
        name = f"gramex-test-{os.getpid()}"
        manager = Manager("\0" + name)
        self.addCleanup(manager.socket.close)
        Notifier(Clock(), {"NOTIFY_SOCKET": "@" + name}).ready("ok")
        self.assertEqual(manager.messages(), [["READY=1", "STATUS=ok"]])

    def test_the_watchdog_is_fed_at_half_its_time_until_stopped(self) -> None:
        notifier, manager, clock = self.notifier(WATCHDOG_USEC="3000000")
        notifier.start_watchdog()
        clock.pump([1.5, 1.4, 0.1])
        self.assertEqual(manager.messages(), [["WATCHDOG=1"]] * 3)
        notifier.stop_watchdog()
        clock.advance(10)
        self.assertEqual(manager.messages(), [])

    def test_no_watchdog_without_or_with_another_process_in_mind(self) -> None:
        for environ in ({}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}):
            notifier, manager, clock = self.notifier(**environ)
            notifier.start_watchdog()
            clock.advance(10)
            self.assertEqual(manager.messages(), [], environ)

    def test_outside_systemd_nothing_is_sent_and_nothing_raised(self) -> None:
        notifier = Notifier(Clock(), {"WATCHDOG_USEC": "3000000"})
        notifier.ready("ok")
        notifier.start_watchdog()
        self.assertEqual(notifier.watchdog_interval, 0.0)

    def test_a_manager_that_went_away_does_not_hurt_the_service(self) -> None:
        Notifier(Clock(), {"NOTIFY_SOCKET": self.mktemp()}).ready("ok")
