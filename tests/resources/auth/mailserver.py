"""A real SMTP server, in a thread."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from twisted.trial.unittest import SynchronousTestCase

from tests.servers import free_port


class MailServer:
    """Keeps what it is sent. ``refusal``: what it answers instead of taking a mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.refusal = ""
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    @classmethod
    def of(cls, test: SynchronousTestCase) -> MailServer:
        """A server that runs as long as ``test``."""
        server = cls()
        test.addCleanup(server.stop)
        return server

    def stop(self) -> None:
        """Stop listening."""
        if self._controller.loop.is_running():
            self._controller.stop()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """A mail has come."""
        if self.refusal:
            return self.refusal
        self.mails.append(cast(EmailMessage, message_from_bytes(envelope.content, policy=policy.default)))
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"

    def text(self) -> str:
        """The text of the last mail."""
        body = self.mails[-1].get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def link(self) -> str:
        """The link in the last mail."""
        found = re.search(r"https?://\S+", self.text())
        assert found, self.text()
        return found[0]
