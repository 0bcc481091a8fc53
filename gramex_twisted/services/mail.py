"""Mail by the services that ``email:`` names, through SMTP in threads.

    email:
      our-mail: {type: smtp, host: mail.example.org, port: 587, email: app@example.org, password: $SMTP_PASSWORD}

Certificates are checked. A header can hold no line break, so that nobody adds headers or recipients of their own.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Any

#: Hosts by the ``type`` that Gramex 1.x knows; all take STARTTLS on port 587.
HOSTS = {
    "gmail": "smtp.gmail.com",
    "yahoo": "smtp.mail.yahoo.com",
    "live": "smtp.live.com",
    "mandrill": "smtp.mandrillapp.com",
    "office365": "smtp.office365.com",
    "outlook": "smtp-mail.outlook.com",
    "icloud": "smtp.mail.me.com",
    "mail.com": "smtp.mail.com",
}
#: Seconds that the server has for each step.
PATIENCE = 15.0
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class MailError(Exception):
    """The mail could not be sent: refused, or the server is not there."""


@dataclass(frozen=True)
class MailService:
    """One entry of ``email:``. ``security``: starttls, tls (from the first byte) or none."""

    host: str
    port: int
    security: str
    user: str | None
    password: str | None
    sender: str

    def send(self, to: str, subject: str, text: str, html: str | None = None, *, sender: str | None = None) -> None:
        """Send one mail. Blocks: call it in a thread.

        :param sender: the From: address, instead of the service's own.
        :raises MailError: when it was not accepted.
        :raises ValueError: for a line break in an address or the subject.
        """
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender or self.sender, to, subject
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = make_msgid(domain=parseaddr(self.sender)[1].rpartition("@")[2] or "localhost")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
        try:
            with self._connected() as server:
                server.send_message(message, self._envelope(sender), [to])
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(f"{self.host}:{self.port}: {_text(error)}") from error

    def _connected(self) -> smtplib.SMTP:
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=PATIENCE, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=PATIENCE)
        try:
            if self.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.user and self.password:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def _envelope(self, sender: str | None) -> str:
        return parseaddr(self.sender)[1] or parseaddr(sender or "")[1]


def mail_service(email: Mapping[str, Any], name: str) -> MailService:
    """The service ``name`` of the ``email:`` section.

    :raises ValueError: that says what is wrong with it.
    """
    entry = email.get(name)
    if not isinstance(entry, Mapping):
        known = ", ".join(map(str, email)) or "none"
        raise ValueError(f"no mail service {name!r} in email:; there is {known}")
    kind = str(entry.get("type") or "smtp").lower()
    if kind not in HOSTS and kind not in ("smtp", "smtps"):
        raise ValueError(f"email.{name}.type: {kind!r} is unknown; use smtp, smtps, {', '.join(HOSTS)}")
    host = entry.get("host") or HOSTS.get(kind)
    if not host:
        raise ValueError(f"email.{name}: needs host:")
    security = "tls" if kind == "smtps" else "starttls" if entry.get("tls", kind in HOSTS) else "none"
    port = entry.get("port") or {"tls": 465, "starttls": 587, "none": 25}[security]
    user = entry.get("user") or entry.get("email")
    sender = entry.get("from") or entry.get("email") or f"gramex@{host}"
    password = entry.get("password")
    return MailService(str(host), int(port), security, user, None if password is None else str(password), str(sender))


def is_address(text: str) -> bool:
    """Whether ``text`` is one plain mail address."""
    return len(text) <= 254 and ADDRESS.fullmatch(text) is not None and ".." not in text


def _text(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"{error.smtp_code} {reply}"
    return str(error) or type(error).__name__
