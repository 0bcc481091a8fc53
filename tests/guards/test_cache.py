"""cache: responses that are computed once and given out again."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.caches import SingleFlight
from gramex_twisted.testing import AppTestCase
from gramex_twisted.web.recording import Recorded, Recorder

MODULE = """
from twisted.internet.defer import Deferred
from gramex_twisted.errors import HTTPError

calls = []
waiting = []


def count(handler):
    calls.append(handler.request.uri)
    return f"call {len(calls)}"


def headers(handler):
    calls.append("headers")
    handler.set_header("X-Own", "1")
    handler.set_header("Content-Type", "text/plain")
    handler.set_cookie("a", "b")
    return f"call {len(calls)}"


def who(handler):
    calls.append("who")
    user = handler.current_user
    return user.id if user else "nobody"


def basket(handler):
    handler.session["basket"] = 1
    calls.append("basket")
    return f"call {len(calls)}"


def private(handler):
    calls.append("private")
    handler.set_header("Cache-Control", handler.get_arg("control"))
    return f"call {len(calls)}"


def sign_in(handler):
    handler.session["user"] = {"id": handler.get_arg("id")}
    return "in"


def fails(handler):
    calls.append("fails")
    raise HTTPError(int(handler.get_arg("status")))


def parts(handler):
    calls.append("parts")
    yield "one "
    yield "two"


async def slow(handler):
    calls.append("slow")
    deferred = Deferred()
    waiting.append(deferred)
    return await deferred


def link(handler):
    calls.append("link")
    return f"<a href=//{handler.request.host}/>"
