"""Browsers of people who sign in elsewhere: real sockets, cookies of each host, redirects one by one."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

import treq
from twisted.web.client import Agent, HTTPConnectionPool

from gramex_twisted.testing import Response


class Surfer:
    """One browser. ``seen`` are the URLs that it has been sent to."""

    def __init__(self, reactor: Any, base: str) -> None:
        self.reactor = reactor
        self.base = base
        self.cookies: dict[str, dict[str, str]] = {}
        self.seen: list[str] = []
        self.token = ""

    async def get(self, url: str, headers: dict[str, str] | None = None) -> Response:
        """The answer to one GET."""
        return await self.send("GET", url, headers)

    async def post(self, url: str, **form: str) -> Response:
        """The answer to a form with the token of the last page."""
        return await self.send("POST", url, None, {"_xsrf": self.token, **form})

    async def send(
        self, method: str, url: str, headers: dict[str, str] | None, form: dict[str, str] | None = None
    ) -> Response:
        """The answer to one request."""
        url = urljoin(self.base, url)
        jar = self.cookies.setdefault(urlsplit(url).netloc, {})
        sent = dict(headers or {})
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        agent = Agent(self.reactor, pool=HTTPConnectionPool(self.reactor, persistent=False))
        client = treq.client.HTTPClient(agent)
        found = await client.request(method, url, headers=sent, data=form, allow_redirects=False)
        body = await found.content()
        for line in found.headers.getRawHeaders("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                jar[name] = morsel.value
        hidden = re.search(rb'name="_xsrf" value="([^"]*)"', body)
        self.token = hidden[1].decode() if hidden else self.token
        raw = found.headers.getAllRawHeaders()
        flat = {name.decode("latin-1").lower(): values[-1].decode("latin-1") for name, values in raw}
        return Response(found.code, found.phrase.decode("latin-1"), flat, body, found.headers)

    async def go(self, url: str, until: str = "", headers: dict[str, str] | None = None) -> Response:
        """Follow redirects from ``url`` to the page at their end, or until one leads to a URL with ``until`` in it:
        it is the last of ``seen``, and not gone to."""
        url = urljoin(self.base, url)
        for _ in range(10):
            response = await self.get(url, headers)
            if not 300 <= response.status < 400:
                return response
            url = urljoin(url, response.headers["location"])
            self.seen.append(url)
            if until and until in url:
                return response
        raise AssertionError(f"redirected in circles: {self.seen}")
