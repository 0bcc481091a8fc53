"""``forgot:`` a mailed link sets a new password.

The answer is the same, and comes as fast, whether there is such an account or not: finding out and mailing happen after
it. The link holds a token of 256 bits that works once, and only while the password is still the one of when it was
asked for.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.dboptions import DBOptions, Forgot
from gramex_twisted.resources.auth.delays import Delays
from gramex_twisted.resources.auth.letters import Letter, link_base, text_of
from gramex_twisted.resources.auth.newpassword import NewPassword
from gramex_twisted.resources.auth.pages import Field, Page
from gramex_twisted.resources.auth.records import Record, record_key
from gramex_twisted.resources.auth.tables import Row
from gramex_twisted.services.addresses import is_address
from gramex_twisted.services.mail import MailError

if TYPE_CHECKING:
    from gramex_twisted.resources.auth.db import DBAuth
    from gramex_twisted.web.context import Context

log = Logger()

#: Mails that one account gets in so many seconds.
MOST_MAILS, MAILS_PER = 5, 3600.0
SENT = "If there is such an account, a mail with a link is on its way. The link works for {minutes:g} minutes."
EXPIRED = "This link has expired, or was used already. Ask for another one."


class Forgetting:
    """The pages of ``?forgot``."""

    @classmethod
    def of(cls, handler: DBAuth, options: DBOptions) -> Forgetting | None:
        """Those of a DBAuth; None where it has none, or where links have nothing to begin with."""
        if options.forgot is None or not link_base(
            handler.setup, "nobody can get a new password, or sign up", "forgot"
        ):
            return None
        return cls(handler, options, options.forgot)

    def __init__(self, handler: DBAuth, options: DBOptions, forgot: Forgot) -> None:
        setup = handler.setup
        self.handler = handler
        self.user_arg = options.user.arg
        self.forgot = forgot
        self.base = link_base(setup, "forgot", "forgot")
        texts = {
            "subject": forgot.email_subject,
            "body": text_of(setup, forgot.email_text or forgot.email_body, forgot.email_bodyfile, "forgot"),
            "html": text_of(setup, forgot.email_html, forgot.email_htmlfile or forgot.email_htmlbody, "forgot"),
        }
        self.letter = Letter(setup, ("forgot", "email_from"), forgot.email_from, texts, forgot.email_as)
        self.template = handler.template_file(forgot.template, "forgot", "template")
        self.form = NewPassword(options.password.arg, options.password.least)
        self.delays = Delays(handler.services.reactor, handler.records, handler.options.delay, "forgot")
        self.seconds = forgot.minutes_to_expiry * 60

    async def get(self, context: Context) -> Any:
        """The page that asks who, or, with a token, the one that asks for a new password."""
        token = context.get_arg(self.forgot.key, "")
        if not token:
            return await self._show(context, self._ask())
        record = await self.handler.records.get(self._key(token))
        if record is None:
            return await self._show(context, self._ask(EXPIRED))
        return await self._show_form(context, record["user"])

    async def post(self, context: Context) -> Any:
        """Mail a link, or, with a token, set the password."""
        token = context.get_arg(self.forgot.key, "")
        if token:
            return await self._set(context, token)
        name = context.get_arg(self.forgot.arg, "") or context.get_arg(self.user_arg, "")
        if not name:
            return await self._show(context, self._ask("Enter your email address or user name."))
        address = context.request.remote_ip
        self.delays.admit(name, address)
        Deferred.fromCoroutine(self.mail(name, context.request.path)).addErrback(self._failed)
        await self.delays.failed(name, address, context.request.request_time())
        notice = SENT.format(minutes=self.forgot.minutes_to_expiry)
        return await self._show(
            context, Page("Check your mail", notice=notice, links=((context.request.path, "Log in"),))
        )

    # Mail -------------------------------------------------------------------------------------------------------------

    async def mail(self, name: str, path: str) -> None:
        """Mail a link to the account with this name or address, if there is one.

        :raises MailError: when it was not accepted.
        """
        accounts = self.handler.accounts
        row = await accounts.find(name, self.forgot.email_column) if "@" in name else None
        row = row or await accounts.find(name)
        to = str(row.get(self.forgot.email_column) or "") if row else ""
        if row is None or not is_address(to):
            return
        key = record_key("mails", self.handler.name, str(row[accounts.user]))
        if await self.handler.records.change(key, _count, MAILS_PER, extend=False) > MOST_MAILS:
            log.warn(
                "{route}: {most} mails an hour are enough for one account", route=self.handler.name, most=MOST_MAILS
            )
            return
        await self.letter.send(to, {**accounts.attributes(row), **await self._link(row, path)})

    async def _link(self, row: Row, path: str) -> dict[str, Any]:
        accounts = self.handler.accounts
        token = secrets.token_urlsafe(32)
        record = {"user": str(row[accounts.user]), "state": accounts.state(row)}
        await self.handler.records.put(self._key(token), record, self.seconds)
        url = f"{self.base}{quote(path, safe='/%')}?{self.forgot.key}={token}"
        return {"user": row[accounts.user], "reset_url": url, "minutes": f"{self.forgot.minutes_to_expiry:g}"}

    def _failed(self, failure: Any) -> None:
        if failure.check(MailError, HTTPError):
            log.error("{route}: no mail: {error}", route=self.handler.name, error=failure.value)
        else:
            log.failure("{route}: no mail", failure, route=self.handler.name)

    # A new password ---------------------------------------------------------------------------------------------------

    async def _set(self, context: Context, token: str) -> Any:
        handler, accounts = self.handler, self.handler.accounts
        self.delays.admit("", context.request.remote_ip)
        record = await handler.records.get(self._key(token))
        if record is None:
            await self.delays.failed("", context.request.remote_ip, context.request.request_time())
            return await self._show(context, self._ask(EXPIRED))
        password, again = self.form.read(context)
        wrong = accounts.refused(record["user"], password, again)
        if wrong:
            return await self._show_form(context, record["user"], wrong)
        taken = await handler.records.take(self._key(token))
        row = await accounts.find(record["user"]) if taken else None
        if row is None or accounts.state(row) != record["state"]:
            return await self._show(context, self._ask(EXPIRED))
        await accounts.set_password(row, password)
        await handler.user_sessions.end_all(handler.session_name(row[accounts.user]))
        await handler.user_log.record("reset", context, str(row[accounts.user]))
        page = handler.form.page(notice="Your new password is set. Log in with it.", action=context.request.path)
        return await handler.page(context, page)

    # Pages ------------------------------------------------------------------------------------------------------------

    async def _show(self, context: Context, page: Page) -> Any:
        context.set_header("Referrer-Policy", "no-referrer")  # the URL may hold a token
        return await self.handler.page(context, page, self.template)

    async def _show_form(self, context: Context, user: str, wrong: str = "") -> Any:
        return await self._show(context, self.form.page("Set a new password", user, wrong))

    def _ask(self, error: str = "") -> Page:
        field = Field(self.forgot.arg, "Email address or user name", autocomplete="username")
        return Page(
            title="Forgot your password?",
            intro="We mail you a link that lets you set a new one.",
            fields=(field,),
            button="Send the link",
            error=error,
            status=400 if error else 200,
            action=f"?{self.forgot.key}",
            links=(("?", "Back to log in"),),
        )

    def _key(self, token: str) -> str:
        return record_key("reset", self.handler.name, token)


def _count(record: Record) -> int:
    record["n"] = count = int(record.get("n", 0)) + 1
    return count
