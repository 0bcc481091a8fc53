"""DBAuth against a real SQLite file, and a real SMTP server where mails are sent."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import Any, ClassVar

from gramex_twisted.resources.auth.hashes import hashed
from gramex_twisted.resources.auth.sha256crypt import sha256_crypt
from gramex_twisted.testing import App, Response
from tests.resources.auth.mailserver import MailServer
from tests.resources.auth.support import SignInTestCase, Visitor

CRYPT = sha256_crypt("crypt pass", "$5$rounds=1000$salt")
PASSLIB = "$pbkdf2-sha256$1000$c2FsdHNhbHQ$" + (
    __import__("base64").b64encode(hashlib.pbkdf2_hmac("sha256", b"lib pass", b"saltsalt", 1000)).decode().rstrip("=")
).replace("+", ".")
WERKZEUG = "pbkdf2:sha256:1000$salt$" + hashlib.pbkdf2_hmac("sha256", b"wz pass", b"salt", 1000).hex()
SHA = hashlib.sha256(b"sha pass").hexdigest()
USERS = [
    ("alpha", "alpha pass", "alpha@example.org", "boss", 1),
    ("argon", hashed("argon pass"), "argon@example.org", "clerk", 2),
    ("crypt", CRYPT, "crypt@example.org", None, 3),
    ("lib", PASSLIB, "", None, 4),
    ("wz", WERKZEUG, None, None, 5),
    ("sha", SHA, None, None, 6),
    ("none", None, "none@example.org", None, 7),
    ("empty", "", None, None, 8),
    ("twin", "twin pass", None, None, 9),
    ("twin", "twin pass", None, None, 10),
]
FNS = """
def user(handler):
    return handler.current_user

def turned(content, handler):
    return content[::-1]

def check(handler, args):
    if args["user"][0] == "root":
        raise ValueError("root is ours")
    return args.get("nick") != ["bad"]
