"""DBAuth: users in a table of any database that SQLAlchemy knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gramex_twisted.resources.auth.accounts import Accounts
from gramex_twisted.resources.auth.base import WRONG, AuthHandler
from gramex_twisted.resources.auth.changing import Changing
from gramex_twisted.resources.auth.dboptions import DBOptions
from gramex_twisted.resources.auth.forgetting import Forgetting
from gramex_twisted.resources.auth.passwordform import PasswordForm
from gramex_twisted.resources.auth.signingup import SigningUp
from gramex_twisted.resources.base import Setup

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context


class DBAuth(AuthHandler):
    """A log-in page for the users of a table. It may let them sign up, change their password, or get a new one."""

    options_model = DBOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options: DBOptions = self.options
        self.accounts = Accounts(self, options)
        self.flows: dict[str, Forgetting | SigningUp | Changing] = {}
        links: list[tuple[str, str]] = []
        forgetting = Forgetting.of(self, options)
        if forgetting is not None:
            self.flows[forgetting.forgot.key] = forgetting
            links.append((f"?{forgetting.forgot.key}", "Forgot your password?"))
        # Where a mailed link proves whose address it is, nobody signs up without.
        if options.signup is not None and (forgetting is not None or options.forgot is None):
            self.flows[options.signup.key] = SigningUp(self, options, options.signup, forgetting)
            links.append((f"?{options.signup.key}", "Create an account"))
        if options.change is not None:
            self.flows[options.change.key] = Changing(self, options, options.change)
        self.form = PasswordForm(options.user.arg, options.password.arg, links=tuple(links))

    def _flow(self, context: Context) -> Forgetting | SigningUp | Changing | None:
        query = context.request.query_arguments
        return next((flow for key, flow in self.flows.items() if key in query), None)

    async def get(self, context: Context) -> Any:
        """The log-in page, or the one that the URL asks for."""
        context.save_redirect_page()
        flow = self._flow(context)
        return await (flow.get(context) if flow else self.page(context, self.form.page()))

    async def post(self, context: Context) -> Any:
        """Sign in and leave, or show the page again."""
        flow = self._flow(context)
        if flow is not None:
            return await flow.post(context)
        name, password = self.form.read(context)
        self.delays.admit(name, context.request.remote_ip)
        row = await self.accounts.find(name)
        if await self.accounts.right(name, password, row, context) and row is not None:
            await self.sign_in(context, self.accounts.attributes(row), id=self.accounts.user)
            await self.accounts.renewed(row, password)
            await self.delays.succeeded(name)
            return self.leave(context)
        return await self.refuse(context, self.form.page(name, WRONG), name, known=row is not None)
