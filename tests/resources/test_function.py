"""FunctionHandler: what user functions may be, where they run, and what becomes of what they return."""

from __future__ import annotations

import re

from gramex_twisted.testing import AppTestCase

MODULE = """
import threading
from collections.abc import Iterator

from twisted.internet.defer import Deferred, inlineCallbacks, succeed

events = []
waiting = []


def plain(handler):
    return f"{handler.request.method} {threading.current_thread() is threading.main_thread()}"


def no_arguments():
    return "none"


def named(x, handler=None):
    return f"{x} {handler is not None}"


async def coroutine(handler):
    value = await succeed("from a Deferred")
    return f"{value} {threading.current_thread() is threading.main_thread()}"


async def waits(handler):
    deferred = Deferred()
    waiting.append(deferred)
    return await deferred


@inlineCallbacks
def inline(handler):
    value = yield succeed(20)
    return value + 1


def returns_deferred(handler):
    return succeed({"a": 1})


def parts(handler):
    events.append("start")
    try:
        for number in range(3):
            yield f"{number},"
    finally:
        events.append("closed")


async def async_parts(handler):
    for number in range(3):
        yield await succeed(f"{number};")


def mixed(handler):
    yield 1
    yield {"a": 2}
    yield succeed("three")
    yield None
    yield b"four"


def fails(handler):
    raise ValueError("secret detail")


def fails_later(handler):
    yield "first"
    raise ValueError("too late")


def http_error(handler):
    from gramex_twisted.errors import HTTPError
    raise HTTPError(418, "no coffee", reason="Teapot", headers={"X-Tea": "green"})


def nonsense(handler):
    return object()


def writes(handler):
    handler.set_status(201, "Made")
    handler.set_header("X-Own", "1")
    handler.write("a")
    handler.write("b")
    return "c"


def finishes(handler):
    handler.finish("done")
    return "ignored"


def injects(handler):
    handler.set_header("X-Own", handler.get_arg("v"))


def flushes(handler):
    handler.write("first ")
    handler.flush()
    return "second"


def redirects(handler):
    handler.redirect("/elsewhere")
    return "ignored"


def who_is_it(handler):
    handler.mine = handler.get_arg("n")
    return waiting_with(handler)


async def waiting_with(handler):
    deferred = Deferred()
    waiting.append(deferred)
    await deferred
    return handler.mine


def headers(handler):
    handler.set_header("Content-Type", "text/csv")
    return "a,b"


def frame(handler):
    import pandas as pd
    return pd.DataFrame({"a": [1, 2]})


def cookies(handler):
    handler.set_cookie("a", "1")
    handler.set_cookie("b", "2", httponly=True)
    return handler.get_cookie("c", "none")


def big(handler):
    handler.set_header("Content-Type", "application/octet-stream")
    return "x" * 3_000_000
"""


NAMES = re.findall(r"^(?:async )?def (\w+)", MODULE, re.MULTILINE)


