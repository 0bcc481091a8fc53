"""ratelimit: how often a route may be used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from klein import Klein
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.guards.ratekeys import PERIODS, period
from gramex_twisted.services.signing import Signer
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.testing import AppTestCase, Response
from tests.processes import Client, ProcessTestCase
from tests.servers import RedisServer

app = Klein()


@app.route("/fine")
def fine(request: Any) -> str:
    return "fine"


@app.route("/broken")
def broken(request: Any) -> str:
    request.setResponseCode(404)
    return "broken"


MODULE = """
from gramex_twisted.errors import HTTPError, Redirect

def status(handler):
    wanted = int(handler.get_arg("status", "200"))
    if wanted == 302:
        raise Redirect("/there")
    if wanted == 418:
        handler.set_status(418)
        return "tea"
    if wanted == 500:
        raise ValueError("bug")
    if wanted != 200:
        raise HTTPError(wanted)
    return "ok"

def stream(handler):
    handler.set_status(int(handler.get_arg("status", "200")))
    yield "a"
    yield "b"

def reset(handler):
    return handler.reset_ratelimit(handler.get_arg("pool"), handler.args["key"], int(handler.get_arg("value", "0")))

async def reset_async(handler):
    return await handler.reset_ratelimit(handler.get_arg("pool"), handler.args["key"])

def how_far(handler):
    return handler.get_ratelimit()

def allowed(handler):
    return int(handler.get_arg("limit"))

async def seconds(handler):
    return 5

def nonsense(handler):
    return "many"
"""


def standing(response: Response) -> tuple[int, str | None, str | None, str | None, str | None]:
    """What a response says: its status, limit, remaining requests, seconds to the reset, and to retry."""
    headers = response.headers
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after")
    limit, remaining, reset, retry = [headers.get(name) for name in names]
    return response.status, limit, remaining, reset, retry


def at(text: str) -> float:
    """Seconds since the epoch of an ISO time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class LimitCase(AppTestCase):
    files = {"limited.py": MODULE}
    now = at("2026-01-31 23:59:50")

    def make_app(self, *args: Any, **kwargs: Any) -> Any:
        made = super().make_app(*args, **kwargs)
        made.gramex.shared.ratelimits.store.clock = lambda: self.now
        return made

    def statuses(self, *urls: str, **options: Any) -> list[int]:
        return [self.get(url, **options).status for url in urls]


class CountTests(LimitCase):
    config = """
    app: {ratelimit: {type: memory}}
    url:
      two:
        pattern: /two
        handler: FunctionHandler
        kwargs: {function: limited.status, ratelimit: {keys: daily, limit: 2}}
      stream:
        pattern: /stream
        handler: FunctionHandler
        kwargs: {function: limited.stream, ratelimit: {keys: [], limit: 1}}
      zero:
        pattern: /zero
        handler: FunctionHandler
        kwargs: {function: limited.status, ratelimit: {keys: ip, limit: 0}}
      post:
        pattern: /post
        handler: FunctionHandler
        kwargs: {function: limited.status, methods: POST, ratelimit: {keys: ip, limit: 1}}
      auth:
        pattern: /auth
        handler: FunctionHandler
        kwargs: {function: limited.status, auth: true, ratelimit: {keys: [], limit: 1}}
      klein:
        pattern: /klein/(.*)
        handler: tests.guards.test_ratelimit.app
        kwargs: {ratelimit: {keys: daily, limit: 1}}
      page:
        pattern: /page
        handler: FunctionHandler
        kwargs:
          function: limited.status
          ratelimit: {keys: daily, limit: 0}
          error: {429: {function: "'Slow down, ' + str(status_code)"}}
    """

    def test_a_client_is_told_where_it_stands_and_when_to_come_again(self) -> None:
        self.assertEqual(standing(self.get("/two")), (200, "2", "1", "10", None))
        self.assertEqual(standing(self.get("/two")), (200, "2", "0", "10", None))
        refused = self.get("/two")
        self.assertEqual(standing(refused), (429, "2", "0", "10", "10"))
        self.assertEqual(refused.json()["error"], "2 requests are all that is allowed; try again in 10 s")
        self.now += 10
        self.assertEqual(standing(self.get("/two")), (200, "2", "1", "86400", None))

    def test_responses_of_400_and_more_do_not_count(self) -> None:
        for status in (400, 404, 418, 500, 503):
            response = self.get(f"/two?status={status}")
            self.assertEqual(standing(response), (status, "2", "1", "10", None))
        self.forget_errors()
        self.assertEqual(self.statuses("/two", "/two", "/two"), [200, 200, 429])

    def test_redirects_count(self) -> None:
        self.assertEqual(self.statuses("/two?status=302", "/two?status=302", "/two"), [302, 302, 429])

    def test_a_stream_counts_by_the_status_it_begins_with(self) -> None:
        self.assertEqual(self.statuses("/stream?status=404", "/stream", "/stream"), [404, 200, 429])

    def test_a_limit_of_0_lets_nobody_in(self) -> None:
        self.assertEqual(standing(self.get("/zero"))[:3], (429, "0", "0"))

    def test_methods_that_are_not_answered_do_not_count(self) -> None:
        self.assertEqual(self.get("/post").status, 405)
        self.assertEqual([self.post("/post").status for _ in range(2)], [200, 429])

    def test_who_may_not_enter_uses_nothing_up(self) -> None:
        self.assertEqual(self.get("/auth").status, 302)
        self.assertNotIn("x-ratelimit-limit", self.get("/auth").headers)
        self.assertEqual(self.app.gramex.shared.ratelimits.store.entries, {})

    def test_klein_apps_are_limited_alike(self) -> None:
        self.assertEqual(standing(self.get("/klein/broken")), (404, "1", "0", "10", None))
        self.assertEqual(standing(self.get("/klein/fine")), (200, "1", "0", "10", None))
        self.assertEqual(standing(self.get("/klein/fine")), (429, "1", "0", "10", "10"))

    def test_the_headers_survive_an_error_page_of_the_routes_own(self) -> None:
        response = self.get("/page")
        self.assertEqual(response.text, "Slow down, 429")
        self.assertEqual(standing(response), (429, "0", "0", "10", "10"))

    def test_a_failed_request_leaves_nothing_in_the_store(self) -> None:
        self.get("/two?status=404")
        self.assertEqual(self.app.gramex.shared.ratelimits.store.entries, {})


