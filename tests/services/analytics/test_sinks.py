"""What each kind of channel makes of an event."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from gramex_twisted.config.analytics import GA4, Aws, Slack, Webhook
from gramex_twisted.services.analytics.about import SECONDARY, About, client_id
from gramex_twisted.services.analytics.amazon import amazon_sink
from gramex_twisted.services.analytics.google import GoogleSink, name_of
from gramex_twisted.services.analytics.sinks import LONGEST, MOST, Sink, SlackSink, WebhookSink
from gramex_twisted.services.upstream.asking import Answer

ABOUT = About("genes", "GET", 200, "http://h/genes/1", "genes-1", "http://r/", 1_500_000_000.25, "192.0.2.1", "Firefox")
WHEN = datetime(2026, 1, 2, tzinfo=UTC)
CLIENT = "3f2b8c1e-0000-4000-8000-000000000000"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
EVENTS = st.dictionaries(st.sampled_from(["category", "action", "label", "value", "title", "x"]), VALUES)


def google(**options: Any) -> GoogleSink:
    return GoogleSink(GA4(measurement_id="G-1", api_secret="s&cret", **options))


def aws(**options: Any) -> Any:
    return amazon_sink(Aws(key="AKID", secret="S3CRET", **options))


def told(sink: Sink, event: dict[str, Any]) -> list[tuple[str, Any]]:
    """The records of an event, decoded."""
    return [(key, orjson.loads(record)) for key, record in sink.records(event, ABOUT, CLIENT)]


class ClientTests(SynchronousTestCase):
    def test_an_id_is_a_uuid_of_version_4_which_salt_address_and_browser_decide(self) -> None:
        found = client_id(b"salt", "192.0.2.1", "Firefox")
        parsed = uuid.UUID(found)
        self.assertEqual((parsed.version, parsed.variant), (4, uuid.RFC_4122))
        self.assertEqual(found, client_id(b"salt", "192.0.2.1", "Firefox"))
        others = {
            client_id(b"other", "192.0.2.1", "Firefox"),
            client_id(b"salt", "192.0.2.2", "Firefox"),
            client_id(b"salt", "192.0.2.1", "Chrome"),
        }
        self.assertEqual(len(others | {found}), 4)


class GoogleTests(SynchronousTestCase):
    def test_without_an_event_it_is_a_page_view(self) -> None:
        [(key, view)] = told(google(), {})
        self.assertEqual((key, view["name"], view["timestamp_micros"]), (CLIENT, "page_view", 1_500_000_000_250_000))
        self.assertEqual(view["params"]["page_title"], "genes-1")
        self.assertNotIn("192.0.2.1", orjson.dumps(view).decode())

    def test_events_and_their_secondaries_are_each_one(self) -> None:
        event = {
            "category": "query",
            "action": "count",
            "value": 0,
            SECONDARY: [{"category": "query", "action": "scopes", "label": "symbol"}, {"label": "of nothing"}, 3],
        }
        self.assertEqual(
            [(found["name"], found["params"]) for _, found in told(google(page_views=False), event)],
            [
                ("count", {"event_category": "query", "value": 0, "engagement_time_msec": 1}),
                ("scopes", {"event_category": "query", "event_label": "symbol", "engagement_time_msec": 1}),
            ],
        )

    def test_names_are_such_as_google_takes(self) -> None:
        self.assertEqual(
            [name_of(action) for action in ("Play video!", "9 lives", "ga_x", "page_view", "é", "a" * 50)],
            ["Play_video", "event_9_lives", "event_ga_x", "event_page_view", "event_", "a" * 40],
        )

    @settings(max_examples=60, deadline=None)
    @given(EVENTS, st.text(max_size=60))
    def test_whatever_an_event_holds_the_request_is_one_that_google_takes(
        self, event: dict[str, Any], action: str
    ) -> None:
        event |= {"category": "c", "action": action}
        for _, found in told(google(), event):
            self.assertRegex(found["name"], r"\A[A-Za-z][A-Za-z0-9_]{0,39}\Z")
            for value in found["params"].values():
                self.assertTrue(isinstance(value, (int, float)) or 0 < len(value) <= 1000, value)

    def test_a_full_request_is_below_130_kb(self) -> None:
        long = "x" * 5000
        about = About("r", "GET", 200, long, long, long, 0.0, "", "")
        event = {"category": long, "action": long, "label": long, "value": long}
        records = [record for _, record in google().records(event, about, CLIENT)]
        request = google().request(CLIENT, (records * MOST)[:MOST], WHEN)
        self.assertLess(len(request.body), 130_000)
        self.assertTrue(all(len(record) < LONGEST for record in records))

    def test_keys_are_in_the_url(self) -> None:
        request = google(endpoint="http://127.0.0.1:1/collect?debug=1").request(CLIENT, [b"{}"], WHEN)
        self.assertEqual(request.url, "http://127.0.0.1:1/collect?debug=1&measurement_id=G-1&api_secret=s%26cret")
        self.assertEqual(orjson.loads(request.body)["client_id"], CLIENT)


class WebhookTests(SynchronousTestCase):
    def test_it_gets_everything_but_address_and_browser(self) -> None:
        [(_, found)] = told(WebhookSink(Webhook(url="http://h/")), {"any": {1: WHEN}, SECONDARY: [{"action": "a"}]})
        self.assertEqual(found["time"], "2017-07-14T02:40:00.250+00:00")
        self.assertEqual(found["event"], {"any": {"1": "2026-01-02T00:00:00+00:00"}})
        self.assertEqual(found["secondary"], [{"action": "a"}])
        self.assertEqual(
            sorted(found),
            [
                "client_id",
                "event",
                "method",
                "page_location",
                "page_referrer",
                "page_title",
                "route",
                "secondary",
                "status",
                "time",
            ],
        )

    def test_without_page_views_it_is_told_of_named_events_alone(self) -> None:
        sink = WebhookSink(Webhook(url="http://h/", page_views=False))
        self.assertEqual(told(sink, {"title": "x"}), [])
        self.assertEqual(len(told(sink, {SECONDARY: [{"category": "c", "action": "a"}]})), 1)


class SlackTests(SynchronousTestCase):
    def lines(self, event: dict[str, Any], **options: Any) -> list[str]:
        sink = SlackSink(Slack(url="http://h/", **options))
        return [record.decode() for _, record in sink.records(event, ABOUT, CLIENT)]

    def test_it_is_told_of_named_events_and_of_calls_only_when_asked(self) -> None:
        self.assertEqual(self.lines({}), [])
        self.assertEqual(self.lines({}, page_views=True), ["GET http://h/genes/1 (200)"])
        event = {"category": "c", "action": "a\nb", "value": 0}
        self.assertEqual(self.lines(event), ["GET http://h/genes/1 (200): c / a b = 0"])

    def test_nothing_that_users_send_calls_people_or_is_a_link(self) -> None:
        event = {"category": "<!channel>", "action": "<http://evil|click>", "label": "&"}
        [line] = self.lines(event)
        self.assertNotIn("<", line)
        self.assertIn("&lt;!channel&gt; / &lt;http://evil|click&gt;: &amp;", line)

    def test_lines_are_bounded(self) -> None:
        [line] = self.lines({"category": "c", "action": "\ud800" + "x" * 100_000})
        self.assertLess(len(line), 600)


class AmazonTests(SynchronousTestCase):
    TOPIC = "arn:aws:sns:eu-west-1:123456789012:usage"

    def test_a_topic_gets_one_message_for_all_at_the_address_of_its_region(self) -> None:
        request = aws(topic=self.TOPIC).request("", [b'{"a":1}', b'{"b":2}'], WHEN)
        self.assertEqual(request.url, "https://sns.eu-west-1.amazonaws.com/")
        fields = parse_qs(request.body.decode())
        self.assertEqual(orjson.loads(fields["Message"][0]), {"events": [{"a": 1}, {"b": 2}]})
        self.assertEqual((fields["TopicArn"], fields["Action"]), ([self.TOPIC], ["Publish"]))
        self.assertIn("Credential=AKID/20260102/eu-west-1/sns/aws4_request", request.headers["Authorization"])

    def test_a_fifo_topic_gets_the_same_message_once(self) -> None:
        sink = aws(topic=f"{self.TOPIC}.fifo")
        first, again = (parse_qs(sink.request("", [b"{}"], WHEN).body.decode()) for _ in range(2))
        self.assertEqual(first["MessageDeduplicationId"], again["MessageDeduplicationId"])
        self.assertEqual(first["MessageGroupId"], ["analytics"])

    def test_a_stream_gets_a_line_for_each_and_those_that_failed_are_left(self) -> None:
        sink = aws(stream="usage", region="cn-north-1")
        request = sink.request("", [b"1", b"2"], WHEN)
        self.assertEqual(request.url, "https://firehose.cn-north-1.amazonaws.com.cn/")
        data = [base64.b64decode(record["Data"]) for record in orjson.loads(request.body)["Records"]]
        self.assertEqual(data, [b"1\n", b"2\n"])
        results = b'{"FailedPutCount":1,"RequestResponses":[{"RecordId":"1"},{"ErrorCode":"ServiceUnavailable"}]}'
        self.assertEqual(sink.left([b"1", b"2"], Answer(200, "OK", Headers(), results)), [b"2"])
        for body in (b"", b"[]", b'{"FailedPutCount":1,"RequestResponses":[null]}', b'{"FailedPutCount":0}'):
            self.assertEqual(list(sink.left([b"1"], Answer(200, "OK", Headers(), body))), [])

    def test_too_many_requests_are_told_by_400_and_pass(self) -> None:
        sink = aws(topic=self.TOPIC)
        self.assertTrue(sink.may_pass(Answer(400, "Bad Request", Headers(), b"<Code>Throttling</Code>")))
        self.assertFalse(sink.may_pass(Answer(400, "Bad Request", Headers(), b"<Code>InvalidParameter</Code>")))

    def test_a_full_message_is_below_256_kb(self) -> None:
        request = aws(topic=self.TOPIC).request("", [b'"%b"' % (b"x" * (LONGEST - 2))] * MOST, WHEN)
        self.assertLess(len(parse_qs(request.body.decode())["Message"][0]), 256 << 10)