class FunctionTests(AppTestCase):
    files = {"userfns.py": MODULE}
    config = (
        "url:\n"
        + "".join(
            f"  {name}: {{pattern: /{name}, handler: FunctionHandler, kwargs: {{function: userfns.{name}}}}}\n"
            for name in NAMES
        )
        + """
  text: {pattern: /text, handler: FunctionHandler, kwargs: {function: 'str("héllo")'}}
  number: {pattern: /number, handler: FunctionHandler, kwargs: {function: 1 + 1}}
  args: {pattern: /args, handler: FunctionHandler, kwargs: {function: userfns.named, args: [=handler.get_arg("x")]}}
  on_reactor: {pattern: /reactor, handler: FunctionHandler, kwargs: {function: userfns.plain, thread: false}}
  pipeline:
    pattern: /pipeline
    handler: FunctionHandler
    kwargs:
      function:
        - {name: n, function: int(handler.get_arg("n"))}
        - {name: doubled, function: n * 2}
        - {function: "{'n': n, 'doubled': doubled}"}
  group: {pattern: '/group/(.*)/(.*)', handler: FunctionHandler, kwargs: {function: handler.path_args}}
  names: {pattern: '/names/(?P<a>.*)/(?P<b>.*)', handler: FunctionHandler, kwargs: {function: handler.path_kwargs}}
  after: {pattern: /after, handler: FunctionHandler, kwargs: {function: '"x"', redirect: {query: next, url: /home}}}
  header:
    pattern: /header
    handler: FunctionHandler
    kwargs: {function: '"x"', headers: {Content-Type: text/plain, X-Many: [a, b], Cache-Control: no-store}}
"""
    )

    def test_text_is_html_with_length_and_etag(self) -> None:
        response = self.get("/text")
        self.assertEqual((response.status, response.text), (200, "héllo"))
        self.assertEqual(response.headers["content-type"], "text/html; charset=UTF-8")
        self.assertEqual(response.headers["content-length"], "6")
        self.assertRegex(response.headers["etag"], r'^"[0-9a-f]{24}"$')
        self.assertTrue(response.headers["server"].startswith("gramex-twisted/"))
        self.assertRegex(response.headers["date"], r"^\w{3}, \d\d \w{3} \d{4} ")

    def test_what_is_not_text_is_json(self) -> None:
        response = self.get("/number")
        self.assertEqual((response.text, response.headers["content-type"]), ("2", "application/json; charset=UTF-8"))

    def test_an_etag_that_the_client_has_is_304(self) -> None:
        etag = self.get("/text").headers["etag"]
        for tags in (etag, f'"x", W/{etag}', "*"):
            response = self.get("/text", headers={"If-None-Match": [tags]})
            self.assertEqual((response.status, response.body, response.headers["etag"]), (304, b"", etag))
        self.assertEqual(self.get("/text", headers={"If-None-Match": ['"other"']}).status, 200)

    def test_a_post_has_no_etag(self) -> None:
        self.assertNotIn("etag", self.post("/text").headers)

    def test_head_is_get_without_a_body(self) -> None:
        response = self.request("HEAD", "/text")
        self.assertEqual((response.status, response.body, response.headers["content-length"]), (200, b"", "6"))

    def test_every_method_is_answered(self) -> None:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            self.assertEqual(self.request(method, "/plain").text, f"{method} False")

    def test_a_def_runs_in_a_thread_and_an_async_def_on_the_reactor(self) -> None:
        self.assertEqual(self.get("/plain").text, "GET False")
        self.assertEqual(self.get("/coroutine").text, "from a Deferred True")

    def test_thread_false_runs_a_def_on_the_reactor(self) -> None:
        self.assertEqual(self.get("/reactor").text, "GET True")

    def test_a_function_takes_what_its_signature_names(self) -> None:
        self.assertEqual(self.get("/no_arguments").text, "none")
        self.assertEqual(self.get("/args?x=5").text, "5 False")

    def test_a_pipeline_hands_results_on_by_name(self) -> None:
        self.assertEqual(self.get("/pipeline?n=4").json(), {"n": 4, "doubled": 8})

    def test_inline_callbacks_and_deferreds_are_awaited(self) -> None:
        self.assertEqual(self.get("/inline").text, "21")
        self.assertEqual(self.get("/returns_deferred").json(), {"a": 1})

    def test_path_groups_are_decoded(self) -> None:
        self.assertEqual(self.get("/group/a%20b/%C3%A9").json(), ["a b", "é"])
        self.assertEqual(self.get("/names/1/2").json(), {"a": "1", "b": "2"})

    def test_a_path_that_is_not_utf_8_is_400(self) -> None:
        response = self.get("/group/%ff/x")
        self.assertEqual((response.status, response.json()["error"]), (400, "the path is not UTF-8"))

    def test_a_generator_streams_its_values_in_order(self) -> None:
        response = self.get("/parts")
        self.assertEqual((response.text, response.headers["content-type"]), ("0,1,2,", "text/html; charset=UTF-8"))
        self.assertNotIn("content-length", response.headers)
        self.assertEqual(self.get("/async_parts").text, "0;1;2;")

    def test_a_generator_may_yield_anything(self) -> None:
        self.assertEqual(self.get("/mixed").text, '1{"a":2}threefour')

    def test_written_text_comes_before_the_result(self) -> None:
        response = self.get("/writes")
        self.assertEqual((response.status, response.reason, response.text), (201, "Made", "abc"))
        self.assertEqual(response.headers["x-own"], "1")

    def test_finish_ends_the_response(self) -> None:
        self.assertEqual(self.get("/finishes").text, "done")

    def test_flush_sends_what_there_is(self) -> None:
        response = self.get("/flushes")
        self.assertEqual(response.text, "first second")
        self.assertNotIn("content-length", response.headers)

    def test_cookies_both_ways(self) -> None:
        response = self.get("/cookies", headers={"Cookie": ["c=3; d=4"]})
        self.assertEqual(response.text, "3")
        self.assertEqual(response.all("Set-Cookie"), ["a=1; Path=/", "b=2; HttpOnly; Path=/"])

    def test_a_large_body_arrives_whole(self) -> None:
        response = self.get("/big")
        self.assertEqual((len(response.body), response.headers["content-length"]), (3_000_000, "3000000"))

    def test_headers_of_the_route_and_of_the_function(self) -> None:
        response = self.get("/header")
        self.assertEqual(response.headers["content-type"], "text/plain")
        self.assertEqual(response.all("X-Many"), ["a", "b"])
        self.assertEqual(self.get("/headers").headers["content-type"], "text/csv")

    def test_two_requests_at_once_share_nothing(self) -> None:
        import userfns  # type: ignore[import-not-found]

        one, two = self.app.start("GET", "/who_is_it?n=1"), self.app.start("GET", "/who_is_it?n=2")
        self.app.pump()
        for deferred in reversed(userfns.waiting):
            deferred.callback(None)
        self.app.pump()
        self.assertEqual((self.successResultOf(one).text, self.successResultOf(two).text), ("1", "2"))

    def test_a_redirect_by_the_function_has_no_body(self) -> None:
        response = self.get("/redirects")
        self.assertEqual((response.status, response.headers["location"], response.body), (302, "/elsewhere", b""))

    def test_redirect_option_sends_the_client_on(self) -> None:
        self.assertEqual(self.get("/after").headers["location"], "/home")
        self.assertEqual(self.get("/after?next=/x%3Fy=1").headers["location"], "/x?y=1")

    def test_redirect_option_never_leaves_the_site(self) -> None:
        for url in (
            "//evil.com",
            "https://evil.com/",
            "/%5Cevil.com",
            "%5C%5Cevil.com",
            "javascript:alert(1)",
            "/%09/evil.com",
        ):
            self.assertEqual(self.get(f"/after?next={url}").headers["location"], "/home", url)
        self.assertEqual(self.get("/after?next=http://127.0.0.1/in").headers["location"], "http://127.0.0.1/in")