class DefaultStoreTests(LimitCase):
    config = """
    url:
      two:
        pattern: /two
        handler: FunctionHandler
        kwargs: {function: limited.status, ratelimit: {keys: daily, limit: 2}}
    """

    def test_it_is_an_sqlite_file_that_outlives_the_app(self) -> None:
        self.assertEqual(self.statuses("/two", "/two?status=404", "/two"), [200, 404, 200])
        self.assertTrue((self.folder / "data" / "ratelimit.db").is_file())
        self.app = self.make_app(self.config)
        self.assertEqual(self.get("/two").status, 429)

    def test_a_store_that_fails_is_503_and_the_next_request_finds_it_again(self) -> None:
        store = self.app.gramex.shared.ratelimits.store
        update, store.update = store.update, self.fail_now
        self.assertEqual(self.get("/two").status, 503)
        store.update = update
        self.assertEqual(self.get("/two").status, 200)
        self.forget_errors()

    def test_a_place_that_cannot_be_given_back_stays_taken_and_the_response_is_what_it_was(self) -> None:
        store, calls = self.app.gramex.shared.ratelimits.store, []
        update = store.update

        def fail_later(key: str, change: Any) -> Any:
            calls.append(key)
            return update(key, change) if len(calls) == 1 else self.fail_now()

        store.update = fail_later
        self.assertEqual(self.get("/two?status=404").status, 404)
        store.update = update
        self.assertEqual(self.statuses("/two", "/two"), [200, 429])

    async def fail_now(self, *args: Any) -> Any:
        raise StoreError("the disk is full")


