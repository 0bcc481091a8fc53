"""app.browser: which page is opened."""

from __future__ import annotations

import os
import sys
import webbrowser
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.daemon.browser import open_browser, page_of


class PageTests(SynchronousTestCase):
    def test_the_first_address_that_a_browser_understands(self) -> None:
        self.assertEqual(page_of(True, ["unix:/x", "http://0.0.0.0:9988", "https://h:1"]), "http://127.0.0.1:9988/")
        self.assertEqual(page_of("/home?x=1", ["https://[::]:1/"]), "https://127.0.0.1:1/home?x=1")
        self.assertEqual(page_of("home", ["http://h:1"]), "http://h:1/home")

    def test_none(self) -> None:
        self.assertIsNone(page_of(False, ["http://h:1"]))
        self.assertIsNone(page_of(True, ["unix:/x"]))

    def test_without_a_display_nothing_is_started(self) -> None:
        opened: list[Any] = []
        self.patch(webbrowser, "open", opened.append)
        self.patch(sys, "platform", "linux")
        self.patch(os, "environ", {})
        open_browser(True, ["http://h:1"])
        self.assertEqual(opened, [])
