"""`gramex.services`: `info` is `gramex.service`."""

from __future__ import annotations

from typing import Any

from gramex_twisted.compat.missing import refuse
from gramex_twisted.compat.proxy import Proxy
from gramex_twisted.compat.state import service_now

__all__ = ["info"]
__path__: list[str] = []
__getattr__ = refuse("gramex.services")

info: Any = Proxy(service_now)
