"""Ask a server what another one is asked too, and keep of each answer what both must have in common."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

PATIENCE = 60.0
"""Seconds that an answer may take."""
HEADERS = ("Location", "Content-Disposition", "Cache-Control", "X-App")
"""Headers that mean something to visitors."""
AJAX = {"X-Requested-With": "XMLHttpRequest"}
TOKEN = re.compile(r"2\|[0-9a-f]{8}\|[0-9a-f]{32}\|[0-9]{10}")


@dataclass(frozen=True)
class Answer:
    """What is compared."""

    status: int
    type: str
    body: Any
    headers: Mapping[str, str]

    def __str__(self) -> str:
        body = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return f"{self.status} {self.type} {dict(self.headers)} {body[:300]!r}"


class Visitor:
    """A browser with its cookies. ``follow``: no; a redirect is an answer."""

    def __init__(self, port: int, cookies: Mapping[str, str] | None = None) -> None:
        self.port = port
        self.cookies = dict(cookies or {})

    def ask(
        self,
        path: str,
        *,
        method: str | None = None,
        form: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to a GET; to a POST where there is a ``form`` or a ``body``."""
        sent = {"Accept-Encoding": "identity", "Accept": "text/html,*/*;q=0.8", **(headers or {})}
        if form is not None:
            body = urlencode(form, doseq=True).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, body, sent)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        self._keep(response.headers.get_all("Set-Cookie") or ())
        return self._answer(response, content)

    def send(self, path: str, name: str, content: str, **fields: str) -> Answer:
        """The answer to a form with a file."""
        parts = [f'form-data; name="{key}"\r\n\r\n{value}' for key, value in fields.items()]
        parts.append(f'form-data; name="file"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n{content}')
        body = "".join(f"--end\r\nContent-Disposition: {part}\r\n" for part in parts) + "--end--\r\n"
        return self.ask(path, body=body.encode(), headers={**AJAX, "Content-Type": "multipart/form-data; boundary=end"})

    def _keep(self, cookies: Any) -> None:
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            if value.strip('"'):
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)

    def _answer(self, response: http.client.HTTPResponse, content: bytes) -> Answer:
        kind = (response.headers.get("Content-Type") or "").partition(";")[0].lower()
        found = {name: self._plain(response.headers[name]) for name in HEADERS if name in response.headers}
        text = self._plain(content.decode("utf-8", "replace"))
        if kind == "application/json":
            try:
                return Answer(response.status, kind, json.loads(text), found)
            except ValueError:
                pass  # it is compared as text
        return Answer(response.status, kind, text, found)

    def _plain(self, text: str) -> str:
        """``text`` without what belongs to the server rather than to the app."""
        text = re.sub(rf"(127\.0\.0\.1|localhost)(:|%3A){self.port}", "HOST", text)
        text = re.sub(r'attachment; ?filename="?([^"]*)"?', r"attachment: \1", text)
        return TOKEN.sub("XSRF", text)


def value(answer: Answer) -> Any:
    """The JSON that ``answer`` has, whatever it calls it; else its text."""
    try:
        return json.loads(answer.body) if isinstance(answer.body, str) else answer.body
    except ValueError:
        return answer.body
