"""auth: who may use a route."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.guards.auth import admits, with_query
from gramex_twisted.testing import AppTestCase, Response

MODULE = """
from klein import Klein
from twisted.web.resource import Resource

from gramex_twisted.web.context import IContext

app = Klein()


@app.route("/who")
def who(request):
    return IContext(request).current_user.id


class Native(Resource):
    isLeaf = True

    def render(self, request):
        return IContext(request).current_user.id.encode()


def sign_in(handler):
    import json
    handler.renew_session()
    handler.session["user"] = json.loads(handler.get_arg("user"))
    return "in"


async def sign_in_async(handler):
    return sign_in(handler)


def only_alice(handler):
    return handler.current_user.id == "alice"
"""


class AdmitsTests(SynchronousTestCase):
    user = {"id": "a", "hd": "x.org", "roles": [{"name": "admin"}, {"name": "dev"}], "tags": ["t1", "t2"], "n": 1}

    def test_every_key_of_a_rule_must_match(self) -> None:
        cases: list[tuple[dict[str, Any], bool]] = [
            ({"hd": ["x.org"]}, True),
            ({"hd": ["y.org", "x.org"]}, True),
            ({"hd": ["y.org"]}, False),
            ({"hd": ["x.org"], "id": ["b"]}, False),
            ({"roles.name": ["dev"]}, True),
            ({"roles.name": ["boss"]}, False),
            ({"tags": ["t2", "t9"]}, True),
            ({"n": [1]}, True),
            ({"missing": ["x"]}, False),
            ({"missing.deep": ["x"]}, False),
            ({}, True),
        ]
        for rule, admitted in cases:
            frozen = {key: frozenset(values) for key, values in rule.items()}
            self.assertEqual(admits(frozen, self.user), admitted, rule)

    def test_a_user_that_is_no_dict_matches_no_key(self) -> None:
        self.assertFalse(admits({"id": frozenset(["a"])}, "a"))

    def test_next_is_added_to_any_login_url(self) -> None:
        self.assertEqual(
            with_query("/login?x=1&next=old", "next", "http://h/a?b=c"), "/login?x=1&next=http%3A%2F%2Fh%2Fa%3Fb%3Dc"
        )


class AuthTests(AppTestCase):
    files = {"fns.py": MODULE, "403.html": "<p>{{ current_user.id }} may not see {{ handler.request.path }}</p>"}
    config = """
    app:
      session: {type: memory}
      settings: {login_url: /my-login}
    url:
      in: {pattern: /in, handler: FunctionHandler, kwargs: {function: fns.sign_in}}
      in-async: {pattern: /in-async, handler: FunctionHandler, kwargs: {function: fns.sign_in_async}}
      any: {pattern: /any, handler: FunctionHandler, kwargs: {function: handler.current_user.id, auth: true}}
      page: {pattern: /page, handler: FunctionHandler, kwargs: {function: '1', auth: {login_url: '/l?a=b', query: to}}}
      never: {pattern: /never, handler: FunctionHandler, kwargs: {function: '1', auth: {login_url: false}}}
      post: {pattern: /post, handler: FunctionHandler, kwargs: {function: '"ok"', auth: {methods: [post]}}}
      staff:
        pattern: /staff
        handler: FunctionHandler
        kwargs:
          function: '"staff"'
          auth: {membership: [{hd: x.org, role: [boss, chief]}, {id: root}], template: 403.html}
      alice: {pattern: /alice, handler: FunctionHandler, kwargs: {function: '"hi"', auth: {condition: fns.only_alice}}}
      klein: {pattern: '/klein/(.*)', handler: fns.app, kwargs: {auth: true}}
      native: {pattern: '/native', handler: fns.Native, kwargs: {auth: {membership: {id: alice}}}}
    """

    def sign_in(self, user: str, url: str = "/in") -> dict[str, list[str]]:
        """The headers of a signed-in client."""
        response = self.get(url, params={"user": user})
        self.assertEqual(response.text, "in")
        self.app.new_client()
        return {"Cookie": [response.headers["set-cookie"].partition(";")[0]]}

    def check(self, response: Response, status: int, **headers: str) -> None:
        self.assertEqual(response.status, status, response.body)
        for name, value in headers.items():
            self.assertEqual(response.headers.get(name), value)

    def test_a_browser_is_sent_to_the_log_in_page_and_told_where_to_return(self) -> None:
        self.check(self.get("/any?x=1"), 302, location="/my-login?next=http%3A%2F%2F127.0.0.1%2Fany%3Fx%3D1")
        self.check(self.get("/page"), 302, location="/l?a=b&to=http%3A%2F%2F127.0.0.1%2Fpage")
        self.check(self.request("HEAD", "/any"), 302)

    def test_a_proxys_own_url_is_where_to_return(self) -> None:
        response = self.get("/any", headers={"X-Request-URI": ["/app/any"]})
        self.check(response, 302, location="/my-login?next=http%3A%2F%2F127.0.0.1%2Fapp%2Fany")

    def test_programs_and_other_methods_get_401(self) -> None:
        self.check(self.get("/never"), 401)
        self.check(self.get("/any", headers={"X-Requested-With": ["XMLHttpRequest"]}), 401)
        self.check(self.get("/any", headers={"Sec-Fetch-Mode": ["cors"]}), 401)
        self.check(self.request("PUT", "/any", headers={"X-Requested-With": ["XMLHttpRequest"]}), 401)

    def test_who_is_signed_in_gets_in(self) -> None:
        self.assertEqual(self.get("/any", headers=self.sign_in('{"id": "bob"}')).text, "bob")
        self.assertEqual(self.get("/any", headers=self.sign_in('{"id": "eve"}', "/in-async")).text, "eve")

    def test_a_forged_cookie_is_nobody(self) -> None:
        self.check(self.get("/any", headers={"Cookie": ["sid=2|1:0|10:1|3:sid|4:abcd|beef"]}), 302)

    def test_methods_limits_the_check(self) -> None:
        self.assertEqual(self.get("/post").text, "ok")
        self.check(self.post("/post", headers={"X-Requested-With": ["XMLHttpRequest"]}), 401)

    def test_membership_admits_by_any_rule_with_all_its_keys(self) -> None:
        for user, status in (
            ('{"id": "a", "hd": "x.org", "role": "boss"}', 200),
            ('{"id": "a", "hd": "x.org", "role": ["clerk", "chief"]}', 200),
            ('{"id": "root"}', 200),
            ('{"id": "a", "hd": "x.org", "role": "clerk"}', 403),
            ('{"id": "a", "role": "boss"}', 403),
        ):
            self.check(self.get("/staff", headers=self.sign_in(user)), status)

    def test_a_refusal_has_its_template(self) -> None:
        response = self.get("/staff", headers=self.sign_in('{"id": "a&b"}'))
        self.assertEqual(response.text, "<p>a&amp;b may not see /staff</p>")
        self.check(response, 403, **{"content-type": "text/html; charset=UTF-8"})

    def test_a_condition_decides(self) -> None:
        self.check(self.get("/alice", headers=self.sign_in('{"id": "alice"}')), 200)
        self.check(self.get("/alice", headers=self.sign_in('{"id": "bob"}')), 403)

    def test_native_and_klein_resources_are_guarded_alike(self) -> None:
        self.check(self.get("/klein/who"), 302)
        self.check(self.get("/native"), 302)
        alice, bob = self.sign_in('{"id": "alice"}'), self.sign_in('{"id": "bob"}')
        self.assertEqual(self.get("/klein/who", headers=bob).text, "bob")
        self.assertEqual(self.get("/native", headers=alice).text, "alice")
        self.check(self.get("/native", headers=bob), 403)


class AuthMistakeTests(AppTestCase):
    config = """
    url:
      key: {pattern: /key, handler: FunctionHandler, kwargs: {function: '1', auth: {membershp: {id: 1}}}}
      rule: {pattern: /rule, handler: FunctionHandler, kwargs: {function: '1', auth: {membership: boss}}}
      file: {pattern: /file, handler: FunctionHandler, kwargs: {function: '1', auth: {template: no.html}}}
      method: {pattern: /method, handler: FunctionHandler, kwargs: {function: '1', auth: {methods: GTE}}}
      condition: {pattern: /condition, handler: FunctionHandler, kwargs: {function: '1', auth: {condition: 'x('}}}
    """

    def test_mistakes_are_named_and_the_route_is_not_served(self) -> None:
        errors = [str(error).partition(": ")[2] for error in self.app.gramex.errors]
        self.assertEqual(
            errors,
            [
                "url.key.kwargs.auth.membershp: unknown key 'membershp'; use "
                "login_url, query, template, membership, condition, methods, headers",
                "url.rule.kwargs.auth.membership: must be a mapping or a list of mappings, not 'boss'",
                "url.file.kwargs.auth.template: no file no.html",
                "url.method.kwargs.auth.methods: 'GTE' is not an HTTP method; use "
                "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS",
                "url.condition.kwargs.auth.condition: \"x(\" is not a Python expression: '(' was never closed",
            ],
        )
        for name in ("key", "rule", "file", "method", "condition"):
            self.assertEqual(self.get(f"/{name}").status, 500)