"""
CONFIG = """
app: {{session: {{type: memory}}, base_url: https://app.example.org/sub/}}
email: {{post: {{type: smtp, host: 127.0.0.1, port: {port}, email: app@example.org}}}}
url:
  login:
    pattern: /login
    handler: DBAuth
    kwargs:
      url: sqlite:///{folder}/users.db
      table: users
      user: {{column: user, arg: user}}
      password: {{column: password, arg: password}}
      forgot: {{email_from: post}}
      signup: {{columns: {{nick: nick}}, validate: 'fns.check(handler, args)'}}
      change: true
      delay: 0
  plain:
    pattern: /plain
    handler: DBAuth
    kwargs: {{url: 'sqlite:///{folder}/users.db', signup: true}}
  turned:
    pattern: /turned
    handler: DBAuth
    kwargs: {{url: 'sqlite:///{folder}/users.db', password: {{function: 'fns.turned(content, handler)'}}}}
  column:
    pattern: /column
    handler: DBAuth
    kwargs: {{url: 'sqlite:///{folder}/users.db', user: {{column: 'user" OR 1=1 --'}}}}
  logout: {{pattern: /logout, handler: LogoutHandler}}
  user: {{pattern: /user, handler: FunctionHandler, kwargs: {{function: fns.user}}}}
"""


class DBTestCase(SignInTestCase):
    files: ClassVar[dict[str, Any]] = {"fns.py": FNS}

    def setUp(self) -> None:
        self.mail = MailServer.of(self)
        super().setUp()

    def make_app(self, config: str, registry: Any = None) -> App:
        with closing(self.connected()) as connection, connection:
            connection.execute(
                "CREATE TABLE users (user TEXT, password TEXT, email TEXT, role TEXT, id INTEGER, nick TEXT)"
            )
            connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, NULL)", USERS)
        return super().make_app(CONFIG.format(folder=self.folder, port=self.mail.port), registry)

    def connected(self) -> sqlite3.Connection:
        """The users' database."""
        return sqlite3.connect(self.folder / "users.db")

    def stored(self, user: str) -> str:
        """The password column of a user."""
        with closing(self.connected()) as connection:
            [(password,)] = connection.execute("SELECT password FROM users WHERE user = ?", [user]).fetchall()
        return str(password)

    def count(self) -> int:
        """How many users there are."""
        with closing(self.connected()) as connection:
            return int(connection.execute("SELECT COUNT(*) FROM users").fetchone()[0])

    def log_in(self, user: str, password: str, url: str = "/login", wait: float = 0) -> Response:
        """An attempt."""
        return self.visitor.post(url, wait, user=user, password=password)


class LogInTests(DBTestCase):
    def test_every_kind_of_hash_signs_in_and_becomes_argon2(self) -> None:
        for user, password in (
            ("alpha", "alpha pass"), ("argon", "argon pass"), ("crypt", "crypt pass"), ("lib", "lib pass"),
            ("wz", "wz pass"), ("sha", "sha pass"),
        ):  # fmt: skip
            for _ in range(2):
                self.assertEqual(self.log_in(user, password).status, 302, user)
                self.assertEqual(self.visitor.get("/user").json()["id"], user)
                self.assertTrue(self.stored(user).startswith("$argon2id$"), user)
            self.assertEqual(self.log_in(user, f"{password}x").status, 401, user)
        self.assertEqual(self.stored("argon"), USERS[1][1])

    def test_a_stored_hash_is_no_password(self) -> None:
        for user, stored, *_ in USERS[1:6]:
            self.assertEqual(self.log_in(str(user), str(stored)).status, 401, user)

    def test_columns_are_attributes_and_the_password_is_not(self) -> None:
        self.log_in("alpha", "alpha pass")
        self.assertEqual(
            self.visitor.get("/user").json(),
            {"user": "alpha", "email": "alpha@example.org", "role": "boss", "id": "alpha", "nick": None},
        )

    def test_no_password_no_user_and_two_users_never_match(self) -> None:
        for user, password in (
            ("none", ""), ("none", "None"), ("empty", ""), ("", ""), ("nobody", ""), ("nobody", "x"), ("alpha", ""),
            ("twin", "twin pass"), ("a" * 5000, "x"), ("alpha", "x" * 5000),
        ):  # fmt: skip
            self.assertEqual(self.log_in(user, password).status, 401, user[:10])
        self.flushLoggedErrors()

    def test_names_are_never_sql(self) -> None:
        for user in ("' OR '1'='1", 'alpha" --', "alpha'; DROP TABLE users; --", "%", "alp_a", "al\x00pha", "ALPHA"):
            self.assertEqual(self.log_in(user, "alpha pass").status, 401, user)
        self.assertEqual(self.count(), len(USERS))

    def test_a_column_that_is_not_there_is_never_sql(self) -> None:
        response = self.log_in("alpha", "alpha pass", "/column")
        self.assertEqual(response.status, 500)

    def test_a_function_makes_what_is_compared_and_nothing_is_replaced(self) -> None:
        self.assertEqual(self.log_in("alpha", "ssap ahpla", "/turned").status, 302)
        self.assertEqual(self.log_in("alpha", "alpha pass", "/turned", wait=1).status, 401)
        self.assertEqual(self.stored("alpha"), "alpha pass")

    def test_a_database_that_is_gone_is_503(self) -> None:
        (self.folder / "users.db").unlink()
        (self.folder / "users.db").mkdir()
        self.assertEqual(self.log_in("alpha", "alpha pass").status, 503)
        self.flushLoggedErrors()

    def test_two_who_sign_in_at_once_do_not_meet(self) -> None:
        one, two = Visitor(self), Visitor(self)
        one.get("/login"), two.get("/login")
        first = one.start("/login", user="alpha", password="alpha pass")
        second = two.start("/login", user="argon", password="argon pass")
        one.keep(self.successResultOf(first)), two.keep(self.successResultOf(second))
        self.assertEqual(one.get("/user").json()["id"], "alpha")
        self.assertEqual(two.get("/user").json()["id"], "argon")


class ForgotTests(DBTestCase):
    first = "/login?forgot"

    def ask(self, who: str, **headers: str) -> Response:
        return self.visitor.post("/login?forgot", headers={k: [v] for k, v in headers.items()} or None, email=who)

    def path(self) -> str:
        """The path and query of the mailed link."""
        return self.mail.link().removeprefix("https://app.example.org/sub")

    def test_a_mailed_link_sets_a_password_once(self) -> None:
        self.assertIn("a mail with a link is on its way", self.ask("crypt@example.org").text)
        self.assertEqual(self.mail.recipients, [["crypt@example.org"]])
        path = self.path()
        page = self.visitor.get(path)
        self.assertIn('autocomplete="new-password"', page.text)
        self.assertEqual(page.headers["referrer-policy"], "no-referrer")
        done = self.visitor.post(path, password="brand new 1", password2="brand new 1")
        self.assertIn("Your new password is set", done.text)
        self.assertEqual(self.log_in("crypt", "crypt pass").status, 401)
        self.assertEqual(self.log_in("crypt", "brand new 1").status, 302)
        again = self.visitor.post(path, password="brand new 2", password2="brand new 2")
        self.assertEqual(again.status, 400)
        self.assertIn("This link has expired", again.text)
        self.assertEqual(self.visitor.get(path).status, 400)
        self.assertEqual([row[0] for row in self.log_rows("event")], ["reset", "fail", "login"])

    def test_the_answer_does_not_tell_whether_there_is_an_account(self) -> None:
        known, unknown = self.ask("alpha@example.org"), self.ask("nobody@example.org")
        self.assertEqual((known.status, known.text), (unknown.status, unknown.text))
        self.assertEqual(len(self.mail.mails), 1)

    def test_the_link_never_begins_with_what_a_request_says(self) -> None:
        self.ask(
            "alpha@example.org", Host="evil.org", **{"X-Forwarded-Host": "evil.org", "X-Request-URI": "//evil.org/"}
        )
        self.assertTrue(self.mail.link().startswith("https://app.example.org/sub/login?forgot="))
        self.assertNotIn("evil", self.mail.mails[-1].as_string())

    def test_a_user_name_will_do(self) -> None:
        self.ask("alpha")
        self.assertEqual(self.mail.recipients, [["alpha@example.org"]])

    def test_nobody_adds_recipients_or_headers(self) -> None:
        for who in ("alpha@example.org, eve@evil.org", "alpha@example.org\nBcc: eve@evil.org", "a@b\r\nRCPT TO:<x@y>"):
            self.ask(who)
        self.assertEqual(self.mail.recipients, [])

    def test_five_mails_an_hour_are_enough_for_one_account(self) -> None:
        for _ in range(8):
            self.ask("alpha")
        self.assertEqual(len(self.mail.mails), 5)

    def test_a_link_dies_with_the_password_that_it_was_for(self) -> None:
        self.ask("alpha")
        first = self.path()
        self.ask("alpha")
        second = self.path()
        self.visitor.get(first)
        self.visitor.post(first, password="brand new 1", password2="brand new 1")
        self.assertEqual(self.visitor.post(second, password="brand new 2", password2="brand new 2").status, 400)
        self.assertEqual(self.log_in("alpha", "brand new 1").status, 302)

    def test_a_new_password_ends_all_sessions(self) -> None:
        thief = Visitor(self)
        thief.get("/login")
        thief.post("/login", user="alpha", password="alpha pass")
        self.assertEqual(thief.get("/user").json()["id"], "alpha")
        self.ask("alpha")
        self.visitor.get(self.path())
        self.visitor.post(self.path(), password="brand new 1", password2="brand new 1")
        self.assertEqual(thief.get("/user").text, "")

    def test_a_bad_password_is_explained_and_the_link_still_works(self) -> None:
        self.ask("alpha")
        self.visitor.get(self.path())
        for one, two, why in (
            ("short", "short", "Use at least 8 characters."),
            ("brand new 1", "brand new 2", "The two passwords differ."),
        ):
            response = self.visitor.post(self.path(), password=one, password2=two)
            self.assertEqual(response.status, 400)
            self.assertIn(f'<p class="wrong" id="password-error">{why}</p>', response.text)
        self.assertEqual(self.visitor.post(self.path(), password="brand new 1", password2="brand new 1").status, 200)

    def test_a_mail_server_that_is_down_is_in_the_log_alone(self) -> None:
        self.mail.stop()
        self.assertIn("on its way", self.ask("alpha").text)

    def test_forged_tokens_are_worth_nothing(self) -> None:
        for token in ("x", "..", "a" * 43, "%00", "'"):
            self.assertEqual(
                self.visitor.post(f"/login?forgot={token}", password="brand new 1", password2="brand new 1").status, 400
            )


class SignUpTests(DBTestCase):
    first = "/login?signup"

    def sign_up(self, **form: str) -> Response:
        return self.visitor.post("/login?signup", **form)

    def test_a_mailed_link_finishes_an_account(self) -> None:
        response = self.sign_up(user="newbie", email="newbie@example.org", nick="Neo")
        self.assertIn("Your account is made", response.text)
        self.assertEqual(self.log_in("newbie", "").status, 401)
        path = self.mail.link().removeprefix("https://app.example.org/sub")
        self.visitor.get(path)
        self.visitor.post(path, password="brand new 1", password2="brand new 1")
        self.assertEqual(self.log_in("newbie", "brand new 1").status, 302)
        self.assertEqual(self.visitor.get("/user").json()["nick"], "Neo")

    def test_names_and_addresses_are_taken_once_whatever_their_case(self) -> None:
        self.assertIn("This name is taken", self.sign_up(user="ALPHA", email="new@example.org").text)
        self.assertEqual(self.sign_up(user="other", email="Alpha@Example.org").status, 400)
        self.assertEqual(self.count(), len(USERS))

    def test_two_who_want_one_name_at_once_do_not_both_get_it(self) -> None:
        visitors = [Visitor(self), Visitor(self)]
        for visitor in visitors:
            visitor.get("/login?signup")
        started = [
            visitor.start("/login?signup", user="both", email=f"both{n}@example.org")
            for n, visitor in enumerate(visitors)
        ]
        self.assertEqual(sorted(self.successResultOf(deferred).status for deferred in started), [200, 400])
        self.assertEqual(self.count(), len(USERS) + 1)

    def test_validate_refuses(self) -> None:
        self.assertIn("root is ours", self.sign_up(user="root", email="r@example.org").text)
        response = self.sign_up(user="nick", email="n@example.org", nick="bad")
        self.assertEqual(response.status, 400)
        self.assertIn("These details are not accepted.", response.text)

    def test_what_is_missing_or_no_address_is_said(self) -> None:
        response = self.sign_up(user="", email="no address")
        self.assertIn("Enter a user name.", response.text)
        self.assertIn("Enter your email address.", response.text)

    def test_only_the_forms_own_columns_are_written(self) -> None:
        self.sign_up(user="sly", email="sly@example.org", role="boss", id="1")
        with closing(self.connected()) as connection:
            found = connection.execute("SELECT role, id FROM users WHERE user = 'sly'").fetchall()
        self.assertEqual(found, [(None, None)])

    def test_without_mail_the_form_asks_for_the_password_and_signs_in(self) -> None:
        self.visitor.get("/plain?signup")
        form = {"user": "fresh", "password": "brand new 1"}
        self.assertIn("The two passwords differ.", self.visitor.post("/plain?signup", password2="x", **form).text)
        self.assertEqual(self.visitor.post("/plain?signup", wait=1, password2="brand new 1", **form).status, 302)
        self.assertEqual(self.visitor.get("/user").json()["id"], "fresh")
        self.assertTrue(self.stored("fresh").startswith("$argon2id$"))

    def test_sign_ups_take_their_time(self) -> None:
        for number, seconds in enumerate((1, 1, 5)):
            visitor = Visitor(self)
            visitor.get("/plain?signup")
            form = {"user": f"fresh{number}", "password": "brand new 1", "password2": "brand new 1"}
            self.assertEqual(visitor.post("/plain?signup", wait=seconds, **form).status, 302)


class ChangeTests(DBTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log_in("alpha", "alpha pass")
        self.visitor.get("/login?change")

    def change(self, old: str, new: str, again: str | None = None) -> Response:
        form = {"old_password": old, "password": new, "password2": new if again is None else again}
        return self.visitor.post("/login?change", **form)

    def test_the_old_password_sets_a_new_one_and_ends_other_sessions(self) -> None:
        other = Visitor(self)
        other.get("/login")
        other.post("/login", user="alpha", password="alpha pass")
        self.assertIn("Your password is changed", self.change("alpha pass", "brand new 1").text)
        self.assertEqual(other.get("/user").text, "")
        self.assertEqual(self.visitor.get("/user").json()["id"], "alpha")
        self.assertEqual(self.log_in("alpha", "brand new 1").status, 302)
        self.assertEqual(self.log_in("alpha", "alpha pass").status, 401)

    def test_a_wrong_one_does_not(self) -> None:
        self.assertIn("This is not your password.", self.change("wrong", "brand new 1").text)
        self.assertIn("The two passwords differ.", self.change("alpha pass", "brand new 1", "x").text)
        self.assertEqual(self.log_in("alpha", "alpha pass").status, 302)

    def test_nobody_is_asked_to_sign_in_first(self) -> None:
        response = Visitor(self).get("/login?change")
        self.assertEqual((response.status, response.headers["location"]), (302, "/login?next=%2Flogin%3Fchange"))


class MistakeTests(SignInTestCase):
    first = ""
    config = """
    app: {session: {type: memory}}
    email: {post: {type: stub}, there: {type: smtp, host: h}}
    url:
      url: {pattern: /a, handler: DBAuth, kwargs: {url: 'nonsense://x'}}
      file: {pattern: /b, handler: DBAuth, kwargs: {url: users.xlsx}}
      mail: {pattern: /c, handler: DBAuth, kwargs: {url: 'sqlite://', forgot: {email_from: there}}}
      own: {pattern: /d, handler: DBAuth, kwargs: {url: 'sqlite://', signup: {columns: {p: password}}}}
    """

    def test_mistakes_are_named(self) -> None:
        self.assertEqual(
            [str(error).partition(": ")[2] for error in self.app.gramex.errors],
            [
                "url.url.kwargs.url: the database's driver cannot be imported: "
                "Can't load plugin: sqlalchemy.dialects:nonsense",
                "url.file.kwargs.url: no file users.xlsx",
                "url.own.kwargs.signup.columns: password has a field of its own",
            ],
        )
