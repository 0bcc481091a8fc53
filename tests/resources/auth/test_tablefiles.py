"""Users in files: what lookup: and rules: find there, and the passwords that DBAuth does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import orjson
import xlsxwriter  # type: ignore[import-untyped]

from gramex_twisted.testing import App
from tests.resources.auth.support import SignInTestCase, Visitor

FNS = """
def user(handler):
    return handler.current_user

def turned(content, handler):
    return content[::-1]
"""
PEOPLE = [
    ["email", "number", "team", "since", "note"],
    ["ann@x.org", 7, "red", 2.5, ""],
    ["bob@x.org", 8, None, 3, "tall"],
]
CONFIG = """
app: {session: {type: memory}}
url:
  login:
    pattern: /login
    handler: SimpleAuth
    kwargs:
      credentials: {ann@x.org: a, bob@x.org: b, eve@x.org: e}
      lookup: {url: people.xlsx, id: email}
      rules: {url: rules.json}
      delay: 0
  sheet:
    pattern: /sheet
    handler: SimpleAuth
    kwargs: {credentials: {"7": a}, lookup: {url: people.xlsx, sheet_name: numbers, id: number}}
  yaml: {pattern: /yaml, handler: SimpleAuth, kwargs: {credentials: {ann: a}, lookup: {url: people.yaml, id: name}}}
  dots: {pattern: /dots, handler: SimpleAuth, kwargs: {credentials: {"007": a}, lookup: {url: dots.csv, sep: ;}}}
  column: {pattern: /column, handler: SimpleAuth, kwargs: {credentials: {ann: a}, lookup: {url: people.xlsx, id: nick}}}
  csv:
    pattern: /csv
    handler: DBAuth
    kwargs: {url: users.csv, user: {column: name}, password: {column: word}, delay: 0}
  xlsx: {pattern: /xlsx, handler: DBAuth, kwargs: {url: users.xlsx, sheet_name: accounts, delay: 0}}
  second: {pattern: /second, handler: DBAuth, kwargs: {url: users.xlsx, sheet_name: 1, delay: 0}}
  turned:
    pattern: /turned
    handler: DBAuth
    kwargs: {url: users.xlsx, sheet_name: accounts, delay: 0, password: {function: 'fns.turned(content, handler)'}}
  user: {pattern: /user, handler: FunctionHandler, kwargs: {function: fns.user}}
