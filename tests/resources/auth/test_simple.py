"""SimpleAuth and LogoutHandler: the whole flow, with cookies."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from http.cookies import SimpleCookie
from time import time

from argon2 import PasswordHasher

from tests.resources.auth.support import SignInTestCase, Visitor

HASH = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("s3cret hash")
FNS = """
from gramex_twisted.errors import HTTPError

def user(handler):
    return handler.current_user

def session(handler):
    return {key: value for key, value in handler.session.items() if key not in ("id", "_t", "_l")}

def put(handler):
    handler.session["cart"] = 7
    return handler.session["id"]

def prepare(args, handler):
    if "domain" in args:
        args["name"] = [args["name"][0] + "@" + args["domain"][0]]

def no_eve(handler):
    if handler.current_user.id == "eve":
        raise HTTPError(403, "eve may not")

def note(handler):
    handler.session["noted"] = handler.current_user.id
"""
CONFIG = f"""
app:
  session: {{type: memory}}
url:
  login:
    pattern: /login
    handler: SimpleAuth
    kwargs:
      credentials:
        alpha: alphapass
        beta: {{password: betapass, email: beta@example.org, role: admin}}
        gamma: {HASH}
        "42": 4711
  plain:
    pattern: /plain
    handler: SimpleAuth
    kwargs:
      data: {{alpha: alphapass, eve: evepass, b@x.org: bpass}}
      user: {{arg: name}}
      password: {{arg: word}}
      delay: [2, 3]
      redirect: {{url: /home}}
      prepare: fns.prepare
      action: [{{function: fns.no_eve}}, fns.note(handler)]
      session_expiry: {{key: remember, default: 4, values: {{day: 1, tab: false}}}}
      session_inactive: 0.5
  single:
    pattern: /single
    handler: SimpleAuth
    kwargs: {{credentials: {{alpha: alphapass}}, action: {{function: ensure_single_session}}}}
  linked:
    pattern: /linked
    handler: SimpleAuth
    kwargs: {{credentials: {{alpha: alphapass}}, user_key: other_user}}
  rules:
    pattern: /rules
    handler: SimpleAuth
    kwargs:
      credentials: {{alpha: {{password: a, email: a@gmail.com}}, beta: {{password: b, email: b@x.org}}}}
      lookup: {{url: users.csv, id: user}}
      rules: [{{selector: email, pattern: "*@gmail.com", field: role, value: guest}}]
  own:
    pattern: /own
    handler: SimpleAuth
    kwargs: {{credentials: {{a: b}}, template: own.html}}
  logout: {{pattern: /logout, handler: LogoutHandler, kwargs: {{action: fns.note}}}}
  user: {{pattern: /user, handler: FunctionHandler, kwargs: {{function: fns.user}}}}
  session: {{pattern: /session, handler: FunctionHandler, kwargs: {{function: fns.session}}}}
  put: {{pattern: /put, handler: FunctionHandler, kwargs: {{function: fns.put}}}}
  member: {{pattern: /member, handler: FunctionHandler, kwargs: {{function: '"in"', auth: {{login_url: /login}}}}}}