class SeveralLimitsTests(LimitCase):
    config = """
    app: {ratelimit: {type: memory}}
    url:
      both:
        pattern: /both
        handler: FunctionHandler
        kwargs:
          function: limited.how_far
          ratelimit:
            - {keys: [hourly, args.who], limit: 2, pool: each}
            - {keys: daily, limit: 3, pool: all}
      other:
        pattern: /other
        handler: FunctionHandler
        kwargs: {function: limited.status, ratelimit: {keys: daily, limit: 3, pool: all}}
      unlimited: {pattern: /unlimited, handler: FunctionHandler, kwargs: {function: limited.how_far}}
    """

    def test_the_scarcest_is_told(self) -> None:
        expected = {"limit": 2, "usage": 0, "remaining": 1, "expiry": 10}
        first = self.get("/both?who=a")
        self.assertEqual((first.json(), standing(first)), (expected, (200, "2", "1", "10", None)))
        self.assertEqual(self.get("/both?who=b").json(), {"limit": 2, "usage": 0, "remaining": 1, "expiry": 10})
        self.assertEqual(self.get("/both?who=c").json(), {"limit": 3, "usage": 2, "remaining": 0, "expiry": 10})
        self.assertEqual(standing(self.get("/both?who=d")), (429, "3", "0", "10", "10"))

    def test_what_one_limit_refuses_does_not_count_under_another(self) -> None:
        self.assertEqual(self.statuses(*["/both?who=a"] * 5), [200, 200, 429, 429, 429])
        self.assertEqual(self.statuses("/both?who=b", "/both?who=b"), [200, 429])
        self.assertEqual(
            {key: entry.value[:6] for key, entry in self.app.gramex.shared.ratelimits.store.entries.items()},
            {
                '["each", "2026-01-31 23", "a"]': b'{"n":2',
                '["each", "2026-01-31 23", "b"]': b'{"n":1',
                '["all", "2026-01-31"]': b'{"n":3',
            },
        )

    def test_routes_of_one_pool_share_their_count(self) -> None:
        self.assertEqual(self.statuses("/other", "/other", "/both?who=a", "/other"), [200, 200, 200, 429])

    def test_a_route_without_a_limit_has_none_to_tell(self) -> None:
        self.assertEqual(self.get("/unlimited").text, "")


class KeyTests(LimitCase):
    config = """
    app: {ratelimit: {type: memory}, session: {type: memory}, settings: {cookie_secret: secret}}
    handlers: {FunctionHandler: {function: limited.status}}
    url:
      ip: {pattern: /ip, handler: FunctionHandler, kwargs: {ratelimit: {keys: ip, limit: 1}}}
      method: {pattern: /method, handler: FunctionHandler, kwargs: {ratelimit: {keys: "method, uri", limit: 1}}}
      args:
        pattern: /args
        handler: FunctionHandler
        kwargs: {ratelimit: {keys: [args.x, headers.X-Who, cookies.c], limit: 1}}
      user: {pattern: /user, handler: FunctionHandler, kwargs: {ratelimit: {keys: user, limit: 1}}}
      email: {pattern: /email, handler: FunctionHandler, kwargs: {ratelimit: {keys: user.email, limit: 1}}}
      session: {pattern: /session, handler: FunctionHandler, kwargs: {ratelimit: {keys: session, limit: 1}}}
      env: {pattern: /env, handler: FunctionHandler, kwargs: {ratelimit: {keys: [env.PATH, request.host], limit: 1}}}
      function:
        pattern: /function
        handler: FunctionHandler
        kwargs:
          ratelimit:
            keys: [{function: handler.get_arg("x"), expiry: 30}, {key: method, expiry: limited.seconds(handler)}]
            limit: {function: limited.allowed}
      daily: {pattern: /daily, handler: FunctionHandler, kwargs: {ratelimit: {keys: {key: daily}, limit: 1}}}
      nonsense:
        pattern: /nonsense
        handler: FunctionHandler
        kwargs: {ratelimit: {keys: ip, limit: {function: limited.nonsense}}}
    """

    def forget_cookies(self) -> None:
        """Be another client from now on."""
        self.app.client = HTTPClient(self.app.agent)

    def as_user(self, user: str) -> dict[str, list[str]]:
        return {"X-Gramex-User": [Signer("secret", self.folder).sign("user", user)]}

    def test_clients_are_told_apart_by_address(self) -> None:
        two = {"X-Forwarded-For": ["192.0.2.7"]}
        self.assertEqual(self.statuses("/ip", "/ip"), [200, 429])
        self.assertEqual(self.statuses("/ip", "/ip", headers=two), [200, 429])

    def test_methods_and_uris_are_told_apart(self) -> None:
        self.assertEqual(self.statuses("/method?a", "/method?a", "/method?b"), [200, 429, 200])
        self.assertEqual(self.post("/method?a").status, 200)

    def test_arguments_headers_and_cookies_are_told_apart(self) -> None:
        url = "/args?x=1"
        self.assertEqual(self.statuses(url, url, "/args?x=2", "/args"), [200, 429, 200, 200])
        self.assertEqual(self.statuses(url, url, headers={"X-Who": ["me"]}), [200, 429])
        self.assertEqual(self.statuses(url, url, headers={"Cookie": ["c=1"]}), [200, 429])

    def test_users_are_told_apart_and_nobody_is_one_of_them(self) -> None:
        for url in ("/user", "/email"):
            self.forget_cookies()
            ann, bob = self.as_user('{"id":"ann","email":"a@x"}'), self.as_user('{"id":"bob","email":"b@x"}')
            again = self.as_user('{"email":"a@x","id":"ann","seen":1}')
            self.assertEqual(self.statuses(url, url), [200, 429])
            self.assertEqual(self.statuses(url, url, headers=ann), [200, 429])
            self.assertEqual(self.statuses(url, headers=again), [429])
            self.assertEqual(self.statuses(url, headers=bob), [200])

    def test_sessions_are_told_apart_and_one_begins_where_there_is_none(self) -> None:
        first = self.get("/session")
        cookie = {"Cookie": [first.headers["set-cookie"].partition(";")[0]]}
        self.assertEqual(self.statuses("/session", headers=cookie), [429])
        self.forget_cookies()
        self.assertEqual(self.statuses("/session"), [200])

    def test_the_environment_and_the_request_have_values(self) -> None:
        self.assertEqual(self.statuses("/env", "/env"), [200, 429])
        self.assertEqual(self.statuses("/env", headers={"Host": ["other"]}), [200])

    def test_functions_decide_on_keys_limits_and_expiry(self) -> None:
        url = "/function?x=a&limit=2"
        self.assertEqual(standing(self.get(url)), (200, "2", "1", "5", None))
        self.now += 4
        self.assertEqual(standing(self.get(url)), (200, "2", "0", "5", None))
        self.now += 2
        self.assertEqual(standing(self.get(url)), (429, "2", "0", "3", "3"))
        self.assertEqual(self.statuses("/function?x=a&limit=3", "/function?x=b&limit=1"), [200, 200])
        self.now += 5
        self.assertEqual(self.statuses(url), [200])

    def test_a_failed_request_does_not_prolong_the_wait(self) -> None:
        url = "/function?x=a&limit=2"
        self.assertEqual(self.statuses(url), [200])
        self.now += 4
        self.assertEqual(self.statuses(url + "&status=404"), [404])
        self.now += 1
        self.assertEqual(standing(self.get(url)), (200, "2", "1", "5", None))

    def test_a_key_may_be_written_as_a_mapping(self) -> None:
        self.assertEqual(standing(self.get("/daily")), (200, "1", "0", "10", None))

    def test_a_function_that_gives_no_number_is_a_bug_that_is_named(self) -> None:
        self.assertEqual(self.get("/nonsense").status, 500)
        self.assertIn("ratelimit.limit: returned 'many', which is no number", self.app.rows[-1][6] or "")
        self.forget_errors()


