"""The mail services of an app, by their names in ``email:``.

await services.part(Emails)["our-mail"].mail(to="ada@example.org", subject="Hello", body="...")
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from twisted.application.service import Service
from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.config.messages import translate
from gramex_twisted.config.messengers import Email
from gramex_twisted.errors import HTTPError
from gramex_twisted.services.container import Services
from gramex_twisted.services.mail import MailError, Sending, Server
from gramex_twisted.services.message import Mail, compose
from gramex_twisted.services.threads import Threads

log = Logger()
#: Threads that speak to mail servers: slow ones delay no user function.
WORKERS = 8
#: Mails that stubs keep.
MOST_STUBS = 100


class Mailer:
    """One mail service, which user code knows as ``gramex.service.email[name]``."""

    def __init__(self, emails: Emails, name: str, options: Email) -> None:
        self.name = name
        self.options = options
        self.type = options.type
        self.email = options.email
        host = options.address[0]
        self.sender = options.from_ or options.email or f"gramex@{host}"
        self._emails = emails

    def mail(self, **options: Any) -> Any:
        """Send a mail. In a thread it returns when that is done; on the reactor it returns a Deferred to await.

        :param options: ``to``, ``cc``, ``bcc``, ``reply_to``, ``on_behalf_of``, ``from``: a text of addresses separated
            by commas, or a list. ``subject``, ``body``, ``html``. ``attachments``: paths or ``{filename, body,
            content_type}``. ``images``: name -> path, for ``<img src="cid:name">``. Others are headers.
        :raises MailError: when the server is not there, does not answer in time or refuses.
        :raises ValueError: for no recipient, or what is no address.
        :raises OSError: for files that cannot be read.
        """
        if self._emails.threads.in_reactor:
            sent = self._emails.send(self, options)
            sent.addErrback(self._unless_awaited)
            return sent
        return self._emails.threads.call_in_reactor(self._emails.send, self, options)

    def mail_log(self, **options: Any) -> Any:
        """The same, and errors are logged too."""
        try:
            sent = self.mail(**options)
        except Exception:
            log.failure("email.{name}: not sent", name=self.name)
            raise
        if isinstance(sent, Deferred):
            sent.addErrback(self._logged)
        return sent

    def _logged(self, failure: Failure) -> Failure:
        log.failure("email.{name}: not sent", failure, name=self.name)
        return failure

    def _unless_awaited(self, failure: Failure) -> Failure:
        log.warn("email.{name}: not sent: {error}", name=self.name, error=failure.value)
        return failure


class Emails(Service, Mapping[str, Mailer]):
    """All of them. ``stubs``: what services with ``stub`` were to send, the last MOST_STUBS."""

    name = "emails"

    def __init__(self, services: Services) -> None:
        self._services = services
        section = services.conf.get("email")
        self._section: Mapping[str, Any] = section if isinstance(section, Mapping) else {}
        self._mailers: dict[str, Mailer] = {}
        self._others = services.threads
        self.threads: Threads = services.threads.beside(WORKERS)
        self.stubs: deque[dict[str, Any]] = deque(maxlen=MOST_STUBS)

    def __getitem__(self, name: str) -> Mailer:
        if name not in self._mailers:
            if not isinstance(self._section.get(name), Mapping):
                raise KeyError(name)
            self._mailers[name] = Mailer(self, name, Email.model_validate(self._section[name]))
        return self._mailers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._section)

    def __len__(self) -> int:
        return len(self._section)

    def named(self, name: str | None) -> Mailer:
        """The service ``name``; None: the first.

        :raises ValueError: that says what is wrong with it.
        """
        if name is None and self._section:
            name = next(iter(self._section))
        try:
            return self[name or ""]
        except KeyError:
            known = ", ".join(map(str, self._section)) or "none"
            raise ValueError(f"no mail service {name!r} in email:; there is {known}") from None
        except ValidationError as error:
            raise ValueError(f"email.{name}: {translate(error, self._section[name or ''])[0][1]}") from None

    # Sending ----------------------------------------------------------------------------------------------------------

    def send(self, mailer: Mailer, options: Mapping[str, Any]) -> Deferred[None]:
        """Send what ``Mailer.mail`` got; on the reactor."""
        self._services.in_flight.began()
        sent = Deferred.fromCoroutine(self._send(mailer, options))
        return sent.addBoth(self._ended)

    def _ended(self, result: Any) -> Any:
        self._services.in_flight.ended()
        return result

    async def _send(self, mailer: Mailer, options: Mapping[str, Any]) -> None:
        try:
            mail = await self.threads.run(compose, options, mailer.sender, self._services.root)
            if mailer.options.is_stub:
                self._keep(mailer, mail)
            else:
                await self._deliver(mailer, mail)
        except HTTPError as error:  # the pool's: too many wait already, or it has stopped
            raise MailError(error.log_message or error.reason) from None

    async def _deliver(self, mailer: Mailer, mail: Mail) -> None:
        server = Server.of(mailer.options)
        sending = Sending(server, mail)
        done: Deferred[list[str] | MailError] = Deferred(lambda _: sending.abort())
        # The thread ends a little after it was told to, and then nobody asks.
        self.threads.run(sending.run).addBoth(lambda result: None if done.called else done.callback(result))
        done.addTimeout(mailer.options.timeout, self._services.reactor)
        try:
            result = await done
        except TimeoutError:
            why = f"no end within {mailer.options.timeout:g} s"
            raise MailError(f"{server.host}:{server.port}: {why}") from None
        if isinstance(result, MailError):
            raise result
        if result:
            log.warn("email.{name}: not for all: {refused}", name=mailer.name, refused="; ".join(result))
        log.info("email.{name}: sent to {to}", name=mailer.name, to=", ".join(mail.recipients))

    def _keep(self, mailer: Mailer, mail: Mail) -> None:
        host, port = mailer.options.address
        text = mail.content.decode("utf-8").replace("\r\n", "\n")
        kept = {"host": host, "port": port, "from_addr": mail.sender, "to_addrs": list(mail.recipients)}
        self.stubs.append({**kept, "email": mailer.email, "msg": text})
        log.info("email.{name}: a stub, so not sent to {to}", name=mailer.name, to=", ".join(mail.recipients))
        if mailer.options.stub == "log":
            log.info("{mail}", mail=text)

    # Life -------------------------------------------------------------------------------------------------------------

    def startService(self) -> None:
        """See IService."""
        super().startService()
        if self.threads is not self._others:
            self.threads.startService()

    def stopService(self) -> Deferred[None]:
        """Wait for what is being sent, a little."""
        super().stopService()
        return succeed(None) if self.threads is self._others else self.threads.stopService()
