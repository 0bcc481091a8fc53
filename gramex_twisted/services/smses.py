"""Short messages by the services that ``sms:`` names: Twilio, Exotel and Amazon SNS, by their HTTP APIs.

await services.part(Smses)["our-sms"].send(to="+919741552552", subject="The text")
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, TimeoutError
from twisted.logger import Logger
from twisted.web.client import Agent, HTTPConnectionPool, ResponseFailed
from twisted.web.http_headers import Headers

from gramex_twisted.config.messengers import Sms
from gramex_twisted.services.container import Services
from gramex_twisted.services.fetching import too_late
from gramex_twisted.services.sigv4 import Credentials, sign

log = Logger()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
#: Bytes of an answer that are read.
MOST_BYTES = 1 << 20


class SmsError(RuntimeError):
    """The service has not taken the message, or cannot be reached."""


class SmsService:
    """One service, which user code knows as ``gramex.service.sms[name]``."""

    def __init__(self, services: Services, name: str, options: Sms) -> None:
        self.name = name
        self.options = options
        self._services = services

    def send(self, to: str, subject: str, sender: str | None = None) -> Any:
        """Send the text ``subject`` to the number ``to``. In a thread it returns what the service answers, a dict; on
        the reactor it returns a Deferred of that.

        :raises SmsError: when the service does not take it, or does not answer in time.
        """
        if self.options.missing:
            raise SmsError(f"sms.{self.name}: {self.options.type} needs {', '.join(self.options.missing)}")
        return self._from_anywhere(self._send, str(to), str(subject), sender or self.options.sender)

    def status(self, result: Mapping[str, Any]) -> Any:
        """What has become of a message: ``result`` is what ``send`` came to. Returns as that does.

        :raises SmsError: when it cannot be found out.
        """
        return self._from_anywhere(self._status, result)

    def _from_anywhere(self, method: Any, *args: Any) -> Any:
        threads = self._services.threads
        if threads.in_reactor:
            return Deferred.fromCoroutine(method(*args))
        return threads.call_in_reactor(method, *args)

    async def _send(self, to: str, text: str, sender: str | None) -> dict[str, Any]:
        raise NotImplementedError

    async def _status(self, result: Mapping[str, Any]) -> dict[str, Any]:
        raise SmsError(f"sms.{self.name}: {self.options.type} does not tell what becomes of messages")

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"", auth: tuple[str, str] | None = None
    ) -> bytes:
        """The body of the answer.

        :raises SmsError: when there is none in time, or it is no success.
        """
        reactor = self._services.reactor
        agent = Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False), connectTimeout=self.options.timeout)
        sent = Headers({name: [value] for name, value in headers.items()})
        client = HTTPClient(agent)
        asking = Deferred.fromCoroutine(_answer(client, method, url, headers=sent, data=body or None, auth=auth))
        self._services.in_flight.began()
        try:
            code, content = await asking.addTimeout(self.options.timeout, reactor, too_late)
        except TimeoutError:
            raise SmsError(f"sms.{self.name}: no answer within {self.options.timeout:g} s") from None
        except ResponseFailed as error:
            raise SmsError(f"sms.{self.name}: {error.reasons[0].getErrorMessage()}") from None
        except OSError as error:
            raise SmsError(f"sms.{self.name}: {error}") from None
        except Exception as error:
            raise SmsError(f"sms.{self.name}: {type(error).__name__}: {error}") from error
        finally:
            self._services.in_flight.ended()
        if not 200 <= code < 300:
            raise SmsError(f"sms.{self.name}: {code} {content[:500].decode('utf-8', 'replace')}")
        return content

    def parsed(self, content: bytes) -> dict[str, Any]:
        """An answer in JSON."""
        try:
            found = orjson.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise SmsError(f"sms.{self.name}: answers no JSON: {content[:100]!r}")
        return found


async def _answer(client: HTTPClient, method: str, url: str, **options: Any) -> tuple[int, bytes]:
    response = await client.request(method, url, allow_redirects=False, unbuffered=True, **options)
    parts: list[bytes] = []
    await response.collect(lambda part: parts.append(part) if sum(map(len, parts)) < MOST_BYTES else None)
    return response.code, b"".join(parts)


class Twilio(SmsService):
    """Source: Twilio's Messaging API, version 2010-04-01."""

    async def _send(self, to: str, text: str, sender: str | None) -> dict[str, Any]:
        if not sender:
            raise SmsError(f"sms.{self.name}: twilio needs a sender")
        fields = {"To": to, "From": sender, "Body": text}
        path = f"/2010-04-01/Accounts/{quote(self.options.account_sid or '', safe='')}/Messages.json"
        return self.parsed(await self._call("POST", path, urlencode(fields).encode()))

    async def _status(self, result: Mapping[str, Any]) -> dict[str, Any]:
        return self.parsed(await self._call("GET", str(result["uri"])))

    async def _call(self, method: str, path: str, body: bytes = b"") -> bytes:
        base = (self.options.url or "https://api.twilio.com").rstrip("/")
        auth = (self.options.account_sid or "", self.options.auth_token or "")
        return await self.ask(method, base + path, FORM if body else {}, body, auth)


