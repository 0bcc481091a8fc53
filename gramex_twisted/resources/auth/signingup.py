"""``signup:`` people make accounts of their own."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.dboptions import DBOptions, SignUp
from gramex_twisted.resources.auth.delays import Delays
from gramex_twisted.resources.auth.newpassword import NewPassword
from gramex_twisted.resources.auth.pages import Field, Page
from gramex_twisted.resources.auth.records import Record, record_key
from gramex_twisted.resources.auth.tables import TakenError
from gramex_twisted.services.addresses import is_address

if TYPE_CHECKING:
    from gramex_twisted.resources.auth.db import DBAuth
    from gramex_twisted.resources.auth.forgetting import Forgetting
    from gramex_twisted.web.context import Context

log = Logger()

#: Characters of the longest value, and seconds that a name is held while its account is made.
LONGEST, HOLD = 200, 30.0
TAKEN = "This name is taken. Choose another one."
KNOWN = "There is an account with this address. Log in, or ask for a new password."

Values = dict[str, str]


class SigningUp:
    """The page of ``?signup``.

    :param forgetting: mails the link that sets the password. Without it, the form asks for one.
    """

    def __init__(self, handler: DBAuth, options: DBOptions, signup: SignUp, forgetting: Forgetting | None) -> None:
        self.handler = handler
        self.signup = signup
        self.forgetting = forgetting
        self.user = options.user.arg
        self.columns = dict(signup.columns)
        self.email: str | None = None
        if forgetting is not None:
            self.email = next((a for a, c in signup.columns.items() if c == forgetting.forgot.email_column), "email")
            self.columns[self.email] = forgetting.forgot.email_column
        own = {options.user.column, options.password.column} & set(signup.columns.values())
        if own:
            raise handler.setup.error(f"{own.pop()} has a field of its own", "signup", "columns")
        spec = signup.validate_
        variables = ["handler", "args"]
        self.validate = None if spec is None else handler.setup.function(spec, variables, "signup", "validate")
        self.form = NewPassword(options.password.arg, options.password.least)
        self.template = handler.template_file(signup.template, "signup", "template")
        self.delays = Delays(handler.services.reactor, handler.records, handler.options.delay, "signup")

    async def get(self, context: Context) -> Any:
        """The page."""
        return await self._show(context, {}, {})

    async def post(self, context: Context) -> Any:
        """Make the account, and sign in or mail the link; or show the page again."""
        address = context.request.remote_ip
        self.delays.admit(address, address)
        values = {name: context.get_arg(name, "") for name in (self.user, *self.columns)}
        password, again = self.form.read(context)
        wrong = await self._wrong(context, values, password, again)
        if wrong:
            return await self._show(context, values, wrong)
        if self.forgetting is not None:
            password = secrets.token_urlsafe(32)  # nobody's: the link sets one
        if not await self._make(values, password):
            wrong = {self.user: TAKEN}
        # Every try counts, so that nobody fills the table, or reads it, by machine.
        await self.delays.failed(address, address, context.request.request_time())
        if wrong:
            return await self._show(context, values, wrong)
        return await self._welcome(context, values[self.user])

    async def _wrong(self, context: Context, values: Values, password: str, again: str) -> Values:
        """What is wrong, by field."""
        wrong: Values = {}
        for name, value in values.items():
            if len(value) > LONGEST or not value.isprintable():
                wrong[name] = f"Use at most {LONGEST} characters, all of them visible."
        if not values[self.user]:
            wrong[self.user] = "Enter a user name."
        if self.email is not None and not is_address(values[self.email]):
            wrong[self.email] = "Enter your email address."
        refused = self.handler.accounts.refused(values[self.user], password, again)
        if self.forgetting is None and refused:
            wrong[self.form.arg] = refused
        return wrong or await self._invalid(context)

    async def _invalid(self, context: Context) -> Values:
        if self.validate is None:
            return {}
        reason = "These details are not accepted."
        try:
            if await self.handler.run(self.validate, context, context, context.args):
                return {}
        except HTTPError as error:
            reason = error.log_message or error.reason
        except ValueError as error:
            reason = str(error) or reason
        except Exception:  # noqa: BLE001 - an error of the app's function refuses, as upstream has it
            log.failure("{route}: signup.validate failed", route=self.handler.name)
        return {"": reason}

    async def _make(self, values: Values, password: str) -> bool:
        """Make the account; False when there is one. Two who want one name at once do not both get it."""
        accounts, records = self.handler.accounts, self.handler.records
        key = record_key("signup", self.handler.name, values[self.user].casefold())
        if await records.change(key, _count, HOLD) > 1:
            return False
        try:
            if await accounts.find(values[self.user], fold=True):
                return False
            if self.email and await accounts.find(values[self.email], self.columns[self.email], fold=True):
                return False
            row = {column: values[name] for name, column in self.columns.items() if values[name]}
            await accounts.create({**row, accounts.user: values[self.user]}, password)
        except TakenError:
            return False
        finally:
            await records.drop(key)
        return True

    async def _welcome(self, context: Context, name: str) -> Any:
        handler = self.handler
        if self.forgetting is None:
            row = await handler.accounts.find(name)
            if row is None:
                raise HTTPError(500, "the account is not there")
            await handler.user_log.record("signup", context, name)
            await handler.sign_in(context, handler.accounts.attributes(row), id=handler.accounts.user)
            return handler.leave(context)
        await handler.user_log.record("signup", context, name)
        sending = Deferred.fromCoroutine(self.forgetting.mail(name, context.request.path))
        sending.addErrback(self.forgetting._failed)
        notice = "Your account is made. A mail with a link is on its way: open it to set your password."
        return await handler.page(context, Page("Check your mail", notice=notice), self.template)

    async def _show(self, context: Context, values: Values, wrong: Values) -> Any:
        labels = {self.user: "User name", self.email: "Email address"}
        fields = [
            Field(
                name,
                labels.get(name) or name.replace("_", " ").capitalize(),
                type="email" if name == self.email else "text",
                autocomplete={self.user: "username", self.email: "email"}.get(name, "off"),
                value=values.get(name, ""),
                error=wrong.get(name, ""),
                required=name in labels,
            )
            for name in (self.user, *self.columns)
        ]
        if self.forgetting is None:
            fields += self.form.fields(wrong.get(self.form.arg, ""))
        error = "The account was not made." if wrong else ""
        page = Page(
            title="Create an account",
            fields=tuple(fields),
            button="Create the account",
            error=wrong.get("", error),
            status=400 if wrong else 200,
            links=(("?", "Log in instead"),),
        )
        return await self.handler.page(context, page, self.template)


def _count(record: Record) -> int:
    record["n"] = count = int(record.get("n", 0)) + 1
    return count
