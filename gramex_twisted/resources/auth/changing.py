"""``change:`` people who are signed in give themselves another password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gramex_twisted.errors import Redirect
from gramex_twisted.guards.auth import with_query
from gramex_twisted.resources.auth.dboptions import Change, DBOptions
from gramex_twisted.resources.auth.newpassword import NewPassword
from gramex_twisted.resources.auth.pages import Field, Page
from gramex_twisted.services.sessions import EXPIRES

if TYPE_CHECKING:
    from gramex_twisted.resources.auth.db import DBAuth
    from gramex_twisted.web.context import Context

#: The field of the old password.
OLD = "old_password"


class Changing:
    """The page of ``?change``."""

    def __init__(self, handler: DBAuth, options: DBOptions, change: Change) -> None:
        self.handler = handler
        self.user_key = options.user_key
        self.form = NewPassword(options.password.arg, options.password.least)
        self.template = handler.template_file(change.template, "change", "template")

    async def get(self, context: Context) -> Any:
        """The page."""
        return await self.handler.page(context, self._page(self._user(context)), self.template)

    async def post(self, context: Context) -> Any:
        """Set the password; the user's other sessions end."""
        handler, accounts = self.handler, self.handler.accounts
        name, address = self._user(context), context.request.remote_ip
        old, (password, again) = context.get_arg(OLD, ""), self.form.read(context)
        handler.delays.admit(name, address)
        row = await accounts.find(name)
        if not await accounts.right(name, old, row, context) or row is None:
            await handler.user_log.record("fail", context, name)
            await handler.delays.failed(name, address, context.request.request_time())
            return await handler.page(context, self._page(name, old="This is not your password."), self.template)
        wrong = accounts.refused(name, password, again)
        if wrong:
            return await handler.page(context, self._page(name, wrong), self.template)
        await accounts.set_password(row, password)
        await handler.delays.succeeded(name)
        await self._end_others(context, name)
        await handler.user_log.record("change", context, name)
        page = Page("Your password is changed", notice="You stay signed in here, and are signed out everywhere else.",
                    links=(("/", "Home page"),))  # fmt: skip
        return await handler.page(context, page, self.template)

    async def _end_others(self, context: Context, name: str) -> None:
        sessions, known_as = self.handler.user_sessions, self.handler.session_name(name)
        context.renew_session()
        await context.save_session()
        await sessions.end_all(known_as)
        await sessions.add(known_as, context.session.sid, context.session[EXPIRES])

    def _user(self, context: Context) -> str:
        user = context.session.get(self.user_key) if context.has_session_cookie else None
        if not isinstance(user, dict) or not user.get("id"):
            raise Redirect(with_query(context.request.path, "next", context.request.uri))
        return str(user["id"])

    def _page(self, name: str, wrong: str = "", *, old: str = "") -> Page:
        field = Field(OLD, "Current password", "password", "current-password", error=old)
        page = self.form.page("Change your password", name, wrong, before=(field,))
        if not old:
            return page
        return Page(page.title, page.fields, page.button, error="The password was not changed.", status=401)
