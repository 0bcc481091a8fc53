"""Status, headers and cookies that user code sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from http.cookies import CookieError
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.web.reply import Headers, Reply


class Answer(Reply):
    def __init__(self) -> None:
        self._status, self._reason, self._headers, self._cookies = 200, None, None, None
        self._chunks, self.finished = [], False
        self.request = SimpleNamespace(uri="/a/b?x=1")

    def _default_headers(self) -> Headers:
        return {"Server": ["s"]}


class HeaderTests(SynchronousTestCase):
    def test_a_header_name_is_any_case(self) -> None:
        answer = Answer()
        answer.set_header("content-TYPE", "text/plain")
        self.assertEqual(answer.get_header("Content-Type"), "text/plain")

    def test_set_replaces_and_add_appends(self) -> None:
        answer = Answer()
        answer.set_header("X-A", 1)
        answer.add_header("x-a", 2.5)
        self.assertEqual(answer.get_header("X-A"), "1,2.5")
        answer.set_header("X-A", b"3")
        self.assertEqual(answer.get_header("X-A"), "3")

    def test_a_default_header_can_be_cleared(self) -> None:
        answer = Answer()
        answer.clear_header("server")
        self.assertIsNone(answer.get_header("Server"))

    def test_a_datetime_becomes_an_http_date(self) -> None:
        answer = Answer()
        moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1)))
        answer.set_header("Expires", moment)
        self.assertEqual(answer.get_header("Expires"), "Fri, 02 Jan 2026 02:04:05 GMT")
        answer.set_header("Expires", datetime(2026, 1, 2, 3, 4, 5))
        self.assertEqual(answer.get_header("Expires"), "Fri, 02 Jan 2026 03:04:05 GMT")

    def test_line_breaks_are_refused_wherever_user_code_sets_a_value(self) -> None:
        answer = Answer()
        for evil in ("a\r\nSet-Cookie: x=1", "a\nb", "a\rb", "a\x00b"):
            calls: list[Any] = [
                lambda v=evil: answer.set_header("X-A", v),
                lambda v=evil: answer.set_header("X-A", v.encode()),
                lambda v=evil: answer.add_header("X-A", v),
                lambda v=evil: answer.set_header(v, "x"),
                lambda v=evil: answer.set_status(200, v),
                lambda v=evil: answer.redirect("/" + v),
                lambda v=evil: answer.set_cookie("name", v),
                lambda v=evil: answer.set_cookie(v, "x"),
                lambda v=evil: answer.set_cookie("name", "x", path=v),
                lambda v=evil: answer.set_cookie("name", "x", domain=v),
                lambda v=evil: answer.set_cookie("name", "x", samesite=v),
            ]
            for call in calls:
                self.assertRaises((ValueError, CookieError), call)
        self.assertIsNone(answer.get_header("X-A"))
        self.assertNotIn("\n", "".join(answer.cookie_headers()))

    def test_the_refusal_names_the_header(self) -> None:
        error = self.assertRaises(ValueError, Answer().set_header, "X-A", "1\n2")
        self.assertEqual(str(error), "header X-A: a value may not contain line breaks or control characters")

    @settings(deadline=None, max_examples=300)
    @given(st.text())
    def test_no_text_gets_a_line_break_into_a_header(self, text: str) -> None:
        answer = Answer()
        try:
            answer.set_header("X-A", text)
        except ValueError:
            return
        self.assertFalse(set(answer.get_header("X-A") or "") & {"\r", "\n", "\0"})


class StatusTests(SynchronousTestCase):
    def test_a_status_has_its_standard_reason(self) -> None:
        answer = Answer()
        answer.set_status(404)
        self.assertEqual((answer.get_status(), answer.reason), (404, "Not Found"))

    def test_a_reason_can_be_given(self) -> None:
        answer = Answer()
        answer.set_status(299, "Nearly")
        self.assertEqual(answer.reason, "Nearly")

    def test_nonsense_is_refused(self) -> None:
        error = self.assertRaises(ValueError, Answer().set_status, 1200)
        self.assertEqual(str(error), "1200 is not an HTTP status")


class BodyTests(SynchronousTestCase):
    def test_write_takes_text_bytes_and_json(self) -> None:
        answer = Answer()
        answer.write("é")
        answer.write(b"!")
        answer.write({"a": [1]})
        self.assertEqual(answer.take_written(), 'é!{"a":[1]}'.encode())
        self.assertEqual(answer.get_header("Content-Type"), "application/json; charset=UTF-8")

    def test_write_refuses_what_is_no_body(self) -> None:
        error = self.assertRaises(TypeError, Answer().write, 3)
        self.assertEqual(str(error), "handler.write() takes text, bytes, a dict or a list, not int")

    def test_write_after_finish_is_an_error(self) -> None:
        answer = Answer()
        answer.finished = True
        self.assertRaises(RuntimeError, answer.write, "x")

    def test_clear_forgets_all(self) -> None:
        answer = Answer()
        answer.write("x")
        answer.set_status(500)
        answer.set_header("X-A", "1")
        answer.set_cookie("a", "b")
        answer.clear()
        state = answer.get_status(), answer.get_header("X-A"), answer.take_written(), list(answer.cookie_headers())
        self.assertEqual(state, (200, None, b"", []))


class RedirectTests(SynchronousTestCase):
    def test_a_redirect_is_relative_to_the_request(self) -> None:
        answer = Answer()
        answer.redirect("c?y=ü z")
        self.assertEqual((answer.get_status(), answer.get_header("Location")), (302, "/a/c?y=%C3%BC%20z"))
        self.assertTrue(answer.finished)

    def test_a_permanent_redirect_is_301(self) -> None:
        answer = Answer()
        answer.redirect("/x", permanent=True)
        self.assertEqual(answer.get_status(), 301)


class CookieTests(SynchronousTestCase):
    def test_a_cookie_has_its_attributes(self) -> None:
        answer = Answer()
        answer.set_cookie(
            "a", "b", expires=datetime(2030, 1, 1, tzinfo=UTC), httponly=True, secure=True, samesite="Lax"
        )
        (cookie,) = answer.cookie_headers()
        self.assertEqual(cookie, "a=b; expires=Tue, 01 Jan 2030 00:00:00 GMT; HttpOnly; Path=/; SameSite=Lax; Secure")

    def test_a_false_attribute_is_left_out(self) -> None:
        answer = Answer()
        answer.set_cookie("a", "b", path="", secure=False, max_age=5)
        self.assertEqual(list(answer.cookie_headers()), ["a=b; Max-Age=5"])

    def test_clearing_a_cookie_expires_it(self) -> None:
        answer = Answer()
        answer.clear_cookie("a")
        self.assertEqual(list(answer.cookie_headers()), ['a=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/'])
