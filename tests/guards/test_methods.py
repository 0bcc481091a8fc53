"""Which method a request means, and whether the route takes it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.guards.methods import method_list
from gramex_twisted.testing import AppTestCase


class MethodListTests(SynchronousTestCase):
    def test_text_and_lists_mean_the_same(self) -> None:
        for value in ("GET, POST", "get post", ["get", " POST "], ["GET,post", "GET"]):
            self.assertEqual(method_list(value), ("GET", "POST"))

    def test_an_unknown_method_is_refused(self) -> None:
        error = self.assertRaises(ValueError, method_list, "GET GTE")
        self.assertEqual(str(error), "'GTE' is not an HTTP method; use GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS")


class MethodTests(AppTestCase):
    config = """
    url:
      any: {pattern: /any, handler: FunctionHandler, kwargs: {function: handler.request.method}}
      some: {pattern: /some, handler: FunctionHandler, kwargs: {function: handler.request.method, methods: "GET, post"}}
    """

    def test_methods_limits_what_is_answered(self) -> None:
        self.assertEqual(self.get("/some").text, "GET")
        self.assertEqual(self.post("/some").text, "POST")
        self.assertEqual(self.request("HEAD", "/some").status, 200)
        response = self.request("PUT", "/some")
        self.assertEqual((response.status, response.headers["allow"]), (405, "GET, POST, HEAD"))

    def test_an_unknown_method_is_405(self) -> None:
        self.assertEqual(self.request("BREW", "/any").status, 405)

    def test_a_post_may_name_another_method(self) -> None:
        self.assertEqual(self.post("/any", headers={"X-HTTP-Method-Override": ["put"]}).text, "PUT")
        self.assertEqual(self.post("/any?X-HTTP-Method-Override=DELETE").text, "DELETE")
        self.assertEqual(self.post("/some?x-http-method-override=DELETE").status, 405)

    def test_only_a_post_may(self) -> None:
        self.assertEqual(self.get("/any?x-http-method-override=PUT").text, "GET")
        self.assertEqual(self.get("/any", headers={"X-HTTP-Method-Override": ["PUT"]}).text, "GET")
        self.assertEqual(self.request("PUT", "/any?x-http-method-override=DELETE").text, "PUT")