"""


class CacheTests(AppTestCase):
    files = {"fns.py": MODULE}
    config = """
    app: {session: {type: memory}}
    cache:
      small: {size: 2000}
    url:
      count: {pattern: /count, handler: FunctionHandler, kwargs: {function: fns.count, cache: true}}
      short: {pattern: /short, handler: FunctionHandler, kwargs: {function: fns.count, cache: {expiry: {duration: 60}}}}
      made:
        pattern: /made
        handler: FunctionHandler
        kwargs: {function: fns.count, cache: {expiry: {duration: {function: 'int(handler.get_arg("s"))'}}}}
      args:
        pattern: /args
        handler: FunctionHandler
        kwargs: {function: fns.count, cache: {key: [args.x, headers.X-Y]}}
      expr: {pattern: /expr, handler: FunctionHandler, kwargs: {function: fns.count, cache: {key: {function: fns.key}}}}
      headers: {pattern: /headers, handler: FunctionHandler, kwargs: {function: fns.headers, cache: true}}
      who: {pattern: /who, handler: FunctionHandler, kwargs: {function: fns.who, cache: true}}
      mine:
        pattern: /mine
        handler: FunctionHandler
        kwargs: {function: fns.who, cache: {key: [request.uri, user.id]}}
      basket: {pattern: /basket, handler: FunctionHandler, kwargs: {function: fns.basket, cache: true}}
      private: {pattern: /private, handler: FunctionHandler, kwargs: {function: fns.private, cache: true}}
      in: {pattern: /in, handler: FunctionHandler, kwargs: {function: fns.sign_in}}
      fails: {pattern: /fails, handler: FunctionHandler, kwargs: {function: fns.fails, cache: true}}
      gone: {pattern: /gone, handler: FunctionHandler, kwargs: {function: fns.fails, cache: {status: [404]}}}
      parts: {pattern: /parts, handler: FunctionHandler, kwargs: {function: fns.parts, cache: true}}
      slow: {pattern: /slow, handler: FunctionHandler, kwargs: {function: fns.slow, cache: true}}
      link: {pattern: /link, handler: FunctionHandler, kwargs: {function: fns.link, cache: true}}
      small: {pattern: '/small/(.*)', handler: FunctionHandler, kwargs: {function: fns.count, cache: {store: small}}}
    """.replace("{function: fns.key}", "{function: 'handler.get_arg(\"k\")'}")

    def setUp(self) -> None:
        super().setUp()
        import fns  # type: ignore[import-not-found]

        self.fns = fns
        self.now = 1000.0
        self.app.gramex.shared.caches.store().clock = lambda: self.now

    def test_a_response_is_computed_once(self) -> None:
        for _ in range(3):
            self.assertEqual(self.get("/count").text, "call 1")
        self.assertEqual(self.get("/count?x=1").text, "call 2")
        self.assertEqual(self.fns.calls, ["/count", "/count?x=1"])

    def test_a_kept_response_has_its_headers_and_etag_but_no_cookie(self) -> None:
        first, second = self.get("/headers"), self.get("/headers")
        self.assertEqual((second.status, second.text), (200, "call 1"))
        for name in ("x-own", "content-type", "etag", "server", "content-length"):
            self.assertEqual(second.headers[name], first.headers[name])
        self.assertIn("set-cookie", first.headers)
        self.assertNotIn("set-cookie", second.headers)

    def test_a_kept_response_can_be_not_modified(self) -> None:
        etag = self.get("/count").headers["etag"]
        self.assertEqual(self.get("/count", headers={"If-None-Match": [etag]}).status, 304)
        self.assertEqual(len(self.fns.calls), 1)

    def test_a_first_answer_of_304_keeps_the_whole_response(self) -> None:
        etag = self.get("/count").headers["etag"]
        app = self.app = self.make_app(self.config)
        self.fns.calls.clear()
        self.assertEqual(self.get("/count", headers={"If-None-Match": [etag]}).status, 304)
        self.assertEqual(self.get("/count").text, "call 1")
        self.assertEqual(app.rows[-1][0], 200)

    def test_head_uses_what_get_kept(self) -> None:
        self.get("/count")
        response = self.request("HEAD", "/count")
        self.assertEqual((response.status, response.body, response.headers["content-length"]), (200, b"", "6"))
        self.assertEqual(len(self.fns.calls), 1)

    def test_other_methods_are_not_cached(self) -> None:
        for _ in range(2):
            self.request("PUT", "/count", headers={"X-Requested-With": ["XMLHttpRequest"]})
        self.assertEqual(len(self.fns.calls), 2)

    def test_it_expires(self) -> None:
        self.assertEqual(self.get("/short").text, "call 1")
        self.now += 59
        self.assertEqual(self.get("/short").text, "call 1")
        self.now += 2
        self.assertEqual(self.get("/short").text, "call 2")

    def test_a_function_gives_the_duration(self) -> None:
        self.assertEqual(self.get("/made?s=5").text, "call 1")
        self.now += 6
        self.assertEqual(self.get("/made?s=5").text, "call 2")

    def test_the_key_says_which_requests_are_alike(self) -> None:
        self.assertEqual(self.get("/args?x=1&y=1").text, "call 1")
        self.assertEqual(self.get("/args?x=1&y=2").text, "call 1")
        self.assertEqual(self.get("/args?x=2").text, "call 2")
        self.assertEqual(self.get("/args?x=1", headers={"X-Y": ["z"]}).text, "call 3")
        self.assertEqual(self.get("/expr?k=1&n=1").text, "call 4")
        self.assertEqual(self.get("/expr?k=1&n=2").text, "call 4")

    def test_only_the_configured_statuses_are_kept(self) -> None:
        for _ in range(2):
            self.assertEqual(self.get("/fails?status=404").status, 404)
            self.assertEqual(self.get("/gone?status=404").status, 404)
        self.assertEqual(len(self.fns.calls), 3)

    def test_a_stream_is_kept_when_it_was_whole(self) -> None:
        self.assertEqual(self.get("/parts").text, "one two")
        second = self.get("/parts")
        self.assertEqual((second.text, second.headers["content-length"]), ("one two", "7"))
        self.assertEqual(self.fns.calls, ["parts"])

    def sign_in(self, name: str) -> dict[str, list[str]]:
        """The headers of a signed-in client."""
        cookie = self.get(f"/in?id={name}").headers["set-cookie"].partition(";")[0]
        self.app.new_client()
        return {"Cookie": [cookie]}

    def test_a_signed_in_users_response_is_not_shared(self) -> None:
        self.assertEqual(self.get("/who").text, "nobody")
        alice, bob = self.sign_in("alice"), self.sign_in("bob")
        self.assertEqual(self.get("/who", headers=alice).text, "alice")
        self.assertEqual(self.get("/who", headers=bob).text, "bob")
        self.assertEqual(self.get("/who").text, "nobody")
        for _ in range(2):
            self.assertEqual(self.get("/mine", headers=alice).text, "alice")
            self.assertEqual(self.get("/mine", headers=bob).text, "bob")
        self.assertEqual(self.fns.calls.count("who"), 5)

    def test_a_response_that_begins_a_session_is_not_shared(self) -> None:
        self.get("/basket")
        self.app.new_client()
        self.assertEqual(self.get("/basket").text, "call 2")

    def test_the_response_may_forbid_it(self) -> None:
        for control in ("no-store", "private, max-age=5"):
            texts = {self.get("/private", params={"control": control}).text for _ in range(2)}
            self.assertEqual(len(texts), 2)
        self.assertEqual(len({self.get("/private?control=max-age=5").text for _ in range(2)}), 1)

    def test_another_host_gets_its_own(self) -> None:
        self.assertIn("evil", self.get("/link", headers={"Host": ["evil.example"]}).text)
        self.assertIn("127.0.0.1", self.get("/link").text)

    def test_concurrent_misses_compute_once(self) -> None:
        started = [self.app.start("GET", "/slow") for _ in range(10)]
        self.app.pump()
        self.assertEqual(self.fns.calls, ["slow"])
        self.fns.waiting.pop().callback("result")
        self.app.pump()
        self.assertEqual([self.successResultOf(deferred).text for deferred in started], ["result"] * 10)
        self.assertEqual(self.fns.calls, ["slow"])

    def test_a_computation_that_fails_lets_the_next_one_try(self) -> None:
        started = [self.app.start("GET", "/slow") for _ in range(3)]
        self.app.pump()
        self.fns.waiting.pop().errback(ValueError("no"))
        self.app.pump()
        self.assertEqual(self.fns.calls, ["slow", "slow"])
        self.fns.waiting.pop().callback("better")
        self.app.pump()
        self.assertEqual([self.successResultOf(d).status for d in started], [500, 200, 200])

    def test_a_cache_is_bounded_by_its_size(self) -> None:
        for number in range(20):
            self.get(f"/small/{number}")
        store: Any = self.app.gramex.shared.caches.store("small")
        self.assertLessEqual(store.entries.bytes, 2000)
        self.assertEqual(self.get("/small/0").text, "call 21")
        self.assertEqual(self.get("/small/0").text, "call 21")


class DiskCacheTests(AppTestCase):
    files = {"fns.py": MODULE}
    config = """
    cache: {kept: {type: disk, default: true}}
    url:
      count: {pattern: /count, handler: FunctionHandler, kwargs: {function: fns.count, cache: true}}
    """

    def test_a_disk_cache_survives_the_app(self) -> None:
        self.assertEqual(self.get("/count").text, "call 1")
        self.app = self.make_app(self.config)
        self.assertEqual(self.get("/count").text, "call 1")


class CacheMistakeTests(AppTestCase):
    config = """
    url:
      key: {pattern: /key, handler: FunctionHandler, kwargs: {function: '1', cache: {key: reqest.uri}}}
      store: {pattern: /store, handler: FunctionHandler, kwargs: {function: '1', cache: {store: none}}}
      expiry: {pattern: /expiry, handler: FunctionHandler, kwargs: {function: '1', cache: {expiry: {duration: -1}}}}
    """

    def test_mistakes_are_named(self) -> None:
        errors = "\n".join(str(error) for error in self.app.gramex.errors)
        self.assertIn("url.key.kwargs.cache.key: unknown key 'reqest.uri'; use ", errors)
        self.assertIn("url.store.kwargs.cache.store: no cache 'none'; use memory", errors)
        self.assertIn("url.expiry.kwargs.cache.expiry", errors)
        self.assertEqual(len(self.app.gramex.errors), 3)


class RecordingTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=100)
    @given(
        st.integers(100, 999),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.lists(st.text("abc"))),
        st.binary(),
    )
    def test_a_response_survives_packing(self, status: int, headers: dict[str, list[str]], body: bytes) -> None:
        recorded = Recorded(status, headers, body)
        self.assertEqual(Recorded.unpack(recorded.pack()), recorded)

    def test_other_bytes_are_refused(self) -> None:
        for packed in (b"", b"abc", b"\x00\x00\x00\x02{}", b"\xff\xff\xff\xff[]"):
            self.assertRaises(ValueError, Recorded.unpack, packed)

    def test_a_recorder_tells_once(self) -> None:
        told: list[Recorded | None] = []
        recorder = Recorder(10, told.append)
        recorder.part(b"12345")
        recorder.whole(200, {"Date": ["x"], "A": ["b"]}, b"678")
        recorder.end()
        self.assertEqual(told, [Recorded(200, {"A": ["b"]}, b"12345678")])

    def test_what_is_too_long_or_broken_off_is_nothing(self) -> None:
        told: list[Recorded | None] = []
        long, broken = Recorder(10, told.append), Recorder(10, told.append)
        long.whole(200, {}, b"x" * 11)
        broken.part(b"x")
        broken.end()
        self.assertEqual(told, [None, None])

    def test_single_flight_hands_the_result_to_those_who_wait(self) -> None:
        flights: SingleFlight[int] = SingleFlight()
        self.assertIsNone(flights.join("k"))
        waiting = flights.join("k")
        assert waiting is not None
        flights.done("k", 5)
        self.assertEqual(self.successResultOf(waiting), 5)
        self.assertIsNone(flights.join("k"))