class FailingFunctionTests(AppTestCase):
    files = FunctionTests.files
    config = FunctionTests.config

    def test_an_exception_is_500_without_its_text(self) -> None:
        response = self.get("/fails")
        self.assertEqual(response.status, 500)
        self.assertEqual(response.json(), {"code": 500, "success": False, "error": "Internal Server Error"})
        self.assertEqual(self.log_of("/fails")[6], "ValueError: secret detail")

    def test_an_http_error_has_its_status_reason_and_headers(self) -> None:
        response = self.get("/http_error")
        self.assertEqual((response.status, response.reason, response.headers["x-tea"]), (418, "Teapot", "green"))
        self.assertEqual(response.json(), {"code": 418, "success": False, "error": "no coffee"})

    def test_an_exception_after_the_first_flush_aborts_the_connection(self) -> None:
        deferred = self.app.start("GET", "/fails_later")
        self.app.pump()
        failure = self.failureResultOf(deferred)
        self.assertIn("ResponseFailed", repr(failure.value) + failure.type.__name__)

    def test_a_result_that_is_nothing_http_knows_is_500(self) -> None:
        response = self.get("/nonsense")
        self.assertEqual(response.status, 500)
        self.assertIn("no text and no JSON", str(self.log_of("/nonsense")[6]))

    def test_header_injection_is_refused(self) -> None:
        response = self.get("/injects?v=a%0D%0ASet-Cookie:%20x=1")
        self.assertEqual(response.status, 500)
        self.assertNotIn("set-cookie", response.headers)
        self.assertNotIn("x-own", response.headers)

    def test_a_missing_argument_is_400_and_named(self) -> None:
        response = self.get("/injects")
        self.assertEqual((response.status, response.json()["error"]), (400, "v: missing ?v="))

    def test_a_client_that_leaves_closes_the_generator(self) -> None:
        import userfns

        userfns.events.clear()
        self.get("/parts")
        self.assertEqual(userfns.events, ["start", "closed"])

    def test_a_function_that_waits_does_not_keep_others_waiting(self) -> None:
        waiting = self.app.start("GET", "/waits")
        self.app.pump()
        self.assertNoResult(waiting)
        self.assertEqual(self.get("/text").status, 200)
        import userfns

        userfns.waiting.pop().callback("late")
        self.app.pump()
        self.assertEqual(self.successResultOf(waiting).text, "late")

    def test_a_function_that_fails_while_awaited_is_500(self) -> None:
        waiting = self.app.start("GET", "/waits")
        self.app.pump()
        import userfns

        userfns.waiting.pop().errback(KeyError("k"))
        self.app.pump()
        self.assertEqual(self.successResultOf(waiting).status, 500)
