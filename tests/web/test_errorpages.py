"""What a client gets when a request fails."""

from __future__ import annotations

from gramex_twisted.testing import AppTestCase

BROWSER = {"Accept": ["text/html,application/xhtml+xml,*/*;q=0.8"]}


class DefaultPageTests(AppTestCase):
    config = """
    url:
      error: {pattern: '/error/(.*)', handler: FunctionHandler, kwargs: {function: 'fns.error(handler.path_args[0])'}}
      kept: {pattern: /kept, handler: FileHandler, kwargs: {path: no.txt, headers: {Cache-Control: max-age=60, X-A: b}}}
      secret: {pattern: /secret, handler: FileHandler, kwargs: {path: x, headers: {Cache-Control: no-store}}}
    """
    files = {
        "fns.py": """
        from gramex_twisted.errors import HTTPError

        class TornadoLike(Exception):
            status_code, reason, log_message, args = 409, "Clash", "%s is taken", ("x",)

        def error(kind):
            if kind == "tornado":
                error = TornadoLike()
                error.args = ("x",)
                raise error
            if kind == "details":
                raise HTTPError(404, {"id": "-1", "code": 1}, reason="document not found")
            if kind == "text":
                raise HTTPError(400, "bad", details="look at <q>")
            if kind == "newline":
                raise HTTPError(400, "a\\nb", reason="line\\r\\nX: 1")
            if kind == "emoji":
                raise HTTPError(400, "\\U0001f600", reason="\\U0001f600")
            if kind == "redirect":
                from gramex_twisted.errors import Redirect
                raise Redirect("/there")
            raise HTTPError(int(kind), "<script>alert(1)</script>")
        """
    }

    def test_a_program_gets_json(self) -> None:
        response = self.get("/nowhere")
        self.assertEqual(response.json(), {"code": 404, "success": False, "error": "Not Found"})
        self.assertEqual((response.status, response.headers["content-type"]), (404, "application/json; charset=UTF-8"))

    def test_it_is_not_kept_as_long_as_what_is_not_there_would_be(self) -> None:
        headers = self.get("/kept").headers
        self.assertEqual((headers.get("cache-control"), headers["x-a"]), (None, "b"))
        self.assertEqual(self.get("/secret").headers["cache-control"], "no-store")

    def test_a_person_gets_a_page(self) -> None:
        response = self.get("/nowhere", headers=BROWSER)
        self.assertEqual((response.status, response.headers["content-type"]), (404, "text/html; charset=UTF-8"))
        self.assertIn("<title>404 Not Found</title>", response.text)
        self.assertIn("There is nothing at this address.", response.text)

    def test_a_script_in_a_browser_gets_json(self) -> None:
        response = self.get("/nowhere", headers={**BROWSER, "X-Requested-With": ["XMLHttpRequest"]})
        self.assertEqual(response.json()["code"], 404)

    def test_messages_are_escaped(self) -> None:
        page = self.get("/error/400", headers=BROWSER).text
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;", page)
        self.assertNotIn("<script>", page)

    def test_details_never_replace_the_three_keys(self) -> None:
        self.assertEqual(
            self.get("/error/details").json(),
            {"id": "-1", "code": 404, "success": False, "error": "document not found"},
        )
        self.assertEqual(self.get("/error/text").json()["details"], "look at <q>")

    def test_errors_made_for_tornado_are_understood(self) -> None:
        response = self.get("/error/tornado")
        self.assertEqual((response.status, response.reason), (409, "Clash"))
        self.assertEqual(response.json()["error"], "x is taken")

    def test_a_reason_stays_on_its_line(self) -> None:
        response = self.get("/error/newline")
        self.assertEqual((response.status, response.reason), (400, "line X: 1"))
        self.assertNotIn("x", response.headers)
        self.assertEqual(response.json()["error"], "a\nb")
        self.assertEqual(self.get("/error/emoji").json()["error"], "\U0001f600")

    def test_a_redirect_can_be_raised(self) -> None:
        response = self.get("/error/redirect")
        self.assertEqual((response.status, response.headers["location"], response.body), (302, "/there", b""))
        self.assertIsNone(self.log_of("/error/redirect")[6], "a redirect is no error")

    def test_an_error_is_in_the_access_log(self) -> None:
        self.get("/error/400")
        row = self.log_of("/error/400")
        self.assertEqual((row[0], row[5], row[6]), (400, "error", "<script>alert(1)</script>"))

    def test_head_of_an_error_has_no_body(self) -> None:
        response = self.request("HEAD", "/nowhere")
        self.assertEqual((response.status, response.body), (404, b""))


