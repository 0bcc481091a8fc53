"""What the tests of the access log and of logging share: rows, records and a Context of plain values."""

from __future__ import annotations

import logging
import threading
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from gramex_twisted.services.logrows import Row

#: A clean row, which failed.
ROW: Row = (404, "GET", "/x?é=1", "127.0.0.1", 0.0015, "home", "not there", 1_500_000_000.25, None)


def row(uri: bytes | str = b"/hello?x=1", status: int = 200, **changes: Any) -> Row:
    fields: dict[str, Any] = {
        "status": status,
        "method": "GET",
        "uri": uri,
        "ip": "127.0.0.1",
        "duration": 0.00123,
        "route": "home",
        "error": None,
        "time": 1_500_000_000.5,
        "extras": None,
    }
    return tuple((fields | changes).values())  # type: ignore[return-value]


class Records(logging.Handler):
    """Keeps records; emits them while ``may_go`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.may_go = threading.Event()
        self.may_go.set()
        self.entered = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.entered.set()
        self.may_go.wait(30)
        self.records.append(record)

    @property
    def lines(self) -> list[str]:
        return [line for record in self.records for line in record.getMessage().split("\n")]


def listen(test: SynchronousTestCase, name: str) -> Records:
    logger = logging.getLogger(name)
    before = logger.level, logger.propagate
    handler = Records()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False

    def restore() -> None:
        handler.may_go.set()
        logger.removeHandler(handler)
        logger.level, logger.propagate = before
        logger.manager._clear_cache()  # type: ignore[attr-defined]

    test.addCleanup(restore)
    return handler


def context(**changes: Any) -> Any:
    address = IPv4Address("TCP", "192.0.2.7", 50123)
    request = SimpleNamespace(
        uri="/x?password=pw&q=1",
        query="password=pw&q=1",
        remote_ip="198.51.100.1",
        headers={"User-Agent": "=cmd()"},
        cookies=SimpleCookie("sid=abc"),
        request_time=lambda: 0.0025,
    )
    arguments = {"q": ["1"], "password": ["pw"]}
    fields: dict[str, Any] = {
        "native": SimpleNamespace(
            code=404,
            uri=b"/x?password=pw&q=1",
            client=address,
            started=0.0,
            requestHeaders=Headers(),
            getHost=lambda: IPv4Address("TCP", "127.0.0.1", 9988),
        ),
        "_view": None,
        "method": "GET",
        "name": "home",
        "error": None,
        "request": request,
        "args": arguments,
        "get_argument": lambda name, default: arguments.get(name, [default])[-1],
        "known_user": {"id": "ann", "email": "ann@example.org"},
        "_session": {"id": "s1", "cart": 3},
        "route": SimpleNamespace(
            name="home",
            conf={"handler": "pkg.FunctionHandler"},
            services=SimpleNamespace(trusts=lambda peer: peer == "trusted"),
        ),
    }
    return SimpleNamespace(**(fields | changes))


def record(message: str = "hello", level: int = logging.INFO, **attributes: Any) -> logging.LogRecord:
    made = logging.LogRecord("gramex_twisted.app", level, "", 0, message, (), attributes.pop("exc_info", None))
    made.created = 1_500_000_000.25
    vars(made).update(attributes)
    return made
