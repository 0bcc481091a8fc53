"""EMailAuth: a code by mail signs in who reads it."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pydantic import Field
from twisted.logger import Logger

from gramex_twisted.config.model import Count
from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.base import AuthHandler
from gramex_twisted.resources.auth.emailpages import SUBJECT, TEXT, CodeForm
from gramex_twisted.resources.auth.hashes import same
from gramex_twisted.resources.auth.letters import Letter, link_base, text_of
from gramex_twisted.resources.auth.options import AuthOptions, PasswordArg, UserArg
from gramex_twisted.resources.auth.records import Record, record_key
from gramex_twisted.resources.base import Setup
from gramex_twisted.services.addresses import is_address
from gramex_twisted.services.mail import MailError
from gramex_twisted.web.nextpage import NEXT

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

log = Logger()

#: Guesses at one code.
MOST_GUESSES = 5
#: Codes that are mailed to one address, and that one client may ask for, in so many seconds.
MOST_MAILS, MOST_ASKED, MAILS_PER = 5, 100, 3600.0


class EMailOptions(AuthOptions):
    """A code by mail, instead of a password."""

    service: str = Field(description="The service in `email:` that sends the mails.")
    subject: str = Field(default=SUBJECT, description="The mail's subject. It and the texts know user, password, link.")
    body: str = Field(default=TEXT, description="The mail's text; `{password}` is the code, `{link}` enters it.")
    bodyfile: str | None = Field(default=None, description="A file with the mail's text.")
    html: str | None = Field(default=None, description="The mail's text in HTML.")
    htmlfile: str | None = Field(default=None, description="A file with the mail's text in HTML.")
    minutes_to_expiry: float = Field(default=15, gt=0, le=1440, description="Minutes that a code works.")
    size: Count = Field(default=6, ge=6, le=40, description="Digits of the code.")
    instantlogin: bool = Field(
        default=False,
        description="The mailed link signs in at once, instead of showing a button. Mail programs that look at links "
        "would use them up.",
    )
    user: UserArg = Field(default=UserArg(), description="`{arg: user}`: the form's field of the address.")
    password: PasswordArg = Field(default=PasswordArg(), description="`{arg: password}`: the form's field of the code.")


class EMailAuth(AuthHandler):
    """Asks for a mail address, mails a code there, and signs in who enters it.

    A code works once, for ``MOST_GUESSES`` guesses; the next code ends the one before.
    """

    options_model = EMailOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options: EMailOptions = self.options
        texts = {
            "subject": options.subject,
            "body": text_of(setup, options.body, options.bodyfile, "bodyfile"),
            "html": text_of(setup, options.html, options.htmlfile, "htmlfile"),
        }
        self.letter = Letter(setup, ("service",), options.service, texts)
        self.base = ""
        if self.letter.names("link"):
            self.base = link_base(setup, "mails have no link, only the code", "body")
            if not self.base:
                self.letter.leave_out("link", "password")
        self.form = CodeForm(options.user.arg, options.password.arg, options.size)
        self.seconds = options.minutes_to_expiry * 60

    async def get(self, context: Context) -> Any:
        """The page that asks for an address; with an address and a code, as in the mailed link, the one for codes."""
        context.save_redirect_page()
        user, code = self._sent(context)
        if user and code:
            if self.options.instantlogin:
                return await self._enter(context, user, code)
            return await self._show(context, user, self.form.code(user, code=code), otp=code)
        return await self._show(context, user, self.form.address(user))

    async def post(self, context: Context) -> Any:
        """Mail a code, or sign in with one."""
        user, code = self._sent(context)
        if not is_address(user):
            return await self._show(context, user, self.form.address(user, "Enter your email address."), "not-sent")
        self.delays.admit(user, context.request.remote_ip)
        return await (self._enter(context, user, code) if code else self._mail(context, user))

    def _sent(self, context: Context) -> tuple[str, str]:
        # One address, however it is written: the mail goes to what the user is known by.
        user = context.get_arg(self.form.user, "").lower()
        return user, "".join(context.get_arg(self.form.password, "").split())

    async def _mail(self, context: Context, user: str) -> Any:
        for kind, name, most in (("to", user, MOST_MAILS), ("from", context.request.remote_ip, MOST_ASKED)):
            asked = record_key("mails", self.name, kind, name)
            if await self.records.change(asked, _count, MAILS_PER, extend=False) > most:
                message = "too many codes were asked for: use the last one, or try again in an hour"
                raise HTTPError(429, message, headers={"Retry-After": str(int(MAILS_PER))})
        code = "".join(secrets.choice("0123456789") for _ in range(self.options.size))
        await self.records.put(self._key(user), {"code": _digest(code), "tries": 0}, self.seconds)
        query = urlencode({self.form.user: user, self.form.password: code})
        values = {"user": user, "password": code, "link": f"{self.base}{context.request.path}?{query}"}
        try:
            await self.letter.send(user, {**values, "minutes": f"{self.options.minutes_to_expiry:g}"})
        except MailError as error:
            log.error("{route}: no mail: {error}", route=self.name, error=error)
            message = "The mail could not be sent. Check the address, or try again later."
            return await self._show(context, user, self.form.address(user, message, 503), "not-sent")
        return await self._show(context, user, self.form.code(user, notice=f"We have mailed a code to {user}."))

    async def _enter(self, context: Context, user: str, code: str) -> Any:
        kept = await self.records.change(self._key(user), _guess, self.seconds, extend=False)
        if not same(_digest(code), kept or ""):
            await self.user_log.record("fail", context, user if kept else "")
            await self.delays.failed(user, context.request.remote_ip, context.request.request_time())
            wrong = "This code is wrong, or too old. Enter it again, or ask for another one."
            return await self._show(context, user, self.form.code(user, error=wrong), "wrong-pw", code)
        # Of two who enter it at once, one takes it.
        if await self.records.take(self._key(user)) is None:
            raise HTTPError(409, "this code was used already: ask for another one")
        await self.sign_in(context, {"id": user, "email": user, "hd": user.rpartition("@")[2]})
        await self.delays.succeeded(user)
        return self.leave(context)

    async def _show(self, context: Context, user: str, page: Any, code: str | None = None, otp: str = "") -> Any:
        context.set_header("Referrer-Policy", "no-referrer")  # the URL may hold a code
        names: dict[str, Any] = {"email": user, "otp": otp, "msg": page.error or None}
        begun = context._session is not None or context.has_session_cookie
        kept = context.session.get(NEXT) if begun else None
        names["redirect"] = {"name": "next", "value": kept or "/"}
        if self.template is not None and code is not None:
            names["error"] = code
        return await self.page(context, page, **names)

    def _key(self, user: str) -> str:
        return record_key("code", self.name, user)


def _guess(record: Record) -> str | None:
    """Count a guess; the code's digest while there are guesses left. The record of a code that is none stays empty."""
    if not record:
        return None
    record["tries"] = tries = int(record["tries"]) + 1
    return str(record["code"]) if tries <= MOST_GUESSES else None


def _digest(code: str) -> str:
    return sha256(code.encode("utf-8", "replace")).hexdigest()


def _count(record: Record) -> int:
    record["n"] = count = int(record.get("n", 0)) + 1
    return count
