"""A visitor with cookies, for tests of signing in."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from http.cookies import SimpleCookie
from typing import Any, ClassVar

from treq.client import HTTPClient

from gramex_twisted.testing import AppTestCase, Response


class Visitor:
    """A browser: keeps cookies, and sends the XSRF token of the last form back."""

    def __init__(self, case: AppTestCase, **headers: str) -> None:
        self.case = case
        self.headers = headers
        self.cookies: dict[str, str] = {}
        self.token = ""

    @property
    def sent(self) -> dict[str, list[str]]:
        """The headers of its requests."""
        self.case.app.client = HTTPClient(self.case.app.agent)  # which keeps cookies too: not those of others
        headers = {name.replace("_", "-"): [value] for name, value in self.headers.items()}
        if self.cookies:
            headers["Cookie"] = ["; ".join(f"{name}={value}" for name, value in self.cookies.items())]
        return headers

    def keep(self, response: Response) -> Response:
        """Take the cookies and the token of a response."""
        for line in response.all("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                gone = not morsel.value or "1970" in morsel["expires"]
                if gone:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        found = re.search(r'name="_xsrf" value="([^"]*)"', response.body.decode("utf-8", "replace"))
        self.token = found[1] if found else self.token
        return response

    def get(self, url: str, **options: Any) -> Response:
        """GET ``url``."""
        headers = {**self.sent, **options.pop("headers", {})}
        return self.keep(self.case.get(url, headers=headers, **options))

    def start(self, url: str, headers: dict[str, list[str]] | None = None, **form: Any) -> Any:
        """Begin to POST a form; a Deferred."""
        data = {"_xsrf": self.token, **form}
        deferred = self.case.app.start("POST", url, xsrf=False, data=data, headers={**self.sent, **(headers or {})})
        self.case.app.pump()
        return deferred

    def post(self, url: str, wait: float = 0, headers: dict[str, list[str]] | None = None, **form: Any) -> Response:
        """POST a form; ``wait`` seconds pass before the answer comes."""
        deferred = self.start(url, headers, **form)
        if wait:
            self.case.assertNoResult(deferred)
            self.case.clock.advance(wait)
            self.case.app.pump()
        return self.keep(self.case.successResultOf(deferred))


class SignInTestCase(AppTestCase):
    """A test case with a visitor, ``self.visitor``, who has the log-in page open."""

    first: ClassVar[str] = "/login"

    def setUp(self) -> None:
        super().setUp()
        self.visitor = Visitor(self)
        if self.first:
            self.visitor.get(self.first)

    def log_rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """The user log."""
        path = self.folder / "data" / "auth.user.db"
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(f"SELECT {', '.join(columns)} FROM userlog").fetchall()
