"""The answers of an API: formats, errors, headers, methods, streams."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgpack
import yaml

from gramex_twisted.resources.api.answers import Answer
from tests.resources.api.apps import ROUTES, ApiTestCase


class FormatTests(ApiTestCase):
    def test_json(self) -> None:
        response = self.get("/values")
        self.assertEqual(response.headers["content-type"], "application/json; charset=UTF-8")
        self.assertEqual(
            response.text,
            '{"naive":"2024-01-02T03:04:05+00:00","aware":"2024-01-02T03:04:05+02:00","day":"2024-01-02","nan":null,'
            '"inf":null,"id":"00000000-0000-0000-0000-000000000007","é":"ü 😀","1":{"none":null,"true":[1,2]},'
            '"big":1180591620717411303424}',
        )

    def test_yaml_is_sorted_readable_and_in_blocks(self) -> None:
        response = self.get("/values?format=yaml")
        self.assertEqual(response.headers["content-type"], "text/x-yaml; charset=UTF-8")
        self.assertIn("é: ü 😀\n", response.text)
        self.assertIn("day: '2024-01-02'\n", response.text)
        found = yaml.safe_load(response.body)
        self.assertEqual(list(found), sorted(found))
        self.assertEqual(found["1"], {"none": None, "true": [1, 2]})
        self.assertEqual(found["big"], 2**70)
        self.assertIsNone(found["nan"])

    def test_msgpack_has_timestamps(self) -> None:
        response = self.get("/values?format=msgpack")
        self.assertEqual(response.headers["content-type"], "application/x-msgpack")
        found = msgpack.unpackb(response.body, timestamp=3)
        self.assertEqual(found["naive"], datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
        self.assertEqual(found["aware"], datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC))
        self.assertEqual((found["nan"], found["big"], found["é"]), (None, float(2**70), "ü 😀"))

    def test_jsonl_is_a_line_for_each_item(self) -> None:
        response = self.request("PUT", "/thing?format=jsonl")
        self.assertEqual(response.headers["content-type"], "application/jsonl")
        self.assertEqual(response.text, '{"n":0}\n{"n":1}\n{"n":2}\n')
        self.assertEqual(self.get("/values?format=jsonl").text.count("\n"), 1)

    def test_the_accept_header_decides_where_the_argument_does_not(self) -> None:
        browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
        for accept, kind in {
            "": "application/json",
            "*/*": "application/json",
            browser: "text/html",
            "text/yaml": "text/x-yaml",
            "application/json;q=0.5, application/msgpack": "application/x-msgpack",
            "application/x-ndjson": "application/jsonl",
            "image/png": "application/json",
            "text/html;q=0, application/yaml;q=0.1": "text/x-yaml",
            "text/html;q=x": "application/json",
        }.items():
            response = self.get("/thing?x=1", headers={"Accept": [accept]})
            self.assertTrue(response.headers["content-type"].startswith(kind), (accept, response.headers))
            self.assertIn("Accept", response.all("Vary"))
        self.assertEqual(self.get("/thing?x=1&format=json", headers={"Accept": [browser]}).json()["format"], "json")

    def test_a_format_in_the_path(self) -> None:
        """An API may take its format from a group of its pattern, as in /values.yaml."""
        route = "{pattern: '/as[.](\\w+)', handler: APIHandler, kwargs: {function: apis.values, options: "
        option = "{'*': {format: {path: 0, enum: [json, yaml]}}}}}"
        self.app = self.make_app(f"{ROUTES}  as: {route}{option}\n")
        self.assertEqual(self.get("/as.yaml").headers["content-type"], "text/x-yaml; charset=UTF-8")
        self.assertEqual(self.get("/as.json?format=yaml").headers["content-type"], "application/json; charset=UTF-8")
        refused = self.get("/as.xml")
        self.assertEqual(
            (refused.status, refused.body),
            (
                400,
                b'{"code":400,"success":false,"error":"Bad Request","keyword":"format","allowed":["json","yaml"]}',
            ),
        )

    def test_a_format_in_the_path_that_no_format_is(self) -> None:
        route = "{pattern: '/as[.](\\w+)', handler: APIHandler, kwargs: {function: apis.values, options: "
        self.app = self.make_app(f"{ROUTES}  as: {route}{{'*': {{format: {{path: 0}}}}}}}}}}\n")
        self.assertEqual(self.get("/as.xml").json()["allowed"], ["json", "yaml", "html", "msgpack", "jsonl"])

    def test_etags_and_head(self) -> None:
        first = self.get("/thing?x=1")
        again = self.get("/thing?x=1", headers={"If-None-Match": [first.headers["etag"]]})
        self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(again.headers["cache-control"], first.headers["cache-control"])
        head = self.request("HEAD", "/thing?x=1")
        self.assertEqual((head.status, head.body, head.headers["etag"]), (200, b"", first.headers["etag"]))
        self.assertEqual(self.request("HEAD", "/thing").status, 400)

    def test_a_value_that_cannot_be_written_is_500_and_nothing_of_it_is_sent(self) -> None:
        for name in ("json", "yaml", "html", "msgpack", "jsonl"):
            response = self.get(f"/half?format={name}")
            self.assertEqual(response.status, 500, name)
        self.assertEqual(self.get("/half").body, b'{"code":500,"success":false,"error":"Internal Server Error"}')


class ThreadTests(ApiTestCase):
    config = (
        ROUTES + "  rows: {pattern: /rows, handler: APIHandler, kwargs: {"
        "options: {GET: {n: {type: int}}}, function: '[1.5] * n'}}\n"
    )

    def test_a_long_answer_is_written_in_a_thread_and_a_short_one_is_not(self) -> None:
        threads = self.app.gramex.shared.threads
        ran: list[Any] = []
        run = threads.run

        def noted(function: Any, *values: Any) -> Any:
            ran.append(getattr(function, "__func__", function))
            return run(function, *values)

        self.patch(threads, "run", noted)
        for name in ("json", "yaml", "msgpack", "html"):
            ran.clear()
            self.assertEqual(self.get(f"/rows?n=3&format={name}").status, 200)
            self.assertNotIn(Answer.page, ran, name)
            long = self.get(f"/rows?n=250000&format={name}" if name == "json" else f"/rows?n=20000&format={name}")
            self.assertEqual(long.status, 200)
            self.assertIn(Answer.page, ran, name)
        self.assertGreater(len(self.get("/rows?n=250000").body), 1_000_000)


class StreamTests(ApiTestCase):
    def test_other_formats_gather_what_is_yielded(self) -> None:
        self.assertEqual(self.request("PUT", "/thing").json(), [{"n": 0}, {"n": 1}, {"n": 2}])
        self.assertEqual(self.request("PATCH", "/thing").json(), [0, 1, 2])
        self.assertEqual(yaml.safe_load(self.request("PUT", "/thing?format=yaml").body), [{"n": 0}, {"n": 1}, {"n": 2}])

    def test_an_error_on_the_way_is_an_error(self) -> None:
        response = self.request("PATCH", "/thing?fails=1")
        self.assertEqual(response.body, b'{"code":409,"success":false,"error":"too late"}')


class ErrorTests(ApiTestCase):
    def body(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/raises/{kind}").json()
        return found

    config = ROUTES.replace("function: apis.raises}", "function: 'apis.raises(handler.path_args[0])'}")

    def test_their_shape(self) -> None:
        reason = {"code": 404, "success": False, "error": "document not found"}
        self.assertEqual(self.body("text"), reason)
        self.assertEqual(list(self.body("upstream").items()), [*reason.items(), ("id", "-1")])
        self.assertEqual(list(self.body("tornado").items()), [*reason.items(), ("id", "-1")])
        self.assertEqual(self.body("dict"), {"code": 404, "success": False, "error": "Not Found", "id": "-1"})
        self.assertEqual(list(self.body("details").values()), [422, False, "Unprocessable Entity", "more to say"])
        self.assertEqual(self.body("odd"), {"code": 400, "success": False, "error": "Bad Request"})

    def test_an_exception_tells_nothing_of_itself(self) -> None:
        response = self.get("/raises/bug")
        self.assertEqual(response.body, b'{"code":500,"success":false,"error":"Internal Server Error"}')
        self.assertNotIn("cache-control", response.headers)

    def test_a_status_line_is_one_line_and_the_body_has_the_reason_as_it_is(self) -> None:
        response = self.get("/raises/reason")
        self.assertEqual(response.reason, "gone for ? good?")
        self.assertEqual(response.json()["error"], "gone\nfor 😀 good\x07")

    def test_they_come_in_the_format_that_was_asked_for(self) -> None:
        response = self.get("/thing?format=yaml")
        self.assertEqual(response.text, "code: 400\nerror: Bad Request\nmissing: x\nsuccess: false\n")
        response = self.request("DELETE", "/echo?format=msgpack")
        self.assertEqual((response.status, msgpack.unpackb(response.body)["code"]), (405, 405))
        response = self.get("/raises/text", headers={"Accept": ["text/html"]})
        self.assertIn("document not found", response.text)
        self.assertEqual(response.headers["content-type"], "text/html; charset=utf-8")
        bad = self.sent(b"{", url="/payload?format=yaml")
        self.assertEqual(bad.text, "code: 400\nerror: Invalid JSON body.\nsuccess: false\n")

    def test_pages_of_the_route_are_for_people(self) -> None:
        pages = "handlers: {BaseHandler: {error: {404: {function: '\"<h1>Ours</h1>\"'}}}}\n"
        self.app = self.make_app(self.config + pages)
        self.assertEqual(self.body("text")["error"], "document not found")
        self.assertEqual(self.get("/raises/text?format=html").text, "<h1>Ours</h1>")

    def test_a_traceback_is_shown_where_the_app_says_so(self) -> None:
        self.app = self.make_app(self.config + "app: {settings: {serve_traceback: true}}\n")
        self.assertIn("KeyError: 'the secret text'", self.body("bug")["traceback"][-1])


class HandlerTests(ApiTestCase):
    def test_a_class_in_python(self) -> None:
        self.assertEqual(self.get("/thing?x=4&verbose").json(), {"x": 4, "verbose": True, "format": "json"})
        self.assertEqual(self.refused(self.get("/thing")), {"missing": "x"})
        posted = self.sent(b"ids=a&ids=b,c", "application/x-www-form-urlencoded", "/thing").json()
        self.assertEqual(posted["ids"], ["a", "b", "c"])
        deleted = self.request("DELETE", "/thing")
        self.assertEqual((deleted.status, deleted.body), (204, b""))

    def test_settings_are_under_the_class_and_the_class_under_the_route(self) -> None:
        config = ROUTES.replace(
            "handler: apis.Thing}", "handler: apis.Thing, kwargs: {options: {GET: {x: {type: float}}}}}"
        )
        settings = "api: {THING_KWARGS: {GET: {x: {enum: [1]}, extra: {default: here}}, POST: {ids: {default: []}}}}\n"
        self.app = self.make_app(config + settings)
        self.assertEqual(self.get("/thing?x=1.5").json()["x"], 1.5)
        self.assertEqual(self.get("/thing").json()["x"], None)
        self.assertEqual(self.refused(self.post("/thing")), {"missing": "ids"})

    def test_options_and_405_come_before_arguments(self) -> None:
        response = self.request("OPTIONS", "/thing")
        self.assertEqual((response.status, response.body), (204, b""))
        self.assertEqual(response.headers["allow"], "DELETE, GET, PATCH, POST, PUT, HEAD, OPTIONS")
        response = self.request("DELETE", "/needs", data=b"{", headers={"Content-Type": ["application/json"]})
        self.assertEqual((response.status, response.headers["allow"]), (405, "GET, POST, HEAD"))
        self.assertEqual(response.json()["code"], 405)


class HeaderTests(ApiTestCase):
    OPEN = {"origin": "*", "methods": "*", "headers": "*", "credentials": "false"}

    def cors(self, response: Any) -> dict[str, str]:
        prefix = "access-control-allow-"
        return {name.removeprefix(prefix): value for name, value in response.headers.items() if name.startswith(prefix)}

    def test_every_site_may_read_every_answer(self) -> None:
        for response in (
            self.get("/thing?x=1"),
            self.get("/thing"),
            self.request("OPTIONS", "/thing"),
            self.request("DELETE", "/needs"),
            self.get("/half"),
        ):
            self.assertEqual(self.cors(response), self.OPEN)
            self.assertEqual(response.headers["access-control-max-age"], "60")

    def test_cors_of_the_route_takes_their_place(self) -> None:
        for cors, expected in (("false", {}), ("{origins: 'https://a.example'}", {"origin": "https://a.example"})):
            self.app = self.make_app(ROUTES.replace("apis.values}", f"apis.values, cors: {cors}}}"))
            response = self.get("/values", headers={"Origin": ["https://a.example"]})
            self.assertEqual(self.cors(response), expected)

    def test_a_pre_flight_is_answered_before_anyone_must_sign_in(self) -> None:
        self.app = self.make_app(ROUTES.replace("apis.values}", "apis.values, auth: {login_url: false}}"))
        ask = {"Origin": ["https://a.example"], "Access-Control-Request-Method": ["GET"]}
        response = self.request("OPTIONS", "/values", headers=ask)
        self.assertEqual((response.status, self.cors(response)), (204, self.OPEN))
        response = self.get("/values")
        self.assertEqual((response.status, response.json()["error"]), (401, "sign in first"))
        self.assertEqual(self.cors(response), self.OPEN)

    def test_who_may_keep_an_answer(self) -> None:
        self.assertEqual(self.get("/values").headers["cache-control"], "max-age=604800, public")
        self.assertNotIn("cache-control", self.get("/thing").headers)
        self.assertNotIn("cache-control", self.post("/values").headers)
        for route, app, expected in (
            ("60", "7", "max-age=60, public"),
            ("null", "7", "max-age=7, public"),
            ("0", "7", "max-age=0"),
            ("null", "0", "max-age=0"),
            ("false", "7", None),
            ("null", "false", None),
        ):
            config = ROUTES.replace("apis.values}", f"apis.values, cache: {route}}}") + f"api: {{cache: {app}}}\n"
            self.app = self.make_app(config)
            self.assertEqual(self.get("/values").headers.get("cache-control"), expected, (route, app))

    def test_what_is_kept_by_the_server_is_kept_for_each_format(self) -> None:
        self.app = self.make_app(ROUTES.replace("apis.values}", "apis.values, cache: true}"))
        json = self.get("/values")
        page = self.get("/values", headers={"Accept": ["text/html"]})
        again = self.get("/values")
        self.assertTrue(page.headers["content-type"].startswith("text/html"))
        self.assertEqual((again.body, again.headers["content-type"]), (json.body, json.headers["content-type"]))

    def test_an_answer_to_who_is_signed_in_is_theirs(self) -> None:
        function = "handler.session.update(user=dict(id=1))"
        sign_in = f"  in: {{pattern: /in, handler: FunctionHandler, kwargs: {{function: {function}}}}}\n"
        self.app = self.make_app(ROUTES + sign_in)
        self.get("/in")
        self.assertEqual(self.get("/values").headers["cache-control"], "max-age=604800, private")


class XsrfTests(ApiTestCase):
    def post_as(self, **headers: str) -> int:
        named = {name.replace("_", "-"): [value] for name, value in headers.items()}
        return self.post("/payload", xsrf=False, json={}, headers=named).status

    def test_who_has_no_cookie_needs_no_token(self) -> None:
        self.assertEqual(self.post_as(), 200)
        self.assertEqual(self.post_as(Authorization="Bearer x"), 200)
        self.assertEqual(self.post_as(Sec_Fetch_Site="cross-site", Origin="https://a.example"), 200)

    def test_what_a_browser_adds_by_itself_needs_one(self) -> None:
        self.assertEqual(self.post_as(Cookie="sid=1"), 403)
        self.assertEqual(self.post_as(Cookie="other=1"), 403)
        self.assertEqual(self.post_as(Authorization="Basic YTpi"), 403)
        self.assertEqual(self.post_as(Cookie="sid=1", Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="cors"), 200)
        self.assertEqual(self.post_as(Cookie="sid=1", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors"), 403)

    def test_a_site_that_cors_does_not_name_needs_one_too(self) -> None:
        for cors in ("false", "{origins: 'https://b.example'}"):
            self.app = self.make_app(ROUTES.replace("apis.payload}", f"apis.payload, cors: {cors}}}"))
            self.assertEqual(self.post_as(Sec_Fetch_Site="cross-site", Origin="https://a.example"), 403)
            self.assertEqual(self.post_as(Origin="https://a.example"), 403)
            self.assertEqual(self.post_as(Origin="null"), 403)
            self.assertEqual(self.post_as(Origin="http://127.0.0.1"), 200)
            self.assertEqual(self.post_as(), 200)
        self.assertEqual(self.post_as(Origin="https://b.example"), 200)

    def test_other_handlers_ask_for_one_as_before(self) -> None:
        other = "  other: {pattern: /other, handler: FunctionHandler, kwargs: {function: str(1)}}\n"
        self.app = self.make_app(ROUTES + other)
        self.assertEqual(self.post("/other", xsrf=False).status, 403)
