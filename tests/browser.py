"""Chromium for tests, headless, driven over a pipe by the DevTools protocol: nothing listens, no driver is needed."""

from __future__ import annotations

import json
import os
import shutil
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.trial.unittest import SkipTest, TestCase

PROGRAM = "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
#: Seconds that one command, or the loading of one page, may take.
DEADLINE = 30.0


class Browser(ProcessProtocol):
    """One Chromium. The pipe carries JSON, each message with a NUL after it: commands on 3, answers and events on 4."""

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()
        self.output = ""
        self.listeners: dict[str, Callable[[str, dict[str, Any]], None]] = {}
        self._buffer = b""
        self._waiting: dict[int, Deferred[dict[str, Any]]] = {}
        self._number = 0

    @classmethod
    def start(cls, test: TestCase) -> Browser:
        """Start one for ``test``; it ends with it. Skips the test where there is no Chromium, unless CI is set."""
        if not os.path.exists(PROGRAM) and os.environ.get("CI") != "true":
            raise SkipTest(f"{PROGRAM} is not there: apt-get install chromium")
        browser, profile = cls(), Path(test.mktemp()).absolute()
        reactor.spawnProcess(  # type: ignore[attr-defined]
            browser,
            PROGRAM,
            [PROGRAM, *FLAGS, f"--user-data-dir={profile}"],
            dict(os.environ),
            childFDs={0: "w", 1: "r", 2: "r", 3: "w", 4: "r"},
        )
        test.addCleanup(shutil.rmtree, profile, ignore_errors=True)
        test.addCleanup(browser.stop)
        return browser

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        if childFD != 4:
            self.output += data.decode(errors="replace")
            return
        *messages, self._buffer = (self._buffer + data).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answered(self._waiting.pop(message["id"]), message)
            elif (listener := self.listeners.get(message.get("sessionId", ""))) is not None:
                listener(message["method"], message.get("params", {}))

    def _answered(self, waiting: Deferred[dict[str, Any]], message: dict[str, Any]) -> None:
        if "error" in message:
            waiting.errback(AssertionError(message["error"]["message"]))
        else:
            waiting.callback(message["result"])

    def processEnded(self, reason: Any) -> None:
        for waiting in self._waiting.values():
            waiting.errback(AssertionError(f"Chromium ended:\n{self.output}"))
        self._waiting.clear()
        self.ended.callback(None)

    def stop(self) -> Deferred[None]:
        """Kill it; fires when it is gone."""
        if not self.ended.called:
            self.transport.signalProcess("KILL")
        return self.ended

    def call(self, method: str, session: str | None = None, **params: Any) -> Deferred[dict[str, Any]]:
        """Send a command; fires with its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._waiting[self._number] = waiting = Deferred()
        self.transport.writeToChild(3, json.dumps(message).encode() + b"\0")
        return waiting.addTimeout(DEADLINE, reactor, lambda _, seconds: self._late(method))

    def _late(self, method: str) -> None:
        raise AssertionError(f"{method}: no answer within {DEADLINE:g} s\n{self.output}")

    async def page(self, width: int, height: int = 844, *, dark: bool = False, scripts: bool = True) -> Page:
        """An empty page, ``width`` CSS pixels wide."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"])
        await page.prepare(width, height, dark=dark, scripts=scripts)
        return page


class Page:
    """One tab. ``errors``: what its console said of errors since it was opened."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser = browser
        self.session = session
        self.errors: list[str] = []
        self._loaded: Deferred[None] | None = None
        browser.listeners[session] = self._event

    async def prepare(self, width: int, height: int, *, dark: bool, scripts: bool) -> None:
        """Set the size, colours and whether scripts run."""
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def call(self, method: str, **params: Any) -> Deferred[dict[str, Any]]:
        """Send a command to this tab."""
        return self.browser.call(method, self.session, **params)

    def _event(self, method: str, params: dict[str, Any]) -> None:
        if method == "Page.loadEventFired" and self._loaded is not None:
            loaded, self._loaded = self._loaded, None
            loaded.callback(None)
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            entry = params["entry"]
            self.errors.append(f"{entry['text']} {entry.get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.errors.append(" ".join(str(item.get("value")) for item in params["args"]))

    async def open(self, url: str) -> None:
        """Load ``url`` with all its frames and scripts."""
        self.errors.clear()
        self._loaded = loaded = Deferred[None]()
        await self.call("Page.navigate", url=url)
        await loaded.addTimeout(DEADLINE, reactor)

    async def follow(self, expression: str) -> None:
        """Evaluate an expression that leads to another page, such as a click, and wait until that is loaded."""
        self._loaded = loaded = Deferred[None]()
        await self.evaluate(expression)
        await loaded.addTimeout(DEADLINE, reactor)

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise."""
        result = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise AssertionError(result["exceptionDetails"]["exception"]["description"])
        return result["result"].get("value")

    async def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """Write a PNG of the page."""
        picture = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(b64decode(picture["data"]))