class OwnPageTests(AppTestCase):
    files = {
        "404.html": "{{ status_code }} {{ kwargs.reason }} {{ handler.request.path }} {% raw content %}",
        "400.json": '{"oops": {{ status_code }}}',
        "broken.html": "{{ no_such_name }}",
        "fns.py": """
        def page(status_code, kwargs, handler):
            handler.set_header("X-Page", "function")
            return {"status": status_code, "error": type(kwargs["exc_info"][1]).__name__}

        def two(content, handler):
            return content[:9]

        def fails():
            raise ValueError("page trouble")
        """,
    }
    config = """
    handlers:
      BaseHandler:
        error: {404: {path: 404.html, autoescape: xhtml_escape}}
    url:
      e:
        pattern: '/e/(.*)'
        handler: FunctionHandler
        kwargs:
          function: 1 / 0
          error:
            400: {path: 400.json, autoescape: null, headers: {X-Page: template, Content-Type: application/problem+json}}
            500: {function: fns.page}
      two:
        pattern: /two
        handler: FunctionHandler
        kwargs:
          function: 1 / 0
          error: {500: {function: 'fns.two(content, handler)', headers: {Content-Type: text/x-two}}}
      fails: {pattern: /fails, handler: FunctionHandler, kwargs: {function: 1 / 0, error: {500: {function: fns.fails}}}}
      broken: {pattern: /broken, handler: FunctionHandler, kwargs: {function: 1 / 0, error: {500: {path: broken.html}}}}
      int: {pattern: '/int/(.*)', handler: FunctionHandler, kwargs: {function: "handler.argparse(x={'type': int})",
        error: {400: {path: 400.json, headers: {X-Page: template, Content-Type: application/problem+json}}}}}
    """

    def test_a_template_sees_the_error(self) -> None:
        response = self.get("/no%20where")
        self.assertEqual((response.status, response.headers["content-type"]), (404, "text/html; charset=UTF-8"))
        self.assertEqual(response.text, '404 Not Found /no%20where {"code":404,"success":false,"error":"Not Found"}')

    def test_a_template_has_its_headers(self) -> None:
        response = self.get("/int/?x=y")
        self.assertEqual((response.status, response.json()), (400, {"oops": 400}))
        self.assertEqual(response.headers["x-page"], "template")
        self.assertEqual(response.headers["content-type"], "application/problem+json")

    def test_a_function_makes_the_page(self) -> None:
        response = self.get("/e/")
        self.assertEqual((response.status, response.json()), (500, {"status": 500, "error": "ZeroDivisionError"}))
        self.assertEqual(response.headers["x-page"], "function")
        self.assertEqual(response.headers["content-type"], "application/json; charset=UTF-8")

    def test_a_function_may_use_the_default_page(self) -> None:
        response = self.get("/two")
        self.assertEqual((response.text, response.headers["content-type"]), ('{"code":5', "text/x-two"))

    def test_a_page_that_fails_itself_gives_the_default_page(self) -> None:
        for url in ("/fails", "/broken"):
            response = self.get(url)
            self.assertEqual((response.status, response.json()["error"]), (500, "Internal Server Error"), url)
            self.assertIn("ZeroDivisionError: division by zero; error page: ", str(self.log_of(url)[6]))
            self.assertEqual(len(self.forget_errors()), 1)
