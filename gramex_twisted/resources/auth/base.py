"""What every way to sign in shares.

A subclass answers ``get(context)`` and ``post(context)``. It calls ``await self.sign_in(context, user)`` with the
attributes of somebody who has proved who they are, then ``self.leave(context)``; or ``await self.refuse(context, ...)``
where they have not. All the rest is here: sessions, delays, the user log, prepare, lookup, rules and actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.logger import Logger

from gramex_twisted.config.model import Model
from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.actions import Actions
from gramex_twisted.resources.auth.attributes import Attributes
from gramex_twisted.resources.auth.delays import Delays
from gramex_twisted.resources.auth.options import AuthOptions, SessionExpiry
from gramex_twisted.resources.auth.pages import Page, render
from gramex_twisted.resources.auth.records import Records
from gramex_twisted.resources.auth.userlog import UserLog
from gramex_twisted.resources.auth.usersessions import UserSessions
from gramex_twisted.resources.auth.usertable import UserTable
from gramex_twisted.resources.base import Resource, Setup
from gramex_twisted.services.sessions import EXPIRES, INACTIVE

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

log = Logger()

DAY = 86400.0
WRONG = "Wrong user name or password."


class AuthHandler(Resource):
    """Signs people in. The base of all auth handlers."""

    options_model: ClassVar[type[Model]] = AuthOptions
    needs_session = True

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options: AuthOptions = self.options
        sessions = self.services.sessions
        self.redirects = setup.redirects(options.redirect)
        self.prepare = (
            None if options.prepare is None else setup.function(options.prepare, ["args", "handler"], "prepare")
        )
        self.template = self.template_file(options.template, "template")
        self.records = Records(sessions)
        self.delays = Delays(self.services.reactor, self.records, options.delay)
        self.user_log = UserLog(self.services)
        self.user_table = UserTable(self.services)
        self.user_sessions = UserSessions(sessions)
        self.actions = Actions(self, options.action)
        self.attributes = Attributes(setup, options.lookup, options.rules)

    def template_file(self, path: str | None, *keys: str) -> Path | None:
        """The template that the kwarg ``keys`` names.

        :raises ConfigError: when there is no such file.
        """
        if path is None:
            return None
        found = Path(self.services.root, path)
        if not found.is_file():
            raise self.setup.error(f"no file {path}", *keys)
        return found

    # Requests ---------------------------------------------------------------------------------------------------------

    async def on_GET(self, context: Context) -> Any:
        """The page to sign in on, or the way to it."""
        await self._prepared(context)
        return await self.get(context)

    async def on_POST(self, context: Context) -> Any:
        """An attempt to sign in."""
        await self._prepared(context)
        if self.options.recaptcha is not None:
            from gramex_twisted.resources.auth.recaptcha import check_recaptcha

            await check_recaptcha(self.options.recaptcha, context)
        return await self.post(context)

    async def get(self, context: Context) -> Any:
        """Answer a GET."""
        raise HTTPError(405)

    async def post(self, context: Context) -> Any:
        """Answer a POST."""
        raise HTTPError(405)

    async def _prepared(self, context: Context) -> None:
        if self.prepare is not None:
            args = await self.run(self.prepare, context, context.args, context)
            if args is not None:
                context.args = args

    # Pages ------------------------------------------------------------------------------------------------------------

    async def page(self, context: Context, page: Page, template: Path | None = None, **names: Any) -> bytes | None:
        """``page`` as the response, drawn by ``template``, else by the route's own, else by ours."""
        return await render(self.services, context, page, template or self.template, **names)

    # Signing in -------------------------------------------------------------------------------------------------------

    async def sign_in(self, context: Context, user: Mapping[str, Any], *, id: str = "id") -> None:
        """Make ``user`` the session's user, under a new session id; returns when all of that is durable.

        :param user: attributes, all of them JSON; none may be a secret.
        :param id: which attribute tells users apart; it is kept as ``id``.
        :raises HTTPError: 503 when the log cannot be written; and what an action raises. Then nobody is signed in.
        """
        found: dict[str, Any] = await self.attributes.of({**user, "id": user[id]})
        found = await self.user_table.signed_in(found)
        key = self.options.user_key
        context.renew_session(self.expiry_days(context))
        session = context.session
        session[key] = found
        if self.options.session_inactive is not None:
            session[INACTIVE] = self.options.session_inactive * DAY
        name = self.session_name(found["id"])
        try:
            # Stored now, so that log-ins at the same moment see each other.
            await context.save_session()
            await self.user_sessions.add(name, session.sid, session[EXPIRES])
            await self.actions.run(context, name)
            await self.user_log.record("login", context, str(found["id"]))
        except BaseException:
            context.session.pop(key, None)
            context.current_user = None
            await context.save_session()
            await self.user_sessions.forget(name, session.sid)
            raise

    def leave(self, context: Context) -> None:
        """Redirect to where the visitor came from, or wanted to go."""
        context.redirect_next()

    async def refuse(self, context: Context, page: Page, name: str, *, known: bool = False) -> bytes | None:
        """Answer an attempt that failed with ``page``, after its delay.

        :param name: who was claimed to be.
        :param known: whether there is such a user. Other names stay out of the log: people type passwords there.
        """
        await self.user_log.record("fail", context, name if known else "")
        await self.delays.failed(name, context.request.remote_ip, context.request.request_time())
        return await self.page(context, page)

    def session_name(self, user: Any) -> str:
        """What the sessions of a user are known by."""
        return f"{self.options.user_key}:{user}"

    def expiry_days(self, context: Context) -> Any:
        """Days that the session lasts: a number, False for a browser session, None for the app's default."""
        expiry = self.options.session_expiry
        if isinstance(expiry, SessionExpiry):
            return expiry.values.get(context.get_arg(expiry.key, ""), expiry.default)
        return expiry