"""


def write_book(path: Path, **sheets: Any) -> None:
    """Make a workbook."""
    book = xlsxwriter.Workbook(path)
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)
    book.close()


class FileTestCase(SignInTestCase):
    config = CONFIG
    files: ClassVar[dict[str, Any]] = {
        "fns.py": FNS,
        "rules.json": orjson.dumps(
            [{"selector": "team", "pattern": "r*", "field": "level", "value": 3}],
        ).decode(),
        "people.yaml": "- {name: ann, born: 2001-02-03, langs: [en, de]}\n",
        "dots.csv": "user;points\n7;1\n007;2\n",
        "users.csv": "name,word,role\nann,007,boss\nbob,,clerk\ntwin,x,a\ntwin,x,b\n",
    }

    def make_app(self, config: str, registry: Any = None) -> App:
        numbers = [["number", "office"], [7, "Oslo"]]
        write_book(self.folder / "people.xlsx", people=PEOPLE, numbers=numbers)
        accounts = [["user", "password", "age"], ["ann", 4711, 33], [42, "secret", 34], ["none", None, 35]]
        write_book(self.folder / "users.xlsx", other=[["nothing"]], accounts=accounts)
        return super().make_app(config, registry)

    def attributes(self, url: str, user: str, password: str) -> Any:
        """What is known of a user who signs in."""
        self.visitor = Visitor(self)
        self.visitor.get(url)
        self.assertEqual(self.visitor.post(url, user=user, password=password).status, 302)
        return self.visitor.get("/user").json()


class LookupTests(FileTestCase):
    def test_a_workbook_has_attributes_and_a_json_file_rules(self) -> None:
        own = {"user": "ann@x.org", "email": "ann@x.org", "number": 7, "team": "red", "since": 2.5, "level": 3}
        self.assertEqual(self.attributes("/login", "ann@x.org", "a"), {**own, "id": "ann@x.org"})

    def test_empty_cells_are_left_out(self) -> None:
        self.assertEqual(
            self.attributes("/login", "bob@x.org", "b"),
            {"user": "bob@x.org", "id": "bob@x.org", "email": "bob@x.org", "number": 8, "since": 3.0, "note": "tall"},
        )

    def test_whom_the_file_does_not_name_has_no_more(self) -> None:
        self.assertEqual(self.attributes("/login", "eve@x.org", "e"), {"user": "eve@x.org", "id": "eve@x.org"})

    def test_a_number_in_a_sheet_is_an_id(self) -> None:
        self.assertEqual(self.attributes("/sheet", "7", "a"), {"user": "7", "id": "7", "number": 7, "office": "Oslo"})

    def test_dates_are_text_and_lists_are_lists(self) -> None:
        known = {"user": "ann", "id": "ann", "name": "ann", "born": "2001-02-03", "langs": ["en", "de"]}
        self.assertEqual(self.attributes("/yaml", "ann", "a"), known)

    def test_a_csv_file_has_texts_whatever_its_options(self) -> None:
        self.assertEqual(self.attributes("/dots", "007", "a"), {"user": "007", "id": "007", "points": "2"})

    def test_a_file_that_has_changed_is_read_again(self) -> None:
        self.attributes("/login", "ann@x.org", "a")
        write_book(self.folder / "people.xlsx", people=[["email", "team"], ["ann@x.org", "blue"]])
        os.utime(self.folder / "people.xlsx", (1, 1))
        self.assertEqual(
            self.attributes("/login", "ann@x.org", "a"),
            {"user": "ann@x.org", "id": "ann@x.org", "email": "ann@x.org", "team": "blue"},
        )

    def test_a_missing_column_is_named(self) -> None:
        response = self.visitor.post("/column", user="ann", password="a")
        self.assertEqual(response.status, 500)
        self.assertIn("people.xlsx has no column nick", response.text)

    def test_a_file_that_has_gone_is_named(self) -> None:
        (self.folder / "people.xlsx").unlink()
        response = self.visitor.post("/login", user="ann@x.org", password="a")
        self.assertEqual(response.status, 500)
        self.assertIn("people.xlsx cannot be read", response.text)
        self.assertNotIn(str(self.folder), response.text)


class PasswordTests(FileTestCase):
    def test_a_csv_file_has_users_and_their_passwords(self) -> None:
        self.assertEqual(self.attributes("/csv", "ann", "007"), {"name": "ann", "role": "boss", "id": "ann"})

    def test_a_sheet_has_users_and_their_passwords(self) -> None:
        self.assertEqual(self.attributes("/xlsx", "ann", "4711"), {"user": "ann", "age": 33, "id": "ann"})
        self.assertEqual(self.attributes("/xlsx", "42", "secret"), {"user": "42", "age": 34, "id": "42"})
        self.assertEqual(self.attributes("/second", "ann", "4711")["age"], 33)

    def test_a_function_makes_what_the_file_has(self) -> None:
        self.assertEqual(self.attributes("/turned", "ann", "1174")["id"], "ann")

    def test_wrong_and_missing_passwords_are_refused(self) -> None:
        for url, user, password in (
            ("/csv", "ann", "7"),
            ("/csv", "bob", ""),
            ("/csv", "twin", "x"),
            ("/csv", "nobody", "x"),
            ("/xlsx", "ann", "4711.0"),
            ("/xlsx", "none", "None"),
            ("/xlsx", "none", ""),
            ("/turned", "ann", "4711"),
        ):
            self.assertEqual(self.visitor.post(url, user=user, password=password).status, 401, (url, user, password))
        self.flushLoggedErrors()

    def test_the_file_stays_as_it_is(self) -> None:
        self.attributes("/csv", "ann", "007")
        self.assertEqual((self.folder / "users.csv").read_text(), self.files["users.csv"])

    def test_a_user_who_is_added_can_sign_in(self) -> None:
        with (self.folder / "users.csv").open("a") as file:
            file.write("new,pass,clerk\n")
        self.assertEqual(self.attributes("/csv", "new", "pass")["role"], "clerk")


class MistakeTests(FileTestCase):
    first = ""
    config = """
    url:
      lookup: {pattern: /lookup, handler: SimpleAuth, kwargs: {lookup: {url: no.xlsx}}}
      kind: {pattern: /kind, handler: SimpleAuth, kwargs: {rules: {url: fns.py}}}
      missing: {pattern: /missing, handler: DBAuth, kwargs: {url: no.csv}}
      signup: {pattern: /signup, handler: DBAuth, kwargs: {url: users.csv, signup: true}}
      forgot: {pattern: /forgot, handler: DBAuth, kwargs: {url: users.csv, forgot: {email_from: x}}}
      change: {pattern: /change, handler: DBAuth, kwargs: {url: users.csv, change: true}}
      rehash: {pattern: /rehash, handler: DBAuth, kwargs: {url: users.csv, password: {rehash: true}}}
    """

    def test_mistakes_are_named(self) -> None:
        only = "users.csv is a file, which sign-in only reads: use a database"
        errors = [str(error).partition(": ")[2] for error in self.app.gramex.errors]
        self.assertRegex(errors.pop(1), r"^url.kind.kwargs.rules.url: fns.py: cannot read 'py'; ext: is one of arrow")
        self.assertEqual(
            errors,
            [
                "url.lookup.kwargs.lookup.url: no file no.xlsx",
                "url.missing.kwargs.url: no file no.csv",
                f"url.signup.kwargs.signup: {only}",
                f"url.forgot.kwargs.forgot: {only}",
                f"url.change.kwargs.change: {only}",
                f"url.rehash.kwargs.password.rehash: {only}",
            ],
        )
