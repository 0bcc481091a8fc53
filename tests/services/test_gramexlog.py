"""gramexlog: against a local sink that answers as Elasticsearch does, or not."""

from __future__ import annotations

from typing import Any

import orjson
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase
from twisted.web import resource, server

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.config.gramexlogs import GramexLogApp
from gramex_twisted.services.gramexlog import GramexLogs
from gramex_twisted.testing import AppTestCase
from tests.config.support import config, errors_of
from tests.live import LiveCase
from tests.servers import free_port

reactor: Any = installed


class Elastic(resource.Resource):
    """Keeps the records it is sent."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []
        self.paths: list[str] = []
        self.headers: dict[str, str] = {}
        self.code, self.body = 200, b'{"errors": false, "items": []}'
        self.asked: Deferred[None] = Deferred()

    def render(self, request: Any) -> bytes:
        self.paths.append(request.uri.decode())
        self.headers = {name.decode().lower(): values[0].decode()
                        for name, values in request.requestHeaders.getAllRawHeaders()}  # fmt: skip
        request.setResponseCode(self.code)
        if self.code == 200:
            self.records += [orjson.loads(line) for line in request.content.read().splitlines()]
        asked, self.asked = self.asked, Deferred()
        asked.callback(None)
        return self.body


class OptionTests(TestCase):
    def test_servers(self) -> None:
        def urls(**options: Any) -> list[str]:
            return GramexLogApp.model_validate(options).urls

        self.assertEqual(urls(), ["http://localhost:9200"])
        self.assertEqual(urls(host="a"), ["http://a:9200"])
        self.assertEqual(urls(host="a", port=1, use_ssl=True), ["https://a:1"])
        self.assertEqual(urls(hosts=["a", "b:5", {"host": "c", "port": 6}, "https://d.example.org/x/"]),
                         ["http://a:9200", "http://b:5", "http://c:6", "https://d.example.org/x"])  # fmt: skip

    def test_mistakes(self) -> None:
        self.assertEqual(
            errors_of(config, "gramexlog: {flush: 0, a: {port: x}, c: {hots: x}}"),
            [
                "gramex.yaml:1:41: gramexlog.c: unknown key 'hots'; did you mean 'hosts'?",
                "gramex.yaml:1:13: gramexlog.flush: must be at least 0.1, not 0",
                "gramex.yaml:1:27: gramexlog.a.port: must be a whole number, not 'x'",
            ],
        )


class PushTests(LiveCase):
    def setUp(self) -> None:
        self.elastic = Elastic()
        self.listening = reactor.listenTCP(0, server.Site(self.elastic), interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self.listening.getHost().port}"
        type(self).config = f"""
        gramexlog:
          flush: 600
          a: {{hosts: '{self.url}', keys: [method, args.x], http_auth: 'me:secret'}}
          b: {{hosts: ['127.0.0.1:{free_port()}', '{self.url}'], index: other, api_key: abc}}
        url: {{home: {{pattern: /, handler: FunctionHandler, kwargs: {{function: str("x")}}}}}}
        """
        super().setUp()
        self.logs = self.gramex.shared.part(GramexLogs)
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self.observe)
        self.addCleanup(globalLogPublisher.removeObserver, self.observe)

    def observe(self, event: Any) -> None:
        if "services.gramexlog" in str(event.get("log_namespace")):
            self.lines.append(event["log_format"].format(**event))

    async def tearDown(self) -> None:
        await super().tearDown()
        await self.listening.stopListening()

    async def test_records_are_sent_in_bulk(self) -> None:
        self.logs.log(x=1, msg="Żory")
        self.logs.log("b", when=b"bytes")
        await self.logs.push()
        self.assertEqual(self.elastic.paths, ["/_bulk"] * 2)
        self.assertIn({"index": {"_index": "a"}}, self.elastic.records)
        self.assertIn({"x": 1, "msg": "Żory"}, self.elastic.records)
        self.assertIn({"index": {"_index": "other"}}, self.elastic.records)
        self.assertIn({"when": "b'bytes'"}, self.elastic.records)
        self.assertEqual(self.elastic.headers["content-type"], "application/x-ndjson")
        await self.logs.push()
        self.assertEqual(len(self.elastic.paths), 2)

    async def test_what_is_not_taken_is_sent_again_in_order(self) -> None:
        self.elastic.code, self.elastic.body = 503, b"busy"
        self.logs.log(n=1)
        self.logs.log(n=2)
        await self.logs.push()
        await self.logs.push()
        self.assertEqual([line.replace(self.url, "") for line in self.lines],
                         ["gramexlog.a: : 503 busy; 0 records wait"])  # fmt: skip
        self.elastic.code, self.elastic.body = 200, b'{"errors": false}'
        self.logs.log(n=3)
        await self.logs.push()
        self.assertEqual([record["n"] for record in self.elastic.records if "n" in record], [1, 2, 3])
        self.assertEqual(self.lines[-1], "gramexlog.a: sending again")

    async def test_records_that_are_refused_are_told(self) -> None:
        self.elastic.body = b'{"errors": true, "items": [{"index": {"error": {"reason": "no date"}}}, {"index": {}}]}'
        self.logs.log(n=1)
        await self.logs.push()
        self.assertEqual(self.lines, ["gramexlog.a: 1 records refused, such as for: [{'reason': 'no date'}]"])

    async def test_the_rest_is_sent_at_the_end(self) -> None:
        self.logs.log(n=1)
        await self.gramex.stopService()
        self.assertIn({"n": 1}, self.elastic.records)


class QueueTests(AppTestCase):
    config = "gramexlog: {a: {keys: [method]}}"

    def test_arguments_and_keys_of_a_request(self) -> None:
        logs = self.app.gramex.shared.part(GramexLogs)
        logs.log(AttrDict(args={"x": ["1", "2"], "y": []}, method="GET"), y=5)
        self.assertEqual(orjson.loads(logs.apps["a"].waiting[0].splitlines()[1]), {"y": 5, "x": "2", "method": "GET"})

    def test_names_and_keys_that_are_unknown(self) -> None:
        with self.assertRaisesRegex(ValueError, "^gramexlog: there is no 'b'; there is a$"):
            self.app.gramex.shared.part(GramexLogs).log("b", x=1)
        error, other = self.make_app("gramexlog: {a: {keys: [metod]}, b: 5}").gramex.errors
        self.assertIn("gramexlog.b: must be a mapping, not 5", str(other))
        self.assertIn("gramex.yaml:1:17: gramexlog.a.keys: unknown log key 'metod': did you mean 'method'?", str(error))