class ResetTests(LimitCase):
    config = """
    app: {ratelimit: {type: memory}}
    url:
      two:
        pattern: /two
        handler: FunctionHandler
        kwargs: {function: limited.status, ratelimit: {keys: [daily, args.u], limit: 2}}
      reset: {pattern: /reset, handler: FunctionHandler, kwargs: {function: limited.reset}}
      async: {pattern: /async, handler: FunctionHandler, kwargs: {function: limited.reset_async}}
      expression:
        pattern: /expression
        handler: FunctionHandler
        kwargs: {function: 'str(handler.reset_ratelimit("/two", ["2026-01-31", "a"]))'}
    """
    keys = "pool=/two&key=2026-01-31&key=a"

    def test_a_count_is_set_from_threads_coroutines_and_expressions(self) -> None:
        for url in (f"/reset?{self.keys}", f"/async?{self.keys}", "/expression"):
            self.assertEqual(self.statuses("/two?u=a", "/two?u=a", "/two?u=a"), [200, 200, 429])
            self.assertEqual(self.get(url).text.lower(), "true")
        self.assertEqual(self.get(f"/reset?{self.keys}&value=2").text, "true")
        self.assertEqual(self.get("/two?u=a").status, 429)

    def test_there_is_nothing_to_set_where_nothing_was_counted(self) -> None:
        self.assertEqual(self.get(f"/reset?{self.keys}&value=9").text, "false")
        self.assertEqual(self.statuses("/two?u=a"), [200])


