"""Which requests of an API analytics are told of, and what of them."""

from __future__ import annotations

from typing import Any

import orjson

from gramex_twisted.services.analytics.service import Analytics
from gramex_twisted.testing import App, AppTestCase

MODULE = """
from gramex_twisted.resources.api import BaseAPIHandler

class Genes(BaseAPIHandler):
    kwargs = {"*": {"id": {"type": str, "path": 0}, "n": {"type": int}}}

    async def on_GET(self, context):
        context.event["id"] = context.args.id
        return {"id": context.args.id}

    async def on_POST(self, context):
        context.event = {"replaced": True, "title": "My title"}
        return {}

class Quiet(Genes):
    analytics = False

class Loud(Quiet):
    analytics = True

async def broken(handler):
    handler.event["before"] = 1
    raise ValueError("no")

async def ticks(handler):
    handler.event["count"] = 2
    yield handler.event({"tick": 1})
    yield handler.event({"tick": 2})
"""
CONFIG = """
url:
  genes: {pattern: '/genes/(.*)', handler: tracked_genes.Genes}
  quiet: {pattern: '/quiet/(.*)', handler: tracked_genes.Quiet}
  loud: {pattern: '/loud/(.*)', handler: tracked_genes.Loud}
  silent: {pattern: '/silent/(.*)', handler: tracked_genes.Loud, kwargs: {analytics: false}}
  broken: {pattern: /broken, handler: APIHandler, kwargs: {function: tracked_genes.broken}}
  other: {pattern: /other, handler: FunctionHandler, kwargs: {function: str("x")}}
  events:
    pattern: /events
    handler: FunctionHandler
    kwargs: {function: tracked_genes.ticks(handler), headers: {Content-Type: text/event-stream}}
analytics: {webhook: {url: 'http://192.0.2.1/'}}
"""


class TrackingTests(AppTestCase):
    config = CONFIG
    files = {"tracked_genes.py": MODULE}

    def told(self, app: App | None = None) -> list[dict[str, Any]]:
        """What the channel holds, which it would send later."""
        [(_, channel)] = (app or self.app).gramex.shared.part(Analytics).channels
        return [orjson.loads(record) for records in channel._groups.values() for record in records]

    def test_each_answer_is_told_of_with_its_own_event(self) -> None:
        self.get("/genes/1", headers={"Referer": "https://me:pw@example.org/a?b=c#d", "User-Agent": "Test"})
        self.get("/genes/2?format=yaml")
        first, second = self.told()
        self.assertEqual((first["event"], second["event"]), ({"id": "1"}, {"id": "2"}))
        self.assertEqual(first["page_referrer"], "https://example.org/a")
        self.assertEqual((first["page_location"], first["page_title"]), ("http://127.0.0.1/genes/1", "genes-1"))
        self.assertEqual(second["page_location"], "http://127.0.0.1/genes/2")
        self.assertNotEqual(first["client_id"], second["client_id"])  # another browser

    def test_requests_that_overlap_have_each_their_event(self) -> None:
        both = [self.app.start("GET", f"/genes/{number}") for number in range(2)]
        self.app.pump()
        for each in both:
            self.successResultOf(each)
        self.assertEqual([told["event"] for told in self.told()], [{"id": "0"}, {"id": "1"}])

    def test_an_event_may_be_replaced_and_has_a_title(self) -> None:
        self.post("/genes/1")
        [told] = self.told()
        self.assertEqual((told["event"]["replaced"], told["page_title"], told["method"]), (True, "My title", "POST"))

    def test_errors_are_told_of_with_their_status(self) -> None:
        self.assertEqual(self.get("/genes/1?n=x").status, 400)
        self.assertEqual(self.get("/broken").status, 500)
        self.assertEqual(
            [(told["status"], told.get("event")) for told in self.told()], [(400, None), (500, {"before": 1})]
        )

    def test_head_options_the_pages_script_and_other_handlers_are_not_told_of(self) -> None:
        self.request("HEAD", "/genes/1")
        self.request("OPTIONS", "/genes/1")
        script = self.get("/genes/1?format=html").text.split('src="')[1].split('"')[0]
        self.assertEqual(self.get(f"/genes/1{script}").headers["content-type"], "text/javascript; charset=utf-8")
        self.get("/other")
        self.assertEqual([told["page_location"] for told in self.told()], ["http://127.0.0.1/genes/1"])

    def test_clients_that_ask_not_to_be_told_of_are_not(self) -> None:
        for value in ("", "1", "true", "yes", "x", "0&no_tracking=1"):
            self.get(f"/genes/1?no_tracking={value}")
        self.get("/genes/1?no_tracking")
        self.post("/genes/1", data={"no_tracking": "1"})
        self.get("/genes/1", headers={"DNT": "1"})
        self.get("/genes/1", headers={"Sec-GPC": "1"})
        self.assertEqual(self.told(), [])

    def test_those_that_do_not_ask_are(self) -> None:
        for value in ("0", "false", "False", "no"):
            self.get(f"/genes/1?no_tracking={value}")
        self.post("/genes/1", data={"no_tracking": "NO"})
        self.get("/genes/1", headers={"DNT": "0", "Sec-GPC": "0"})
        self.assertEqual(len(self.told()), 6)

    def test_a_class_or_a_route_can_be_left_out(self) -> None:
        for path in ("/quiet/1", "/silent/1", "/loud/1"):
            self.get(path)
        self.assertEqual([told["route"] for told in self.told()], ["loud"])

    def test_two_apps_do_not_meet(self) -> None:
        other = self.make_app(CONFIG)
        self.get("/genes/1")
        self.assertEqual((len(self.told()), self.told(other)), (1, []))

    def test_switched_off_as_a_whole_nothing_is_held(self) -> None:
        for section in ("{enabled: false, slack: {url: 'http://192.0.2.1/'}}", "{}"):
            app = self.make_app(CONFIG.replace("{webhook: {url: 'http://192.0.2.1/'}}", section))
            self.assertIsNone(app.gramex.shared.resources["genes"].after)

    def test_an_event_still_makes_server_sent_events_when_called(self) -> None:
        self.assertEqual(self.get("/events").text, 'data: {"tick":1}\n\ndata: {"tick":2}\n\n')
