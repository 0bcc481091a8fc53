"""An app that tells real servers of its APIs' requests: what they get, and that nothing they do delays an answer."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent
from typing import Any, ClassVar

import orjson
from twisted.internet import reactor as installed

from gramex_twisted.app import Gramex
from gramex_twisted.config import reader, schema
from gramex_twisted.functions import ModuleSet
from gramex_twisted.registry import Registry
from gramex_twisted.services.analytics.about import client_id
from gramex_twisted.services.analytics.service import Analytics
from tests.live import LiveCase
from tests.servers import free_port
from tests.sink import Sink

reactor: Any = installed

ROUTES = """
url:
  search:
    pattern: /search
    handler: APIHandler
    kwargs: {function: 'service.search'}
"""
MODULE = """
def search(q: str = "", handler=None):
    handler.event.update(category="search", action="Found it", label=q, value=3, gene="BRAF")
    return {"found": 3}
"""


class AnalyticsCase(LiveCase):
    """``section``: what is in ``analytics:``; ``{sink}`` is the sink's URL, ``{other}`` that of another."""

    section: ClassVar[str] = ""

    def setUp(self) -> None:
        self.sink, self.other = Sink(self), Sink(self)
        written = self.section.format(sink=self.sink.url, other=self.other.url, nobody=free_port())
        self.config = f"{ROUTES}\nanalytics:\n  interval: 0.001\n  salt: very salty\n{indent(written, '  ')}"  # type: ignore[misc]
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "service.py").write_text(MODULE)
        sys.path.insert(0, str(folder))
        self.addCleanup(ModuleSet([str(folder)]).forget)
        self.addCleanup(sys.path.remove, str(folder))
        super().setUp()

    @property
    def analytics(self) -> Analytics:
        return self.gramex.shared.part(Analytics)

    async def search(self, text: str = "", **headers: str) -> None:
        response = await self.get(f"/search?q={text}", headers)
        self.assertEqual((response.status, response.json()), (200, {"found": 3}))

    def again(self) -> Gramex:
        """The app that a reload makes."""
        registry = Registry()
        config = schema.build(reader.read(self.folder / "gramex.yaml"), registry)
        return Gramex(config, reactor, registry, previous=self.gramex)


class GoogleTests(AnalyticsCase):
    section = "ga4: {{measurement_id: G-1, api_secret: s3 cret, endpoint: '{sink}/mp/collect'}}"

    async def test_a_page_view_and_the_handlers_event_are_sent_in_one_request(self) -> None:
        await self.search("brca", **{"User-Agent": "Test", "Referer": "http://example.org/page?private=1"})
        await self.sink.count(1)
        [got] = self.sink.got
        self.assertEqual((got.path, got.query), ("/mp/collect", {"measurement_id": "G-1", "api_secret": "s3 cret"}))
        told = orjson.loads(got.body)
        salt = self.analytics._secret()
        self.assertEqual(told["client_id"], client_id(salt, "127.0.0.1", "Test"))
        self.assertEqual(
            [(event["name"], event["params"]) for event in told["events"]],
            [
                (
                    "page_view",
                    {
                        "page_location": f"http://127.0.0.1:{self.port.getHost().port}/search",
                        "page_title": "search",
                        "page_referrer": "http://example.org/page",
                        "engagement_time_msec": 1,
                    },
                ),
                (
                    "Found_it",
                    {"event_category": "search", "event_label": "brca", "value": 3, "engagement_time_msec": 1},
                ),
            ],
        )
        self.assertNotIn(b"127.0.0.1", got.body.replace(told["events"][0]["params"]["page_location"].encode(), b""))

    async def test_what_waits_is_sent_before_the_app_stops(self) -> None:
        for _, channel in self.analytics.channels:
            channel.settings = channel.settings.model_copy(update={"interval": 3600.0})
        await self.search("a")
        self.assertEqual(self.sink.got, [])
        await self.gramex.stopService()
        self.assertEqual(len(self.sink.got), 1)
        self.gramex.startService()

    async def test_what_waits_is_sent_by_the_app_that_takes_over(self) -> None:
        for _, channel in self.analytics.channels:
            channel.settings = channel.settings.model_copy(update={"interval": 3600.0})
        await self.search("a")
        successor = self.again()
        successor.startService()
        self.addCleanup(successor.stopService)
        self.gramex.hand_over(successor)
        await self.search("b")
        await self.sink.until(lambda: b"".join(got.body for got in self.sink.got).count(b"Found_it") == 2)
        self.assertEqual([channel.count for _, channel in self.analytics.channels], [0])