class Exotel(SmsService):
    """Source: Exotel's SMS API, version 1."""

    async def _send(self, to: str, text: str, sender: str | None) -> dict[str, Any]:
        options = self.options
        fields = {"From": sender or options.sid or "", "To": to, "Body": text, "Priority": options.priority}
        path = f"/v1/Accounts/{quote(options.sid or '', safe='')}/sms/send.json"
        return self._message(await self._call("POST", path, urlencode(fields).encode()))

    async def _status(self, result: Mapping[str, Any]) -> dict[str, Any]:
        return self._message(await self._call("GET", str(result["Uri"])))

    async def _call(self, method: str, path: str, body: bytes = b"") -> bytes:
        base = (self.options.url or f"https://{self.options.domain}").rstrip("/")
        auth = (self.options.key or self.options.sid or "", self.options.token or "")
        return await self.ask(method, base + path, FORM if body else {}, body, auth)

    def _message(self, content: bytes) -> dict[str, Any]:
        found = self.parsed(content).get("SMSMessage")
        if not isinstance(found, dict):
            raise SmsError(f"sms.{self.name}: answers {content[:500].decode('utf-8', 'replace')}")
        return found


class AmazonSNS(SmsService):
    """Source: Amazon SNS API reference, Publish, version 2010-03-31."""

    async def _send(self, to: str, text: str, sender: str | None) -> dict[str, Any]:
        options = self.options
        fields = {"Action": "Publish", "Version": "2010-03-31", "PhoneNumber": to, "Message": text}
        attributes: dict[str, str] = {"AWS.SNS.SMS.SMSType": options.smstype}
        if sender:
            attributes["AWS.SNS.SMS.SenderID"] = sender
        for number, (name, value) in enumerate(attributes.items(), 1):
            entry = f"MessageAttributes.entry.{number}"
            fields |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
        body = urlencode(fields).encode()
        region = options.region_name or ""
        url = f"{(options.url or f'https://sns.{region}.amazonaws.com').rstrip('/')}/"
        credentials = Credentials(
            options.aws_access_key_id or "", options.aws_secret_access_key or "", options.aws_session_token
        )
        headers = sign("POST", url, FORM, body, credentials, region, "sns", datetime.now(UTC))
        content = (await self.ask("POST", url, headers, body)).decode("utf-8", "replace")
        found = re.search(r"<MessageId>\s*([^<]+?)\s*</MessageId>", content)
        if not found:
            raise SmsError(f"sms.{self.name}: answers {content[:500]}")
        return {"MessageId": unescape(found[1])}


KINDS = {"twilio": Twilio, "exotel": Exotel, "amazonsns": AmazonSNS}


class Smses(Mapping[str, SmsService]):
    """All of them, by name."""

    def __init__(self, services: Services) -> None:
        self._services = services
        section = services.conf.get("sms")
        self._section: Mapping[str, Any] = section if isinstance(section, Mapping) else {}
        self._made: dict[str, SmsService] = {}

    def __getitem__(self, name: str) -> SmsService:
        if name not in self._made:
            if not isinstance(self._section.get(name), Mapping):
                raise KeyError(name)
            options = Sms.model_validate(self._section[name])
            self._made[name] = KINDS[options.type](self._services, name, options)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._section)

    def __len__(self) -> int:
        return len(self._section)
