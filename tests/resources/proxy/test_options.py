"""What may be written in the kwargs, and what the mistakes are called."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.resources.proxy.headers import HTTPHeaders
from gramex_twisted.resources.proxy.patience import Patience, Watch
from gramex_twisted.services.upstream.service import Upstreams
from gramex_twisted.testing import AppTestCase


class MistakeTests(AppTestCase):
    config = "app: {}"

    def test_each_is_told_with_its_place(self) -> None:
        for kwargs, told in {
            "{}": "'url' is missing",
            "{url: 'http://{0}/'}": "url.p.kwargs.url: the host comes from the configuration alone",
            "{url: http://h/, request_headers: {'a b': true}}": "'a b' is not a header name",
            "{url: http://h/, request_headers: {Connection: x}}": "Connection belongs to one connection",
            "{url: http://h/, request_headers: {A: '{nothing}'}}": "{nothing} is unknown; use {handler...}",
            "{url: http://h/, request_headers: {A: '{handler'}}": "expected '}'",
            "{url: http://h/, default: {a: ['{0}']}}": "{0} is unknown; use {handler...}",
            "{url: http://h/, headers: {'a b': 1}}": "'a b' is not a header name",
            "{url: https://h/, ca: missing.pem}": "url.p.kwargs.ca: [Errno 2]",
            "{url: https://h/, ca: gramex.yaml}": "no certificate in",
            "{url: http://h/, prepare: 'no.such()'}": "prepare",
            "{url: http://h/, request_timeout: 0}": "request_timeout",
        }.items():
            app = self.make_app(f"url:\n  p: {{pattern: /p, handler: ProxyHandler, kwargs: {kwargs}}}\n")
            [error] = app.gramex.errors
            self.assertIn(told, str(error), kwargs)
            self.assertIn("gramex.yaml:2:", str(error), kwargs)

    def test_an_app_without_a_proxy_opens_none(self) -> None:
        self.assertNotIn(Upstreams, self.app.gramex.shared._parts)


class HeadersTests(SynchronousTestCase):
    def test_names_have_no_case_and_values_no_line_breaks(self) -> None:
        headers = HTTPHeaders()
        headers["content-TYPE"] = "a/b"
        headers.add("X-Many", 1)
        headers.add("x-many", "zwei ü")
        self.assertEqual(dict(headers), {"Content-Type": "a/b", "X-Many": "1,zwei ü"})
        self.assertEqual(headers.get_list("X-MANY"), ["1", "zwei ü"])
        self.assertEqual(headers.get_list("none"), [])
        self.assertEqual(list(headers.get_all()), [("Content-Type", "a/b"), ("X-Many", "1"), ("X-Many", "zwei ü")])
        self.assertIn("CONTENT-type", headers)
        self.assertEqual(headers.pop("content-type"), "a/b")
        self.assertEqual((len(headers), headers.get("content-type")), (1, None))
        for name, value in (("X", "a\r\nb"), ("X", "a\0"), ("bad name", "x"), ("", "x")):
            with self.assertRaises(ValueError):
                headers[name] = value
        raw = headers.raw().getRawHeaders(b"X-Many")
        self.assertEqual(raw, [b"1", b"zwei \xfc"])


class PatienceTests(SynchronousTestCase):
    def test_it_ends_after_silence_that_is_the_upstreams(self) -> None:
        clock = Clock()
        watch = Watch(clock, 10)
        ended: list[str] = []
        one, other = Patience(watch, lambda: ended.append("one")), Patience(watch, lambda: ended.append("other"))
        for _ in range(9):
            clock.advance(1)
        one.heard()
        clock.advance(1)
        self.assertEqual((ended, other.ended, one.ended), (["other"], True, False))
        one.hold(True)
        for _ in range(100):
            clock.advance(1)
        self.assertEqual(ended, ["other"])
        one.hold(False)
        for _ in range(10):
            clock.advance(1)
        self.assertEqual(ended, ["other", "one"])
        clock.advance(1)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_nothing_is_left_of_one_that_has_stopped(self) -> None:
        clock = Clock()
        watch = Watch(clock, 1)
        Patience(watch, self.fail).stop()
        clock.advance(5)
        self.assertEqual(clock.getDelayedCalls(), [])
        Patience(watch, self.fail)
        watch.stop()
        self.assertEqual(clock.getDelayedCalls(), [])
