"""FormHandler: POST, PUT and DELETE."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from gramex_twisted.testing import AppTestCase, Response

CSV = "id,city,sales\n1,Oslo,10\n2,Rome,20\n3,Oslo,30\n"


class WriteTestCase(AppTestCase):
    files = {
        "sales.csv": CSV,
        "hooks.py": """\
            def stamp(args, key, handler):
                args["who"] = [handler.get_argument("user", "nobody")]

            def own(args, key, handler):
                args["city"] = ["Oslo"]

            def tell(data, key, handler):
                return f"{data} of {key}"
        """,
    }

    def setUp(self) -> None:
        super().setUp()
        with closing(sqlite3.connect(self.folder / "sales.db")) as connection:
            connection.execute(
                "CREATE TABLE sales (id INTEGER PRIMARY KEY AUTOINCREMENT, city TEXT NOT NULL, sales INTEGER, who TEXT)"
            )
            connection.execute("INSERT INTO sales (city, sales) VALUES ('Oslo', 10), ('Rome', 20), ('Oslo', 30)")
            connection.commit()

    def send(self, method: str, url: str, **options: Any) -> Response:
        return self.request(method, url, **options)

    def rows(self, url: str = "/db") -> list[Any]:
        return [list(row.values()) for row in self.get(f"{url}?_c=id&_c=city&_c=sales").json()]


class ChangeTests(WriteTestCase):
    config = """
        url:
          file:
            pattern: /file
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv, id: id}
          db: &db
            pattern: /db
            handler: FormHandler
            kwargs: {url: "sqlite:///$YAMLPATH/sales.db", table: sales, id: id}
          read-only:
            pattern: /read-only
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv}
          hooked:
            pattern: /hooked
            handler: FormHandler
            kwargs:
              url: "sqlite:///$YAMLPATH/sales.db"
              table: sales
              id: id
              prepare: hooks.stamp
              modify: hooks.tell
          own:
            pattern: /own
            handler: FormHandler
            kwargs: {url: "sqlite:///$YAMLPATH/sales.db", table: sales, id: id, prepare: hooks.own}
          path:
            pattern: /path/(?P<id>.*)
            handler: FormHandler
            kwargs: {url: "sqlite:///$YAMLPATH/sales.db", table: sales, id: id, default: {_limit: 5}}
          redirected:
            pattern: /redirected
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv, id: id, redirect: /thanks}
          back:
            pattern: /back
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv, id: id, redirect: {query: next}}
    """

    def test_arguments_are_inserted(self) -> None:
        response = self.send("POST", "/db", data={"city": "Lima", "sales": "5"})
        self.assertEqual(response.status, 200, response.text)
        self.assertEqual(response.json(), {"data": {"filters": [], "ignored": [], "inserted": [{"id": 4}]}})
        self.assertEqual(response.headers["count-data"], "1")
        self.assertEqual(response.headers["cache-control"], "no-cache, no-store")
        self.assertEqual(self.rows()[-1], [4, "Lima", 5])

    def test_repeated_arguments_are_rows(self) -> None:
        for url in ("/db", "/file"):
            response = self.send("POST", f"{url}?id=8&id=9&city=Lima&city=Quito&sales=5")
            self.assertEqual(response.json()["data"].get("inserted"), [{"id": 8}, {"id": 9}], response.text)
            self.assertEqual(self.rows(url)[-2:], [[8, "Lima", 5], [9, "Quito", 5]])

    def test_a_json_object_and_a_json_list(self) -> None:
        self.send("POST", "/db", json={"city": "Lima", "sales": None})
        response = self.send("POST", "/db?sales=7", json=[{"city": "Quito"}, {"city": "Bonn", "sales": 8}])
        self.assertEqual(response.headers.get("count-data"), "2", response.text)
        self.assertEqual(self.rows()[-3:], [[4, "Lima", None], [5, "Quito", 7], [6, "Bonn", 8]])

    def test_a_body_that_is_no_row_is_400(self) -> None:
        for body, expected in (
            (b"[1]", "the request body must be a JSON object, or a list of them"),
            (b'"x"', "the request body must be a JSON object, or a list of them"),
            (b"{", "the request body is not JSON"),
        ):
            response = self.send("POST", "/db", data=body, headers={"Content-Type": "application/json"})
            self.assertEqual(response.status, 400)
            self.assertIn(expected, response.json()["error"])
        self.assertEqual(len(self.rows()), 3)

    def test_a_wrong_value_names_its_column_and_nothing_is_kept(self) -> None:
        for url in ("/db", "/file"):
            response = self.send(
                "POST", url, json=[{"id": 7, "city": "Lima", "sales": 1}, {"city": "Bonn", "sales": "x"}]
            )
            self.assertEqual(response.status, 400)
            self.assertIn("sales", response.json()["error"])
            self.assertEqual(len(self.rows(url)), 3)

    def test_update_by_id(self) -> None:
        for url in ("/db", "/file"):
            response = self.send("PUT", f"{url}?id=1&id=3&sales=99")
            self.assertEqual((response.status, response.headers["count-data"]), (200, "2"))
            self.assertEqual(self.rows(url), [[1, "Oslo", 99], [2, "Rome", 20], [3, "Oslo", 99]])

    def test_update_without_id_names_it(self) -> None:
        response = self.send("PUT", "/db?sales=99")
        self.assertEqual(response.status, 400)
        self.assertIn("missing column(s): id", response.json()["error"])

    def test_delete_by_id(self) -> None:
        for url in ("/db", "/file"):
            response = self.send("DELETE", f"{url}?id=1&id=2&city=Oslo")
            self.assertEqual((response.status, response.headers["count-data"]), (200, "1"))
            self.assertEqual(self.rows(url), [[2, "Rome", 20], [3, "Oslo", 30]])

    def test_a_delete_that_is_not_understood_deletes_nothing(self) -> None:
        for query in ("", "?city=Oslo", "?id=", "?id=1&citty=Oslo", "?id=1&_limit=1", "?ID=1"):
            response = self.send("DELETE", f"/db{query}")
            self.assertEqual(response.status, 400, query)
        self.assertEqual(len(self.rows()), 3)

    def test_defaults_of_the_route_do_not_keep_it_from_deleting(self) -> None:
        self.assertEqual(self.send("DELETE", "/path/2").headers["count-data"], "1")
        self.assertEqual([row[0] for row in self.rows()], [1, 3])

    def test_what_names_no_column_is_ignored_and_told(self) -> None:
        response = self.send("POST", "/db?city=Lima&x=1&_meta=y")
        self.assertEqual(response.json()["data"]["ignored"], [["x", ["1"]]])
        self.assertEqual(response.headers["fh-data-inserted"], '[{"id":4}]')

    def test_without_id_nothing_can_be_changed(self) -> None:
        for method in ("POST", "PUT", "DELETE"):
            response = self.send(method, "/read-only?id=1&sales=1")
            self.assertEqual(response.status, 400)
            self.assertEqual(response.json()["error"], "read-only: data has no id:, so its rows cannot be changed")
        self.assertEqual((self.folder / "sales.csv").read_text(), CSV)

    def test_a_rule_of_the_database_is_a_conflict(self) -> None:
        self.assertEqual(self.send("POST", "/db?id=1&city=Lima").status, 409)
        self.assertEqual(self.send("POST", "/db?sales=5").status, 409)
        self.assertEqual(len(self.rows()), 3)

    def test_hooks(self) -> None:
        response = self.send("POST", "/hooked?city=Lima&user=ann")
        self.assertEqual(response.json()["data"]["modify"], "1 of data")
        self.assertEqual(self.get("/db?id=4").json()[0]["who"], "ann")

    def test_prepare_sees_each_row_of_a_list(self) -> None:
        self.send("POST", "/own", json=[{"city": "Rome", "sales": 5, "who": None}, {"sales": None}])
        self.assertEqual(self.rows()[-2:], [[4, "Oslo", 5], [5, "Oslo", None]])
        self.assertIsNone(self.get("/db?id=4").json()[0]["who"])
        self.send("PUT", "/own", json=[{"id": 4, "city": "Rome", "sales": 6}])
        self.assertEqual(self.rows()[-2:], [[4, "Oslo", 6], [5, "Oslo", None]])
        self.assertEqual(self.send("DELETE", "/own", json=[{"id": 2}, {"id": 4, "city": "Rome"}]).status, 200)
        self.assertEqual([row[0] for row in self.rows()], [1, 2, 3, 5])

    def test_arguments_beside_a_list_must_hold_too(self) -> None:
        response = self.send("DELETE", "/db?city=Oslo", json=[{"id": 1}, {"id": 2}])
        self.assertEqual((response.headers["count-data"], [row[0] for row in self.rows()]), ("1", [2, 3]))

    def test_redirect_when_done(self) -> None:
        response = self.send("POST", "/redirected", data={"id": "9", "city": "Lima"})
        self.assertEqual((response.status, response.headers["location"]), (302, "/thanks"))
        self.assertEqual((self.folder / "sales.csv").read_text(), CSV + "9,Lima,\n")

    def test_a_form_says_where_to_go_and_that_is_no_filter_of_a_delete(self) -> None:
        response = self.send("POST", "/back?x-http-method-override=DELETE", data={"id": "2", "next": "/list?city=Oslo"})
        self.assertEqual((response.status, response.headers["location"]), (302, "/list?city=Oslo"), response.text)
        self.assertEqual((self.folder / "sales.csv").read_text(), "id,city,sales\n1,Oslo,10\n3,Oslo,30\n")

    def test_other_sites_cannot_post(self) -> None:
        response = self.request("POST", "/db?city=Lima", xsrf=False, headers={"Cookie": "sid=x"})
        self.assertEqual(response.status, 403)
        self.assertEqual(len(self.rows()), 3)

    def test_values_are_never_sql(self) -> None:
        evil = "x'); DROP TABLE sales; --"
        self.send("POST", "/db", json={"city": evil})
        self.send("PUT", "/db", json={"id": 1, "city": evil})
        self.assertEqual([row[1] for row in self.rows()], [evil, "Rome", "Oslo", evil])


class SeveralTests(WriteTestCase):
    config = """
        url:
          both:
            pattern: /both
            handler: FormHandler
            kwargs:
              file: {url: $YAMLPATH/sales.csv, id: id}
              db: {url: "sqlite:///$YAMLPATH/sales.db", table: sales, id: id}
          db:
            pattern: /db
            handler: FormHandler
            kwargs: {url: "sqlite:///$YAMLPATH/sales.db", table: sales, id: id}
    """

    def test_each_gets_its_own(self) -> None:
        response = self.send("POST", "/both?id=8&file:city=Lima&db:city=Bonn")
        self.assertEqual(response.status, 200, response.text)
        found = response.json()
        self.assertEqual(found["file"]["inserted"], [{"id": 8}])
        self.assertEqual(found["db"]["inserted"], [{"id": 8}])
        self.assertEqual((response.headers["count-file"], response.headers["count-db"]), ("1", "1"))
        self.assertEqual(self.rows()[-1], [8, "Bonn", None])
        self.assertEqual((self.folder / "sales.csv").read_text(), CSV + "8,Lima,\n")

    def test_all_or_nothing(self) -> None:
        response = self.send("POST", "/both?id=1&file:city=Lima&db:city=Bonn")
        self.assertEqual(response.status, 409)
        self.assertEqual((self.folder / "sales.csv").read_text(), CSV)


class NewTableTests(WriteTestCase):
    config = """
        url:
          new:
            pattern: /new
            handler: FormHandler
            kwargs:
              url: sqlite:///$YAMLPATH/new.db
              table: points
              id: id
              columns:
                id: {type: integer, primary_key: true, autoincrement: true}
                name: {type: varchar(20), default: none, nullable: false}
                x: float
    """

    def test_reading_makes_it_too(self) -> None:
        self.assertEqual(self.get("/new").json(), [])

    def test_reading_makes_it_beside_others(self) -> None:
        with closing(sqlite3.connect(self.folder / "new.db")) as database:
            database.execute("CREATE TABLE other (a)")
        self.assertEqual(self.get("/new").json(), [])
        self.assertEqual(self.get("/new?x>=1").json(), [])

    def test_the_first_insert_makes_it(self) -> None:
        self.assertEqual(self.send("POST", "/new?x=1.5").json()["data"]["inserted"], [{"id": 1}])
        self.assertEqual(self.get("/new").json(), [{"id": 1, "name": "none", "x": 1.5}])

    def test_new_columns_are_added(self) -> None:
        self.send("POST", "/new?x=1.5")
        self.app = self.make_app(self.config.replace("x: float", "x: float\n                y: integer"))
        self.send("POST", "/new?y=5")
        self.assertEqual(self.get("/new?_c=x&_c=y").json(), [{"x": 1.5, "y": None}, {"x": None, "y": 5}])