class ConfigTests(LimitCase):
    def mistake(self, ratelimit: str) -> str:
        route = (
            f"{{pattern: /x, handler: FunctionHandler, kwargs: {{function: limited.status, ratelimit: {ratelimit}}}}}"
        )
        made = self.make_app(f"url:\n  x: {route}\n")
        [error] = made.gramex.errors
        self.assertRegex(error.where, r"gramex.yaml:2:\d+$")
        self.forget_errors()
        return error.message.removeprefix("url.x.kwargs.ratelimit")

    def test_mistakes_are_named(self) -> None:
        for written, message in {
            "{keys: ip, limt: 3}": ".limt: unknown key 'limt'; did you mean 'limit'?",
            "{keys: ip}": ": 'limit' is missing",
            "{limit: 3}": ": 'keys' is missing",
            "{keys: dayly, limit: 3}": ".keys: unknown key 'dayly'; did you mean 'daily'?",
            "{keys: [ip, arg.x], limit: 3}": ".keys.1: unknown key 'arg.x'; did you mean 'args.x'?",
            "{keys: ip, limit: many}": ".limit: must be a number or {function: ...}, not 'many'",
            "{keys: ip, limit: true}": ".limit: must be a number or {function: ...}, not True",
            "{keys: ip, limit: .inf}": ".limit: must be a number or {function: ...}, not inf",
            "{keys: 3, limit: 3}": ".keys: must be a list such as [daily, user], not 3",
            "{keys: [3], limit: 3}": ".keys.0: must be a mapping with key, function, expiry, not 3",
            "{keys: [{key: ip, expiry: 0}], limit: 3}": ".keys.0.expiry: must be seconds, more than 0, not 0",
            "{keys: [{expiry: 3}], limit: 3}": ".keys.0: needs either 'key' or 'function'",
            "{keys: [{key: ip, expire: 3}], limit: 3}": ".keys.0.expire: unknown key 'expire'; did you mean 'expiry'?",
            "[{keys: ip, limit: 1}, {keys: ip, limit: 2}]": (
                ".1: counts what another limit counts; give it a pool of its own"
            ),
        }.items():
            self.assertEqual(self.mistake(written), message, written)

    def test_a_function_that_is_not_there_is_named(self) -> None:
        message = self.mistake("{keys: [{function: limited.nothing}], limit: 3}")
        self.assertIn('.keys.0: module limited has no function "nothing"', message)


class PeriodTests(SynchronousTestCase):
    def check(self, name: str, now: str, text: str, end: str) -> None:
        self.assertEqual(period(name, at(now)), (text, at(end)))

    def test_hours_and_days_end_at_the_next_one(self) -> None:
        self.check("hourly", "2026-03-29 00:59:59", "2026-03-29 00", "2026-03-29 01:00:00")
        self.check("hourly", "2026-12-31 23:00:00", "2026-12-31 23", "2027-01-01 00:00:00")
        self.check("daily", "2028-02-28 23:59:59", "2028-02-28", "2028-02-29")
        self.check("daily", "2028-02-29 00:00:00", "2028-02-29", "2028-03-01")

    def test_weeks_begin_on_sunday_also_across_new_year(self) -> None:
        self.check("weekly", "2026-11-21 23:59:59", "2026 46", "2026-11-22")  # a Saturday
        self.check("weekly", "2026-11-22 00:00:00", "2026 47", "2026-11-29")
        self.check("weekly", "2026-12-31 12:00:00", "2026 52", "2027-01-03")
        self.check("weekly", "2027-01-02 12:00:00", "2026 52", "2027-01-03")

    def test_months_and_years_have_their_lengths(self) -> None:
        self.check("monthly", "2027-02-28 23:59:59", "2027-02", "2027-03-01")
        self.check("monthly", "2028-02-29 12:00:00", "2028-02", "2028-03-01")
        self.check("monthly", "2026-12-31 23:59:59", "2026-12", "2027-01-01")
        self.check("monthly", "2026-01-31 00:00:00", "2026-01", "2026-02-01")
        self.check("yearly", "2028-02-29 12:00:00", "2028", "2029-01-01")
        self.check("yearly", "2026-12-31 23:59:59", "2026", "2027-01-01")

    @settings(deadline=None, max_examples=100)
    @given(st.sampled_from(sorted(PERIODS)), st.floats(0, 4e9), st.floats(0, 4e9))
    def test_moments_have_the_same_key_when_they_are_in_the_same_period(
        self, name: str, one: float, two: float
    ) -> None:
        (first, end), (second, other) = period(name, one), period(name, two)
        self.assertGreater(end, one)
        self.assertEqual(first == second, end == other)
        self.assertNotEqual(period(name, end)[0], first)


