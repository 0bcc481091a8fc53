"""services.smses against a local sink that answers as the services do, or as they should not."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs

from twisted.internet import reactor as installed
from twisted.web import resource, server

from gramex_twisted.services.smses import SmsError, Smses
from tests.live import LiveCase
from tests.servers import free_port

reactor: Any = installed


class Sink(resource.Resource):
    """Keeps requests; answers ``code`` and ``body``, or nothing where that is None."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Any] = []
        self.code, self.body = 200, b"{}"
        self.silent = False

    def render(self, request: Any) -> Any:
        fields = {name: values[0] for name, values in parse_qs(request.content.read().decode()).items()}
        headers = {name.decode().lower(): values[0].decode()
                   for name, values in request.requestHeaders.getAllRawHeaders()}  # fmt: skip
        self.requests.append((request.method.decode(), request.uri.decode(), fields, headers))
        request.setResponseCode(self.code)
        return server.NOT_DONE_YET if self.silent else self.body


class SmsCase(LiveCase):
    def setUp(self) -> None:
        self.sink = Sink()
        self.site_of_sink = server.Site(self.sink)
        self.listening = reactor.listenTCP(0, self.site_of_sink, interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self.listening.getHost().port}"
        type(self).config = f"""
        sms:
          t: {{type: twilio, account_sid: AC1, auth_token: secret, from: '+15550', url: '{self.url}'}}
          e: {{type: exotel, sid: acc, token: tok, key: key, url: '{self.url}', priority: normal}}
          a: {{type: SNS, aws_access_key_id: AKID, aws_secret_access_key: SECRET, region_name: eu-west-1,
              url: '{self.url}', timeout: 5}}
          slow: {{type: twilio, account_sid: AC1, auth_token: secret, from: '+15550', url: '{self.url}', timeout: 0.3}}
          half: {{type: exotel, sid: '', token: tok}}
          gone: {{type: twilio, account_sid: AC1, auth_token: s, from: '1', url: 'http://127.0.0.1:{free_port()}'}}
        """
        super().setUp()
        self.sms = self.gramex.shared.part(Smses)

    async def tearDown(self) -> None:
        await super().tearDown()
        await self.listening.stopListening()

    async def refused(self, name: str, **options: Any) -> str:
        with self.assertRaises(SmsError) as caught:
            await self.sms[name].send(to="+49", subject="Hi", **options)
        return str(caught.exception)


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class SmsTests(SmsCase):
    async def test_twilio(self) -> None:
        self.sink.body = b'{"sid": "SM1", "uri": "/2010-04-01/Accounts/AC1/Messages/SM1.json"}'
        result = await self.sms["t"].send(to="+49", subject="Grüße & more")
        self.assertEqual(result["sid"], "SM1")
        await self.sms["t"].status(result)
        (method, path, fields, headers), (second, status_path, _, _) = self.sink.requests
        self.assertEqual((method, path), ("POST", "/2010-04-01/Accounts/AC1/Messages.json"))
        self.assertEqual(fields, {"To": "+49", "From": "+15550", "Body": "Grüße & more"})
        self.assertEqual((headers["authorization"], headers["content-type"]),
                         (basic("AC1", "secret"), "application/x-www-form-urlencoded"))  # fmt: skip
        self.assertEqual((second, status_path), ("GET", result["uri"]))

    async def test_exotel_from_a_thread(self) -> None:
        self.sink.body = b'{"SMSMessage": {"Sid": "x", "Uri": "/v1/Accounts/acc/SMS/Messages/x.json"}}'
        result = await self.gramex.shared.threads.run(self.sms["e"].send, "+91", "Hi", sender="me")
        self.assertEqual(result["Sid"], "x")
        await self.gramex.shared.threads.run(self.sms["e"].status, result)
        (_, path, fields, headers), (_, status_path, _, _) = self.sink.requests
        self.assertEqual(path, "/v1/Accounts/acc/sms/send.json")
        self.assertEqual(fields, {"From": "me", "To": "+91", "Body": "Hi", "Priority": "normal"})
        self.assertEqual((headers["authorization"], status_path),
                         (basic("key", "tok"), "/v1/Accounts/acc/SMS/Messages/x.json"))  # fmt: skip

    async def test_amazon_sns(self) -> None:
        self.sink.body = b"<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>"
        self.assertEqual(await self.sms["a"].send(to="+49", subject="Hi", sender="gramex"), {"MessageId": "m-1"})
        [(_, path, fields, headers)] = self.sink.requests
        self.assertEqual((path, fields["PhoneNumber"], fields["Message"]), ("/", "+49", "Hi"))
        self.assertEqual([fields[f"MessageAttributes.entry.{n}.Value.StringValue"] for n in (1, 2)],
                         ["Transactional", "gramex"])  # fmt: skip
        self.assertRegex(headers["authorization"],
                         r"^AWS4-HMAC-SHA256 Credential=AKID/\d{8}/eu-west-1/sns/aws4_request, ")  # fmt: skip
        with self.assertRaisesRegex(SmsError, "sms.a: amazonsns does not tell"):
            await self.sms["a"].status({})

    async def test_answers_that_are_none(self) -> None:
        self.sink.code, self.sink.body = 401, b'{"message": "Authenticate"}'
        self.assertEqual(await self.refused("t"), 'sms.t: 401 {"message": "Authenticate"}')
        self.sink.code, self.sink.body = 200, b"<html>"
        self.assertEqual(await self.refused("t"), "sms.t: answers no JSON: b'<html>'")
        self.assertEqual(await self.refused("e"), "sms.e: answers no JSON: b'<html>'")
        self.assertEqual(await self.refused("a"), "sms.a: answers <html>")
        self.sink.body = b'{"RestException": {}}'
        self.assertEqual(await self.refused("e"), 'sms.e: answers {"RestException": {}}')
        self.sink.code = 302
        self.assertIn("sms.t: 302 ", await self.refused("t"))

    async def test_servers_that_are_not_there_or_silent(self) -> None:
        self.assertIn("sms.gone: ", await self.refused("gone"))
        self.sink.silent = True
        self.assertEqual(await self.refused("slow"), "sms.slow: no answer within 0.3 s")
        self.assertEqual(self.gramex.in_flight, 0)

    async def test_a_service_without_its_credentials_says_so_when_it_is_used(self) -> None:
        self.assertEqual(await self.refused_at_once("half"), "sms.half: exotel needs sid")
        warnings = [warning.message for warning in self.gramex.config.warnings]
        self.assertEqual(warnings, ["sms.half: cannot send: exotel needs sid"])

    async def refused_at_once(self, name: str) -> str:
        return str(self.assertRaises(SmsError, self.sms[name].send, "+49", "Hi"))

    def test_names(self) -> None:
        self.assertEqual(list(self.sms), ["t", "e", "a", "slow", "half", "gone"])
        with self.assertRaises(KeyError):
            self.sms["x"]
