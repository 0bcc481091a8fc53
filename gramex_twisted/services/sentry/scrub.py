"""Scrubbing: a report without passwords, keys, cookies and what else is secret. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from gramex_twisted.config.masking import MASK, SECRET_KEY, is_secret
from gramex_twisted.services.logrows import mask

#: Headers that are reported; others may tell who asks.
HEADERS = ("Host", "User-Agent", "Accept", "Content-Type", "Content-Length", "Referer", "X-Requested-With")
#: Characters of the shortest text of the configuration that is looked for in a report.
SHORTEST = 6

_NAMES = r"password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|authorization|credentials?|cookie|sid"
_ASSIGNED = re.compile(
    rf"""((?<![a-z0-9])['"]?(?:[\w.-]*[_.-])?(?:{_NAMES})['"]?\s*[=:]\s*(?:(?:bearer|basic)\s+)?)"""
    r"""('[^']*'|"[^"]*"|[^\s,;&'")}\]]+)""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(\w[\w+.-]*://[^\s:/@]*:)[^\s@/]+@")
_NEVER = frozenset(
    {"cookie", "cookies", "set-cookie", "authorization", "x-gramex-key", "x-gramex-otp", "x-gramex-user"}
)
_PLAIN = frozenset({"platform", "level", "type", "event_id", "span_id", "trace_id", "parent_span_id", "filename"})


class Scrubber:
    """Takes secrets out of reports: values of keys that are named like one, what looks like one in texts, and the
    ``secrets`` of the configuration wherever they are."""

    def __init__(self, secrets: Collection[str]) -> None:
        long = sorted({text for text in secrets if len(text) >= SHORTEST}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, long))) if long else None

    def __call__(self, value: Any, depth: int = 0) -> Any:
        """``value`` without secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: MASK if is_named(key, item) else self._item(key, item, depth) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self(item, depth + 1) for item in value]
        return value

    def _item(self, key: Any, item: Any, depth: int) -> Any:
        return item if isinstance(item, str) and key in _PLAIN and depth else self(item, depth + 1)

    def text(self, text: str) -> str:
        """A text without secrets."""
        if self._secrets is not None:
            text = self._secrets.sub(MASK, text)
        text = _URL_PASSWORD.sub(rf"\1{MASK}@", text)
        text = _BEARER.sub(rf"\1 {MASK}", text)
        return _ASSIGNED.sub(rf"\1{MASK}", text)


def is_named(key: Any, value: Any) -> bool:
    """Whether what is under ``key`` is a secret by its name."""
    if not isinstance(key, str) or value in (None, "", [], {}):
        return False
    name = key.strip("'\"").lower()
    return name in _NEVER or (SECRET_KEY.fullmatch(name) is not None and name not in ("key", "keys"))


def secrets_of(conf: Any, *, hidden: bool = False) -> set[str]:
    """Texts of a configuration that are secrets, by the names of their keys."""
    if isinstance(conf, Mapping):
        found = (secrets_of(value, hidden=hidden or is_secret(key, value)) for key, value in conf.items())
        return set().union(*found)
    if isinstance(conf, list):
        return set().union(*(secrets_of(value, hidden=hidden) for value in conf))
    return {str(conf)} if hidden and isinstance(conf, str) else set()


def request_facts(method: str, url: str, query: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """What a report says of a request: neither cookies nor body, nor who sent it.

    :param url: without the query.
    :param headers: read by ``get`` alone.
    """
    masked = mask(f"{url}?{query}").partition("?")[2] if query else ""
    known = {name: value for name in HEADERS if (value := headers.get(name))}
    if "Referer" in known:
        known["Referer"] = known["Referer"].partition("?")[0]
    return {"method": method, "url": url, "query_string": masked, "headers": known}