LAST_MOMENT = """
app: {ratelimit: {type: memory}}
url:
  one:
    pattern: /one
    handler: FunctionHandler
    kwargs: {function: limited.status, ratelimit: {keys: monthly, limit: 1}}
"""


class PeriodEndTests(LimitCase):
    config = LAST_MOMENT

    def test_a_month_ends_on_time(self) -> None:
        self.now = at("2028-02-29 23:59:59.5")
        self.assertEqual(standing(self.get("/one")), (200, "1", "0", "1", None))
        self.assertEqual(standing(self.get("/one")), (429, "1", "0", "1", "1"))
        self.now = at("2028-03-01 00:00:00")
        self.assertEqual(standing(self.get("/one")), (200, "1", "0", str(31 * 86400), None))

    def test_requests_of_the_last_moment_that_are_counted_in_the_next_are_still_limited(self) -> None:
        """The clock moves between the guard, which sees the old period, and the store."""
        limits = self.app.gramex.shared.ratelimits
        limits.now = lambda: at("2026-01-31 23:59:59.9")
        self.now = at("2026-02-01 00:00:00.1")
        self.assertEqual(self.statuses("/one", "/one"), [200, 429])


SHARED = """
url:
  ten:
    pattern: /ten
    handler: FunctionHandler
    kwargs: {function: limited.status, ratelimit: [{keys: yearly, limit: 10}, {keys: [ip, args.n], limit: 1, pool: n}]}
"""


class TwoProcessesTests(ProcessTestCase):
    """A hundred requests at once at two servers that share a store; each is made twice, which its own limit refuses."""

    async def requests(self, store: str) -> list[int]:
        self.write({"gramex.yaml": f"app: {{ratelimit: {store}}}\n{SHARED}", "limited.py": MODULE})
        servers = [self.spawn("--port", "0") for _ in range(2)]
        for server in servers:
            await server.started()
        clients = [await Client.connect(servers[index % 2].port) for index in range(100)]
        for client in clients:
            self.addCleanup(client.transport.loseConnection)
        answers = await gatherResults([client.send(f"/ten?n={index // 2}") for index, client in enumerate(clients)])
        return sorted(answer.status for answer in answers)

    def test_exactly_ten_succeed_with_sqlite(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.check("{type: sqlite}"))

    def test_exactly_ten_succeed_with_redis(self) -> Deferred[None]:
        redis = RedisServer.of(self)
        assert isinstance(redis, RedisServer)
        return Deferred.fromCoroutine(self.check(f"{{type: redis, url: '{redis.url()}'}}"))

    async def check(self, store: str) -> None:
        self.assertEqual(await self.requests(store), [200] * 10 + [429] * 90)


class ParallelTests(LimitCase):
    config = """
    app: {ratelimit: {type: memory}}
    url:
      slow:
        pattern: /slow
        handler: FunctionHandler
        kwargs: {function: waiting.wait, ratelimit: {keys: daily, limit: 10}}
    """
    files = {
        "waiting.py": """
            from twisted.internet.defer import Deferred
            waiting = []
            def wait(handler) -> Deferred:
                waiting.append(Deferred())
                return waiting[-1]
        """
    }

    def test_exactly_ten_of_a_hundred_that_run_at_once_succeed(self) -> None:
        import waiting  # type: ignore[import-not-found]

        deferreds = [self.app.start("GET", "/slow") for _ in range(100)]
        self.app.pump()
        self.assertEqual(len(waiting.waiting), 10)
        for each in waiting.waiting:
            each.callback("done")
        self.app.pump()
        answers = sorted(self.successResultOf(deferred).status for deferred in deferreds)
        self.assertEqual(answers, [200] * 10 + [429] * 90)

    def test_a_place_is_free_again_as_soon_as_its_request_has_failed(self) -> None:
        import waiting

        deferreds = [self.app.start("GET", "/slow") for _ in range(10)]
        self.app.pump()
        self.assertEqual(self.get("/slow").status, 429)
        waiting.waiting[0].errback(ValueError("bug"))
        late = self.app.start("GET", "/slow")
        self.app.pump()
        self.assertEqual(len(waiting.waiting), 11)
        for each in waiting.waiting[1:]:
            each.callback("done")
        self.app.pump()
        self.assertEqual(sorted(self.successResultOf(d).status for d in [*deferreds, late]), [200] * 10 + [500])
        self.forget_errors()