"""


class SimpleTestCase(SignInTestCase):
    config = CONFIG
    files = {
        "fns.py": FNS,
        "own.html": "{{ handler.name }}:{{ error and error['code'] }}:{{ error and error['error'] }}"
        "{% module xsrf_form_html() %}",
        "users.csv": "user,role,gender\nalpha,manager,\nbeta,employee,female\n",
    }


class LogInTests(SimpleTestCase):
    def test_a_right_password_signs_in_and_goes_home(self) -> None:
        response = self.visitor.post("/login", user="alpha", password="alphapass")
        self.assertEqual((response.status, response.headers["location"]), (302, "/"))
        self.assertEqual(self.visitor.get("/user").json(), {"user": "alpha", "id": "alpha"})

    def test_attributes_are_the_users_and_the_password_is_not(self) -> None:
        self.visitor.post("/login", user="beta", password="betapass")
        self.assertEqual(
            self.visitor.get("/session").json(),
            {"user": {"user": "beta", "email": "beta@example.org", "role": "admin", "id": "beta"}},
        )

    def test_an_argon2_hash_is_a_password(self) -> None:
        self.assertEqual(self.visitor.post("/login", user="gamma", password="s3cret hash").status, 302)
        self.assertEqual(self.visitor.get("/user").json()["id"], "gamma")

    def test_a_number_is_a_password(self) -> None:
        self.assertEqual(self.visitor.post("/login", user="42", password="4711").status, 302)

    def test_the_hash_itself_is_no_password(self) -> None:
        self.assertEqual(self.visitor.post("/login", wait=1, user="gamma", password=HASH).status, 401)

    def test_failures_look_alike_whatever_was_wrong(self) -> None:
        pages = set()
        for number, (user, password) in enumerate(
            [("alpha", "x"), ("gamma", "x"), ("nobody", "alphapass"), ("alpha", ""), ("", ""), ("nobody", "")]
        ):
            response = self.visitor.post("/login", wait=1 if number < 2 else 5, user=user, password=password)
            self.assertEqual(response.status, 401)
            pages.add(re.sub(r' (value="[^"]*"|autofocus)', "", response.text))
        self.assertEqual(len(pages), 1)
        self.assertIn('<p class="error" role="alert" id="error">Wrong user name or password.</p>', pages.pop())
        self.assertEqual(self.visitor.get("/user").text, "")

    def test_nothing_sent_never_matches(self) -> None:
        self.assertEqual(self.visitor.post("/login", wait=1).status, 401)
        self.assertEqual(self.visitor.post("/login", wait=1, user="alpha").status, 401)
        self.assertEqual(self.visitor.post("/login", wait=5, password="alphapass").status, 401)

    def test_a_password_in_the_url_is_refused(self) -> None:
        response = self.visitor.post("/login?user=alpha&password=alphapass")
        self.assertEqual(response.status, 400)
        self.assertIn("send the password in the form, not in the URL", response.text)

    def test_another_site_cannot_sign_a_visitor_in(self) -> None:
        for token in ("", "2|00000000|00000000000000000000000000000000|0"):
            self.visitor.token = token
            self.assertEqual(self.visitor.post("/login", user="alpha", password="alphapass").status, 403)
        self.assertEqual(self.visitor.get("/user").text, "")

    def test_a_program_gets_json(self) -> None:
        response = self.visitor.post("/login", 1, {"Accept": ["application/json"]}, user="alpha", password="x")
        self.assertEqual(response.status, 401)
        self.assertEqual(response.json()["error"], "Wrong user name or password.")

    def test_an_own_template_gets_the_error_and_the_handler(self) -> None:
        self.assertTrue(self.visitor.get("/own").text.startswith("own:None:None"))
        response = self.visitor.post("/own", wait=1, user="a", password="x")
        self.assertTrue(response.text.startswith("own:auth:Wrong user name or password."))

    def test_the_page_is_never_kept(self) -> None:
        self.assertEqual(self.visitor.get("/login").headers["cache-control"], "no-store")

    def test_a_page_that_nobody_signs_in_on_makes_no_session(self) -> None:
        visitor = Visitor(self)
        visitor.get("/login")
        self.assertEqual(set(visitor.cookies) - {"_xsrf"}, set())

    def test_what_was_typed_is_escaped(self) -> None:
        response = self.visitor.post("/login", wait=1, user='"><script>x</script>', password="x")
        self.assertIn('value="&quot;&gt;&lt;script&gt;x&lt;/script&gt;"', response.text)


class OptionTests(SimpleTestCase):
    first = "/plain"

    def test_names_of_fields_data_and_redirect(self) -> None:
        response = self.visitor.post("/plain", name="alpha", word="alphapass")
        self.assertEqual((response.status, response.headers["location"]), (302, "/home"))

    def test_prepare_changes_what_was_sent(self) -> None:
        response = self.visitor.post("/plain?domain=x.org", name="b", word="bpass")
        self.assertEqual(response.status, 302)
        self.assertEqual(self.visitor.get("/user").json()["id"], "b@x.org")

    def test_actions_run_in_order_after_log_in(self) -> None:
        self.visitor.post("/plain", name="alpha", word="alphapass")
        self.assertEqual(self.visitor.get("/session").json()["noted"], "alpha")

    def test_an_action_can_refuse_a_log_in(self) -> None:
        response = self.visitor.post("/plain", name="eve", word="evepass")
        self.assertEqual(response.status, 403)
        self.assertIn("eve may not", response.text)
        self.assertEqual(self.visitor.get("/user").text, "")
        self.assertEqual(self.log_rows("event") if (self.folder / "data/auth.user.db").exists() else [], [])

    def test_a_session_lasts_as_chosen(self) -> None:
        for choice, days in (("day", 1), ("x", 4), (None, 4)):
            extra = {"remember": choice} if choice else {}
            response = self.visitor.post("/plain", name="alpha", word="alphapass", **extra)
            [cookie] = [line for line in response.all("Set-Cookie") if line.startswith("sid=")]
            ends = parsedate_to_datetime(SimpleCookie(cookie)["sid"]["expires"]).timestamp()
            self.assertEqual(round((ends - time()) / 86400, 2), days)
        response = self.visitor.post("/plain", name="alpha", word="alphapass", remember="tab")
        self.assertNotIn("expires", next(line for line in response.all("Set-Cookie") if line.startswith("sid=")))

    def test_inactivity_is_in_the_session(self) -> None:
        self.visitor.post("/plain", name="alpha", word="alphapass")
        self.assertEqual(self.visitor.get("/session").json()["_i"], 43200)

    def test_another_key_links_an_account_but_does_not_sign_in(self) -> None:
        self.visitor.post("/linked", user="alpha", password="alphapass")
        self.assertEqual(self.visitor.get("/session").json(), {"other_user": {"user": "alpha", "id": "alpha"}})
        self.assertEqual(self.visitor.get("/user").text, "")

    def test_lookup_and_rules_make_attributes(self) -> None:
        self.visitor.post("/rules", user="alpha", password="a")
        self.assertEqual(
            self.visitor.get("/user").json(), {"user": "alpha", "email": "a@gmail.com", "id": "alpha", "role": "guest"}
        )
        self.visitor.post("/rules", user="beta", password="b")
        self.assertEqual(
            self.visitor.get("/user").json(),
            {"user": "beta", "email": "b@x.org", "id": "beta", "role": "employee", "gender": "female"},
        )


class SessionTests(SimpleTestCase):
    def test_log_in_changes_the_session_id_and_keeps_what_is_in_it(self) -> None:
        before = self.visitor.get("/put").text
        old = dict(self.visitor.cookies)
        self.visitor.post("/login", user="alpha", password="alphapass")
        self.assertNotEqual(self.visitor.get("/put").text, before)
        self.assertEqual(self.visitor.get("/session").json()["cart"], 7)
        thief = Visitor(self)
        thief.cookies = old
        self.assertEqual(thief.get("/session").json(), {})

    def test_ensure_single_session_ends_the_others(self) -> None:
        first, second, other = Visitor(self), Visitor(self), Visitor(self)
        for visitor in (first, second, other):
            visitor.get("/single")
        other.post("/login", user="beta", password="betapass")
        first.post("/login", user="alpha", password="alphapass")
        second.post("/single", user="alpha", password="alphapass")
        self.assertEqual(first.get("/user").text, "")
        self.assertEqual(second.get("/user").json()["id"], "alpha")
        self.assertEqual(other.get("/user").json()["id"], "beta")

    def test_two_who_sign_in_at_once_do_not_meet(self) -> None:
        one, two = Visitor(self), Visitor(self)
        one.get("/login"), two.get("/login")
        data = [{"user": "alpha", "password": "alphapass"}, {"user": "beta", "password": "wrong"}]
        started = [
            self.app.start("POST", "/login", xsrf=False, data={"_xsrf": visitor.token, **form}, headers=visitor.sent)
            for visitor, form in zip((one, two), data, strict=True)
        ]
        self.app.pump()
        one.keep(self.successResultOf(started[0]))
        self.assertNoResult(started[1])
        self.clock.advance(1)
        self.app.pump()
        self.assertEqual(two.keep(self.successResultOf(started[1])).status, 401)
        self.assertEqual(one.get("/user").json()["id"], "alpha")
        self.assertEqual(two.get("/user").text, "")


class SqliteSessionTests(SessionTests):
    config = CONFIG.replace("{type: memory}", "{type: sqlite}")


class JsonSessionTests(SessionTests):
    config = CONFIG.replace("{type: memory}", "{type: json}")


class StoreTests(SimpleTestCase):
    config = CONFIG.replace("{type: memory}", "{type: sqlite}")

    def test_without_its_store_nobody_signs_in_until_it_is_back(self) -> None:
        store = self.folder / "data" / "session.db"
        store.mkdir(parents=True)
        self.assertEqual(self.visitor.post("/login", user="alpha", password="alphapass").status, 503)
        self.assertEqual(self.visitor.post("/login", user="alpha", password="wrong").status, 503)
        store.rmdir()
        self.assertEqual(self.visitor.post("/login", user="alpha", password="alphapass").status, 302)


class RedirectTests(SimpleTestCase):
    def test_the_guard_sends_to_the_page_and_the_page_back(self) -> None:
        location = self.visitor.get("/member?x=1").headers["location"]
        self.visitor.get(location)
        response = self.visitor.post("/login", user="alpha", password="alphapass")
        self.assertEqual(response.headers["location"], "http://127.0.0.1/member?x=1")
        self.assertEqual(self.visitor.get("/session").json(), {"user": {"user": "alpha", "id": "alpha"}})

    def test_the_page_before_is_where_to_return(self) -> None:
        self.visitor.get("/login", headers={"Referer": ["http://127.0.0.1/shop?a=b"]})
        response = self.visitor.post("/login", user="alpha", password="alphapass")
        self.assertEqual(response.headers["location"], "http://127.0.0.1/shop?a=b")

    def test_the_log_in_page_itself_is_not(self) -> None:
        headers = {"Referer": ["http://127.0.0.1/login?x"]}
        response = self.visitor.post("/login", headers=headers, user="alpha", password="alphapass")
        self.assertEqual(response.headers["location"], "/")

    def test_no_redirect_leaves_the_site(self) -> None:
        for target in (
            "//evil.org", "/\\evil.org", "\\\\evil.org", "https:evil.org", "https:/evil.org", "https://evil.org",
            "/\t/evil.org", "\t//evil.org", "/\n/evil.org", "http://127.0.0.1@evil.org/", "http://evil.org\\@127.0.0.1/",
            "///evil.org", "javascript:alert(1)", "data:text/html,x", "http://127.0.0.1.evil.org/",
            "http:///evil.org", "//127.0.0.1@evil.org",
        ):  # fmt: skip
            visitor = Visitor(self)
            visitor.get("/login", params={"next": target})
            response = visitor.post("/login", user="alpha", password="alphapass")
            self.assertEqual((response.status, response.headers["location"]), (302, "/"), target)

    def test_logout_stays_on_the_site_too(self) -> None:
        response = self.visitor.get("/logout", params={"next": "//evil.org"})
        self.assertEqual(response.headers["location"], "/")


class DelayTests(SimpleTestCase):
    def test_failures_cost_more_and_more_until_a_success(self) -> None:
        for seconds in (1, 1, 5, 5):
            self.visitor.post("/login", wait=seconds, user="alpha", password="x")
        self.visitor.post("/login", user="alpha", password="alphapass")

    def test_failures_of_an_address_count_whoever_is_claimed(self) -> None:
        for user, seconds in (("a", 1), ("b", 1), ("c", 5)):
            self.visitor.post("/login", wait=seconds, user=user, password="x")

    def test_failures_of_a_user_count_from_wherever(self) -> None:
        for number, seconds in enumerate((1, 1, 5)):
            headers = {"X-Forwarded-For": [f"10.0.0.{number}"]}
            self.visitor.post("/login", wait=seconds, headers=headers, user="alpha", password="x")

    def test_many_at_once_are_refused_but_nobody_elsewhere(self) -> None:
        waiting = [self.visitor.start("/login", user="alpha", password=f"guess{number}") for number in range(5)]
        refused = self.visitor.post("/login", user="alpha", password="alphapass")
        self.assertEqual((refused.status, refused.headers["retry-after"]), (429, "5"))
        elsewhere = {"X-Forwarded-For": ["10.9.9.9"]}
        self.assertEqual(self.visitor.post("/login", 0, elsewhere, user="alpha", password="alphapass").status, 302)
        self.clock.advance(5)
        self.app.pump()
        self.assertEqual({self.successResultOf(deferred).status for deferred in waiting}, {401})
        self.assertEqual(self.visitor.post("/login", user="alpha", password="alphapass").status, 302)


class LogTests(SimpleTestCase):
    def test_every_log_in_log_out_and_failure_is_a_row(self) -> None:
        visitor = Visitor(self, User_Agent="Firefox/1")
        visitor.get("/login")
        visitor.post("/login", wait=1, user="alpha", password="typo")
        visitor.post("/login", wait=1, user="hunter2", password="hunter2")
        visitor.post("/login?next=/x", user="alpha", password="alphapass")
        visitor.get("/logout")
        self.assertEqual(
            self.log_rows("event", "user", "uri", "name", "class", "ip", "browser"),
            [
                ("fail", "alpha", "/login", "login", "SimpleAuth", "127.0.0.1", "Firefox/1"),
                ("fail", "", "/login", "login", "SimpleAuth", "127.0.0.1", "Firefox/1"),
                ("login", "alpha", "/login", "login", "SimpleAuth", "127.0.0.1", "Firefox/1"),
                ("logout", "alpha", "/logout", "logout", "LogoutHandler", "127.0.0.1", "Firefox/1"),
            ],
        )
        [(when,)] = set(self.log_rows("substr(datetime, 1, 2)"))
        self.assertEqual(when, "20")

    def test_the_password_is_nowhere(self) -> None:
        self.visitor.post("/login", wait=1, user="alpha", password="never-seen-1")
        self.visitor.post("/login", user="beta", password="betapass")
        kept = b"".join(path.read_bytes() for path in (self.folder / "data").rglob("*") if path.is_file())
        entries = self.app.gramex.shared.sessions.store.entries
        kept += b"".join(key.encode() + entry.value for key, entry in entries.items())
        kept += repr(self.app.rows).encode()
        for secret in (b"never-seen-1", b"betapass"):
            self.assertNotIn(secret, kept)

    def test_nobody_signs_in_where_the_log_cannot_be_written(self) -> None:
        (self.folder / "data" / "auth.user.db").mkdir(parents=True)
        self.assertEqual(self.visitor.post("/login", user="alpha", password="alphapass").status, 503)
        self.assertEqual(self.visitor.get("/user").text, "")


class LogoutTests(SimpleTestCase):
    def test_log_out_ends_the_user_and_keeps_the_session(self) -> None:
        self.visitor.get("/put")
        self.visitor.post("/login", user="alpha", password="alphapass")
        response = self.visitor.get("/logout?next=/bye")
        self.assertEqual((response.status, response.headers["location"]), (302, "/bye"))
        self.assertEqual(self.visitor.get("/session").json(), {"cart": 7, "noted": "alpha"})

    def test_the_old_cookie_is_worth_nothing(self) -> None:
        self.visitor.post("/login", user="alpha", password="alphapass")
        thief = Visitor(self)
        thief.cookies = dict(self.visitor.cookies)
        self.visitor.get("/logout")
        self.assertEqual(thief.get("/user").text, "")

    def test_nobody_may_log_out_too(self) -> None:
        response = Visitor(self).get("/logout")
        self.assertEqual((response.status, response.headers["location"]), (302, "/"))
        self.assertEqual(response.all("Set-Cookie"), [])


class MistakeTests(SimpleTestCase):
    first = ""
    config = """
    url:
      none: {pattern: /none, handler: SimpleAuth, kwargs: {credentials: {a: ''}}}
      dict: {pattern: /dict, handler: SimpleAuth, kwargs: {credentials: {a: {email: x}}}}
      file: {pattern: /file, handler: SimpleAuth, kwargs: {template: no.html}}
      lookup: {pattern: /lookup, handler: SimpleAuth, kwargs: {lookup: {url: users.xlsx}}}
      action: {pattern: /action, handler: SimpleAuth, kwargs: {action: nomodule.fn}}
      delay: {pattern: /delay, handler: SimpleAuth, kwargs: {delay: [1, x]}}
    """

    def test_mistakes_are_named(self) -> None:
        self.assertEqual(
            [str(error).partition(": ")[2] for error in self.app.gramex.errors],
            [
                "url.none.kwargs.credentials.a: needs a password: text, or what `gramex-twisted hash` prints",
                "url.dict.kwargs.credentials.a: needs a password: text, or what `gramex-twisted hash` prints",
                "url.file.kwargs.template: no file no.html",
                "url.lookup.kwargs.lookup.url: no file users.xlsx",
                'url.action.kwargs.action.0: no module named "nomodule"',
                "url.delay.kwargs.delay[1]: must be a number, not 'x'",
            ],
        )