class TroubleTests(AnalyticsCase):
    section = """
retries: 1
backoff: 0.001
slack: {{url: '{sink}/slack'}}
webhook:
- url: '{other}/hook'
  headers: {{Authorization: Bearer x}}
- url: 'http://127.0.0.1:{nobody}/'
"""

    async def test_a_sink_that_is_silent_delays_neither_requests_nor_other_channels(self) -> None:
        self.sink.silent = True
        for number in range(3):
            await self.search(str(number))  # the answer is here, though Slack's never comes
        await self.sink.count(1)
        await self.other.until(lambda: b"".join(got.body for got in self.other.got).count(b"Found it") == 3)
        held = {channel.name: channel.count for _, channel in self.analytics.channels}
        self.assertEqual(held["analytics.slack"], 3)
        self.analytics.settings = self.analytics.settings.model_copy(update={"stop_timeout": 0.01})
        for _, channel in self.analytics.channels:
            channel.settings = self.analytics.settings

    async def test_a_sink_that_fails_gets_it_again_and_then_no_more(self) -> None:
        self.sink.code = 500
        await self.search("<!here> & there")
        await self.sink.count(2)
        self.assertEqual({got.body for got in self.sink.got}, {self.sink.got[0].body})
        await self.other.count(1)
        self.sink.code = 200
        await self.search("again")
        await self.sink.count(3)
        self.assertIn("again", orjson.loads(self.sink.got[2].body)["text"])

    async def test_slack_and_webhooks_get_what_happened(self) -> None:
        await self.search("%3C!here%3E%20%26")
        await self.sink.count(1)
        await self.other.count(1)
        location = f"http://127.0.0.1:{self.port.getHost().port}/search"
        self.assertEqual(
            orjson.loads(self.sink.got[0].body)["text"],
            f"GET {location} (200): search / Found it: &lt;!here&gt; &amp; = 3",
        )
        [hook] = self.other.got
        self.assertEqual((hook.path, hook.header("Authorization")), ("/hook", "Bearer x"))
        [event] = orjson.loads(hook.body)["events"]
        self.assertEqual(
            (event["route"], event["status"], event["page_location"], event["event"]),
            (
                "search",
                200,
                location,
                {"category": "search", "action": "Found it", "label": "<!here> &", "value": 3, "gene": "BRAF"},
            ),
        )


class FloodTests(AnalyticsCase):
    """Many requests, while one sink never answers, one always fails and one is not there."""

    section = """
queue: 50
retries: 1
backoff: 0.001
stop_timeout: 0.01
slack: {{url: '{sink}/slack'}}
webhook:
- url: '{other}/hook'
- url: 'http://127.0.0.1:{nobody}/'
"""

    async def test_no_request_waits_for_a_sink_and_no_sink_has_more_than_its_queue(self) -> None:
        self.sink.silent, self.other.code = True, 500
        most = 0
        for number in range(300):
            await self.search(str(number))  # here, before any of the silent sink's requests has ended
            counts = [channel.count for _, channel in self.analytics.channels]
            most = max(most, *counts)
        self.assertEqual(len(self.rows), 300)
        silent, *others = sorted((channel for _, channel in self.analytics.channels), key=lambda channel: channel.name)
        self.assertEqual((silent.count, most), (50, 50))
        self.assertEqual(silent.losses.total, 250)
        self.assertLessEqual(len(self.sink.got), 4, "a few are under way at a time, and none has ended")
        for channel in others:
            self.assertGreater(channel.losses.total, 0)
            self.assertEqual(channel.losses.total + channel.count, 300)


class AmazonTests(AnalyticsCase):
    section = """
aws:
- {{topic: 'arn:aws:sns:eu-west-1:123456789012:usage', key: AKID, secret: S3CRET, endpoint: '{sink}/'}}
- {{stream: usage, region: eu-west-1, key: AKID, secret: S3CRET, token: T, endpoint: '{other}/'}}
"""

    async def test_a_topic_gets_a_message_and_a_stream_gets_records_both_signed(self) -> None:
        self.other.body = b'{"FailedPutCount": 0, "RequestResponses": [{"RecordId": "1"}]}'
        await self.search("a")
        await self.sink.count(1)
        await self.other.count(1)
        [sns], [firehose] = self.sink.got, self.other.got
        for got, service in ((sns, "sns"), (firehose, "firehose")):
            given = got.header("Authorization")
            self.assertRegex(given, rf"^AWS4-HMAC-SHA256 Credential=AKID/\d{{8}}/eu-west-1/{service}/aws4_request, ")
            self.assertNotIn("S3CRET", given)
        self.assertEqual(firehose.header("X-Amz-Security-Token"), "T")
        self.assertEqual(firehose.header("X-Amz-Target"), "Firehose_20150804.PutRecordBatch")
        self.assertIn(b"Action=Publish&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns", sns.body)
        self.assertEqual(orjson.loads(firehose.body)["DeliveryStreamName"], "usage")
