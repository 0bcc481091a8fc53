"""A test case with an app, a provider that people sign in with, and their browsers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

from gramex_twisted.functions import ModuleSet, alias
from gramex_twisted.testing import Response
from tests.live import LiveCase, reactor
from tests.resources.auth.browser import Surfer
from tests.resources.auth.provider import Provider

FNS = """
def user(handler):
    return handler.current_user

def session(handler):
    return {key: value for key, value in handler.session.items() if key not in ("id", "_t")}

def refused(handler):
    raise ValueError("not you")

async def renew(handler):
    user = handler.current_user
    before = user.access_token
    await handler.resource("login").exchange_refresh_token(user, handler.get_arg("token", None))
    return [before, user.access_token]

async def renew_as_gramex(handler):
    import gramex
    user = handler.current_user
    before = user.access_token
    await gramex.service.url["login"].handler_class.exchange_refresh_token(user)
    return [before, user.access_token]

def renew_in_a_thread(handler):
    user = handler.current_user
    handler.resource("login").exchange_refresh_token(user)
    return user.access_token
"""
COMMON = """
  user: {pattern: /user, handler: FunctionHandler, kwargs: {function: fns.user}}
  session: {pattern: /session, handler: FunctionHandler, kwargs: {function: fns.session}}
  member: {pattern: /member, handler: FunctionHandler, kwargs: {function: '"in"', auth: {login_url: /login}}}
  renew: {pattern: /renew, handler: FunctionHandler, kwargs: {function: fns.renew}}
  gramex: {pattern: /gramex, handler: FunctionHandler, kwargs: {function: fns.renew_as_gramex}}
  thread: {pattern: /thread, handler: FunctionHandler, kwargs: {function: fns.renew_in_a_thread}}
  out: {pattern: /out, handler: LogoutHandler}
"""


class OAuthCase(LiveCase):
    """``config`` may say PROVIDER and CLIENT for the provider's URL and the credentials of the app."""

    files = {"fns.py": FNS}
    credentials: ClassVar[str] = "client_id: the app, client_secret: 's3cret&+ /:'"
    paths: ClassVar[tuple[str, ...]] = ("/login",)

    def setUp(self) -> None:
        self.provider = Provider(reactor)
        self.addCleanup(self.provider.port.stopListening)
        config = self.config.replace("PROVIDER", self.provider.url).replace("CLIENT", self.credentials)
        self.config = config + COMMON  # type: ignore[misc]
        folder = str(Path(self.mktemp()).absolute())
        self.patch(self, "mktemp", lambda: folder)
        sys.path.insert(0, folder)
        alias.install()
        self.addCleanup(alias.remove)
        self.addCleanup(ModuleSet([folder]).forget)
        self.addCleanup(sys.path.remove, folder)
        super().setUp()
        self.url = f"http://127.0.0.1:{self.port.getHost().port}"
        self.provider.redirect_uris = {f"{self.url}{path}" for path in self.paths}

    async def browser(self, user: str = "alice") -> Surfer:
        """A browser of somebody whom the provider knows."""
        surfer = Surfer(reactor, self.url)
        await surfer.get(f"{self.provider.url}/as?user={user}")
        return surfer

    async def callback(self, surfer: Surfer, path: str = "/login") -> str:
        """The URL that the provider sends ``surfer`` back to, where it has not gone yet."""
        await surfer.go(path, until=f"{self.url}{path.partition('?')[0]}?")
        return surfer.seen[-1]

    async def user_of(self, surfer: Surfer) -> str:
        """Who is signed in: JSON, or nothing."""
        return (await surfer.get("/user")).text

    async def assert_refused(self, surfer: Surfer, response: Response, status: int, *texts: str) -> None:
        """The page says why, and nobody is signed in, not even half."""
        self.assertEqual((response.status, response.headers["content-type"]), (status, "text/html; charset=UTF-8"))
        for text in ('role="alert"', 'href="?"', *texts):
            self.assertIn(text, response.text)
        self.assertEqual(await self.user_of(surfer), "")
        session = (await surfer.get("/session")).json()
        self.assertEqual(set(session) - {"_oauth", "_next_url"}, set())
