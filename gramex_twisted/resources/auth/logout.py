"""LogoutHandler: signs the visitor out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gramex_twisted.resources.auth.base import AuthHandler

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context


class LogoutHandler(AuthHandler):
    """Ends the log-in of the session, after its actions, and redirects. What else is in the session stays."""

    async def get(self, context: Context) -> Any:
        """Sign out and leave. Nobody signed in: just leave."""
        key = self.options.user_key
        user = context.session.get(key) if context.has_session_cookie else None
        if user:
            name = user.get("id") if isinstance(user, dict) else user
            try:
                await self.actions.run(context, self.session_name(name))
            finally:  # whatever happens, they are out
                await self._end(context, key, name)
            await self.user_log.record("logout", context, str(name))
            await self.user_table.signed_out(name)
        if not context.finished:
            context.redirect(self.redirects.target(context) or "/")

    post = get

    async def _end(self, context: Context, key: str, name: Any) -> None:
        sid = context.session.sid
        context.session.pop(key, None)
        context.renew_session()
        await context.save_session()
        await self.user_sessions.forget(self.session_name(name), sid)
