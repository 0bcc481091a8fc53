"""Metrics: their values are those of what has happened, and they stay few."""

from __future__ import annotations

from typing import Any

from prometheus_client import REGISTRY, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol

from gramex_twisted.daemon.admin.metrics import buckets
from gramex_twisted.services.measures import BOUNDS
from tests.daemon.admin.support import DEADLINE, AdminCase, parsed

reactor: Any = installed


class Pipeline(Protocol):
    """Sends many requests at once; ``ended`` fires with all answers."""

    def __init__(self, requests: bytes) -> None:
        self.requests = requests
        self.received: list[bytes] = []
        self.ended: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self.requests)

    def dataReceived(self, data: bytes) -> None:
        self.received.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.ended.callback(b"".join(self.received))


class MetricsTests(AdminCase):
    config = """
    url:
      hello: {pattern: /hello, handler: FunctionHandler, kwargs: {function: str("hello")}}
      any: {pattern: '/any/(.*)', handler: FunctionHandler, kwargs: {function: 'str(handler.path_args[0])', log: false}}
      broken: {pattern: /broken, handler: FunctionHandler, kwargs: {function: 1 / 0}}
      cached:
        pattern: /cached
        handler: FunctionHandler
        kwargs: {function: work.expensive, cache: {expiry: {duration: 60}}}
      slow: {pattern: /slow, handler: FunctionHandler, kwargs: {function: work.slow}}
    cache: {memory: {size: 1MB}}
    schedule:
      good: {function: str("done"), every: 1 day}
      bad: {function: 1 / 0, every: 1 day}
    """
    files = {
        "work.py": """
        import os, time

        def expensive():
            return "x" * 100

        def slow():
            while not os.path.exists(os.path.join(os.path.dirname(__file__), "gate")):
                time.sleep(0.01)
            return "slow"
        """
    }

    async def test_requests_are_counted_by_route_method_and_status(self) -> None:
        for path, method, count in (
            ("/hello", "GET", 3),
            ("/hello", "HEAD", 1),
            ("/any/a", "GET", 2),
            ("/any/b", "GET", 1),
            ("/broken", "GET", 2),
            ("/nowhere", "GET", 4),
        ):
            for _ in range(count):
                await self.ask(f"{self.url}{path}", method, token=None)
        self.flushLoggedErrors()
        found = await self.samples()
        counted = {name: value for name, value in found.items() if name.startswith("gramex_requests_total")}
        self.assertEqual(
            counted,
            {
                "gramex_requests_total{method=GET,route=hello,status=200}": 3,
                "gramex_requests_total{method=HEAD,route=hello,status=200}": 1,
                "gramex_requests_total{method=GET,route=any,status=200}": 3,
                "gramex_requests_total{method=GET,route=broken,status=500}": 2,
                "gramex_requests_total{method=GET,route=404,status=404}": 4,
            },
        )
        self.assertEqual(found["gramex_request_duration_seconds_count{route=hello}"], 4)
        self.assertEqual(found["gramex_request_duration_seconds_bucket{le=+Inf,route=any}"], 3)
        self.assertTrue(0 < found["gramex_request_duration_seconds_sum{route=hello}"] < DEADLINE)

    async def test_ten_thousand_addresses_are_one_route(self) -> None:
        before = await self.samples()
        number = 10_000
        lines = [b"GET /any/%d HTTP/1.1\r\nHost: x\r\n%s\r\n" for _ in range(number)]
        requests = b"".join(
            line % (i, b"Connection: close\r\n" if i == number - 1 else b"") for i, line in enumerate(lines)
        )
        port = int(self.url.rpartition(":")[2])
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        pipeline = await connectProtocol(endpoint, Pipeline(requests))
        answers = await pipeline.ended.addTimeout(DEADLINE, reactor)
        self.assertEqual(answers.count(b"HTTP/1.1 200 OK\r\n"), number)
        found = await self.samples()
        self.assertEqual(found["gramex_requests_total{method=GET,route=any,status=200}"], number)
        self.assertEqual(found["gramex_request_duration_seconds_count{route=any}"], number)
        more = {name for name in found.keys() - before.keys() if "route=any" not in name}
        self.assertEqual(more, set())
        self.assertEqual(len(found) - len(before), 1 + len(BOUNDS) + 1 + 2)

    async def test_caches_say_how_often_they_helped(self) -> None:
        for _ in range(5):
            self.assertEqual((await self.ask(f"{self.url}/cached", token=None)).text, "x" * 100)
        found = await self.samples()
        self.assertEqual(found["gramex_cache_hits_total{route=cached}"], 4)
        self.assertEqual(found["gramex_cache_misses_total{route=cached}"], 1)
        self.assertEqual(found["gramex_cache_entries{cache=memory}"], 1)
        self.assertEqual(found["gramex_cache_size_bytes{cache=memory}"], 1 << 20)
        self.assertTrue(100 < found["gramex_cache_bytes{cache=memory}"] < 2000)
        self.assertNotIn("gramex_cache_hits_total{route=hello}", found)

    async def test_what_goes_on(self) -> None:
        asked = Deferred.fromCoroutine(self.ask(f"{self.url}/slow", token=None))
        await self.until(lambda: self.daemon.app.shared.threads.busy == 1)
        found = await self.samples()
        self.assertEqual(found["gramex_requests_in_flight"], 1)
        self.assertEqual(found["gramex_connections"], 1)
        self.assertEqual(found["gramex_threads_busy{pool=functions}"], 1)
        self.assertEqual(found["gramex_threads_workers{pool=functions}"], 16)
        self.assertEqual(found["gramex_threads_waiting{pool=functions}"], 0)
        (self.folder / "gate").touch()
        self.assertEqual((await asked).text, "slow")
        found = await self.samples()
        self.assertEqual((found["gramex_requests_in_flight"], found["gramex_threads_busy{pool=functions}"]), (0, 0))
        self.assertEqual((found["gramex_ready"], found["gramex_routes_failed"], found["gramex_sessions"]), (1, 0, 0))
        self.assertEqual(found["gramex_info{version=0.1.0}"], 1)

    async def test_schedules(self) -> None:
        for name in ("schedule.good", "schedule.bad"):
            done = await self.ask("/admin/schedules/run", "POST", data={"name": name})
            self.assertEqual(done.json(), {"done": True, "notice": f"{name} has begun."})
        tasks = self.tasks()
        await self.until(lambda: all(task.last is not None for task in tasks))
        self.flushLoggedErrors(ZeroDivisionError)
        found = await self.samples()
        self.assertEqual(found["gramex_schedule_last_run_failed{schedule=schedule.good}"], 0)
        self.assertEqual(found["gramex_schedule_last_run_failed{schedule=schedule.bad}"], 1)
        self.assertEqual(found["gramex_schedule_running{schedule=schedule.bad}"], 0)
        self.assertTrue(found["gramex_schedule_last_run_timestamp_seconds{schedule=schedule.good}"] > 1e9)

    def tasks(self) -> list[Any]:
        from gramex_twisted.services.scheduler.service import Scheduler

        return list(self.daemon.app.shared.part(Scheduler).tasks.values())

    async def test_the_process_and_what_user_functions_count_are_told_too(self) -> None:
        counter = Counter("tests_orders", "Orders.", ["kind"])
        self.addCleanup(REGISTRY.unregister, counter)
        counter.labels("books").inc(7)
        found = await self.samples()
        self.assertEqual(found["tests_orders_total{kind=books}"], 7)
        self.assertTrue(found["process_resident_memory_bytes"] > 1 << 20)
        self.assertTrue(found["process_open_fds"] > 3)
        self.assertTrue(found["process_cpu_seconds_total"] > 0)

    async def test_a_collector_that_fails_takes_nothing_else_with_it(self) -> None:
        class Broken:
            def describe(self) -> list[Any]:
                return []

            def collect(self) -> Any:
                raise RuntimeError("no metrics today")

        broken: Any = Broken()
        REGISTRY.register(broken)
        self.addCleanup(REGISTRY.unregister, broken)
        found = await self.samples()
        self.assertEqual(found["gramex_ready"], 1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    async def test_in_the_format_of_openmetrics_for_who_asks(self) -> None:
        await self.ask(f"{self.url}/hello", token=None)
        accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
        response = await self.ask("/metrics", headers={"Accept": accept})
        self.assertTrue(response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0"))
        names = {family.name for family in text_string_to_metric_families(response.text)}
        self.assertTrue({"gramex_requests", "gramex_request_duration_seconds", "gramex_reloads"} <= names)
        self.assertEqual(
            (await self.ask("/metrics")).headers["content-type"], "text/plain; version=0.0.4; charset=utf-8"
        )

    async def test_an_accept_header_of_nonsense_gets_the_plain_format(self) -> None:
        for accept in ("text/plain;version=abc", "application/openmetrics-text;version=x.y", ",;,", "\xff"):
            response = await self.ask("/metrics", headers={"Accept": accept})
            self.assertEqual(
                (response.status, response.headers["content-type"][:26]), (200, "text/plain; version=0.0.4;")
            )

    def test_buckets_hold_those_before_them(self) -> None:
        found = buckets([1, 0, 2, *[0] * (len(BOUNDS) - 3), 4])
        self.assertEqual(found[:3], [("0.001", 1.0), ("0.0025", 1.0), ("0.005", 3.0)])
        self.assertEqual(found[-2:], [("10.0", 3.0), ("+Inf", 7.0)])

    def test_the_parser_of_these_tests(self) -> None:
        self.assertEqual(parsed('a{x="1"} 2\n'), {"a{x=1}": 2})


class ReloadedMetricsTests(AdminCase):
    config = """
    url:
      hello: {pattern: /hello, handler: FunctionHandler, kwargs: {function: str("hello")}}
      other: {pattern: /other, handler: FunctionHandler, kwargs: {function: str("other")}}
    """

    async def test_reloads_are_counted_and_routes_that_stay_go_on_counting(self) -> None:
        for path in ("/hello", "/other"):
            await self.ask(f"{self.url}{path}", token=None)
        found = await self.samples()
        self.assertEqual(found["gramex_reloads_total{result=done}"], 0)
        self.assertNotIn("gramex_last_reload_timestamp_seconds", found)

        self.configure("""
        url:
          hello: {pattern: /hello, handler: FunctionHandler, kwargs: {function: str("hello again")}}
        """)
        await self.reload()
        self.assertEqual((await self.ask(f"{self.url}/hello", token=None)).text, "hello again")
        found = await self.samples()
        self.assertEqual(found["gramex_requests_total{method=GET,route=hello,status=200}"], 2)
        self.assertNotIn("gramex_requests_total{method=GET,route=other,status=200}", found)
        self.assertEqual(found["gramex_reloads_total{result=done}"], 1)
        self.assertEqual(found["gramex_last_reload_successful"], 1)

        self.configure("url: [this is wrong]")
        await self.reload()
        found = await self.samples()
        self.assertEqual(
            (found["gramex_reloads_total{result=done}"], found["gramex_reloads_total{result=failed}"]), (1, 1)
        )
        self.assertEqual((found["gramex_last_reload_successful"], found["gramex_ready"]), (0, 1))
        self.assertEqual(found["gramex_requests_total{method=GET,route=hello,status=200}"], 2)
        overview = (await self.ask("/admin/")).json()
        self.assertIn("url: must be a mapping", overview["reloads"]["error"])
        self.assertIn("The last reload failed", await self.page("/admin/"))
