"""What strangers send to tables over HTTP: SQL in every place, expressions that explode, more than anyone needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from gramex_twisted.testing import AppTestCase, Response
from tests.data.databases import url_of
from tests.servers import MariaDBServer, PostgresServer

ROWS = [(1, "Oslo", 10), (2, "Rome", 20), (3, None, 30)]
TABLES = ("csv", "sqlite", "postgresql", "mariadb")
DATABASES = TABLES[1:]
ATTACKS = (
    *("'", '"', "`", "\\", "\\'", "--", "/*", ";", "%", "%s", "%(id)s", ":id", "{id}", "{0}", "\n", "' OR '1'='1"),
    *("' OR 1=1 -- ", '" OR ""="', "1 OR 1=1", "1; DROP TABLE victims", "'; DROP TABLE victims; --", "1) OR (1=1"),
    *('id"; DROP TABLE victims; --', "id`; DROP TABLE victims; --", "' UNION SELECT NULL, version() --", "1/0"),
    *("1 AND SLEEP(9)", "1; SELECT pg_sleep(9)", "x'; ATTACH DATABASE 'a' AS b; --", "id DESC; --", "(SELECT 1)"),
    *("CASE WHEN 1=1 THEN id END", "EXTRACTVALUE(1, 0x7e)", "load_extension('x')", "COPY victims TO PROGRAM 'id'"),
    *("1 PROCEDURE ANALYSE()", "1 INTO OUTFILE '/tmp/x'", "\u02bc OR 1=1", "\uff07 OR 1=1", "0x27", "*/ OR 1=1 /*"),
)
"""What sqlmap tries first, for each kind of database."""
READ = (
    *("{}", "{}=1", "{}!=1", "{}>=1", "{}~=1", "{}|sum>=1", "city={}", "city!={}", "city>={}", "city<~={}", "city~={}"),
    *("city!*={}", "id={}", "id>={}", "_sort={}", "_sort=-{}", "_by={}", "_by=city&_c={}|sum", "_by=city&_c=id|{}"),
    *("_by=city&city|min={}", "_c={}", "_c=-{}", "_limit={}", "_offset={}", "_after={}", "_format={}", "_meta={}"),
    *("_download={}", "victims:{}=1", "{}:city=1"),
)
"""Where a URL may have them."""
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


class HostileCase(AppTestCase):
    """A table of three rows in a file and in each database."""

    options: ClassVar[str] = ""

    def setUp(self) -> None:
        super().setUp()
        self.urls: Mapping[str, str] = {
            "sqlite": f"sqlite:///{self.folder}/victims.db",
            "postgresql": url_of(PostgresServer),
            "mariadb": url_of(MariaDBServer),
        }
        self.engines = {
            name: sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.pool.NullPool)
            for name, url in self.urls.items()
        }
        for engine in self.engines.values():
            self.fill(engine, ROWS)
        self.write("victims.csv", "id,city,sales\n" + "".join(f"{i},{c or ''},{s}\n" for i, c, s in ROWS))
        kinds = {name: f'url: "{url}", table: victims{self.options}' for name, url in self.urls.items()}
        kinds["csv"] = "url: $YAMLPATH/victims.csv"
        lines = [
            f"  {name}: {{pattern: /{name}, handler: FormHandler, kwargs: {{{said}, id: id}}}}"
            for name, said in kinds.items()
        ]
        self.app = self.make_app("\n".join(["url:", *lines, *self.more()]))

    def more(self) -> list[str]:
        """Further routes."""
        return []

    def fill(self, engine: sa.Engine, rows: list[Any]) -> None:
        """Make the table."""
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS victims"))
            connection.execute(sa.text("CREATE TABLE victims (id INTEGER PRIMARY KEY, city TEXT, sales INTEGER)"))
            found = [{"id": i, "city": c, "sales": s} for i, c, s in rows]
            connection.execute(sa.text("INSERT INTO victims VALUES (:id, :city, :sales)"), found)

    def held(self, table: str) -> list[Any]:
        """All rows, as the database itself tells, and the names of its tables."""
        if table == "csv":
            return [self.folder.joinpath("victims.csv").read_text()]
        engine = self.engines[table]
        with engine.connect() as connection:
            rows: list[Any] = [tuple(row) for row in connection.execute(sa.text("SELECT * FROM victims ORDER BY id"))]
            return [rows, sorted(sa.inspect(connection).get_table_names())]

    def check(self, response: Response, asked: str) -> None:
        """It is an answer of at most these rows, or an error that names an argument; never of the database."""
        self.assertIn(response.status, (200, 400), f"{asked}: {response.text[:300]}")
        if response.status == 200 and response.headers["content-type"].startswith("application/json"):
            self.assertLessEqual(len(response.json()), len(ROWS), asked)
        elif response.status == 400:
            told = response.json()["error"].lower()
            for word in ("syntax", "sqlite3", "psycopg", "pymysql", "select *", "traceback"):
                self.assertNotIn(word, told, asked)


class InjectionTests(HostileCase):
    def more(self) -> list[str]:
        """Queries, tables, columns, sorts and files that arguments are part of."""
        lines: list[str] = []
        for name, url in self.urls.items():
            kwargs = {
                "query": 'query: "SELECT * FROM victims WHERE city = :x", argstype: {x: {type: str}}',
                "number": 'query: "SELECT * FROM victims WHERE id = :x", argstype: {x: {type: int}}',
                "list": 'query: "SELECT * FROM victims WHERE city IN :x", argstype: {x: {expanding: true}}',
                "filled": "query: \"SELECT * FROM victims WHERE city = '{x}'\"",
                "table": 'table: "{x}"',
                "schema": 'table: victims, schema: "{x}"',
                "state": 'query: "SELECT * FROM victims WHERE city = :x", state: "SELECT 1"',
            }
            lines += [
                f"  {name}-{key}: {{pattern: /{name}/{key}, handler: FormHandler, "
                f'kwargs: {{url: "{url}", {said}, default: {{x: nothing}}}}}}'
                for key, said in kwargs.items()
            ]
        lines.append('  file: {pattern: /file, handler: FormHandler, kwargs: {url: "$YAMLPATH/{x}.csv"}}')
        lines.append('  path: {pattern: "/path/(.*)", handler: FormHandler, kwargs: {url: "$YAMLPATH/{_0}.csv"}}')
        lines.append('  url: {pattern: /url, handler: FormHandler, kwargs: {url: "sqlite:///{x}.db", table: victims}}')
        lines += [
            f"  choices-{name}: {{pattern: /choices/{name}, handler: FilterHandler, "
            f'kwargs: {{url: "{url}", table: victims}}}}'
            for name, url in self.urls.items()
        ]
        return lines

    def test_reading_changes_nothing_and_finds_no_more(self) -> None:
        for table in TABLES:
            before = self.held(table)
            for number, place in enumerate(READ):  # tests/data/test_bad_input.py has each in each place of each
                for attack in ATTACKS[number % 3 :: 3]:
                    asked = f"/{table}?{place.replace('{}', quote(attack))}"
                    self.check(self.get(asked), asked)
            self.assertEqual(self.held(table), before, table)

    def test_a_value_is_compared_as_it_is(self) -> None:
        for table in TABLES:
            for attack in filter(str.strip, ATTACKS):
                response = self.get(f"/{table}?city={quote(attack)}")
                self.assertEqual((response.status, response.text), (200, "[]"), f"{table} {attack!r}")

    def test_arguments_of_queries_tables_schemas_files_and_urls(self) -> None:
        before = {table: self.held(table) for table in TABLES}
        keys = ("query", "number", "list", "filled", "table", "schema", "state")
        paths = [f"/{table}/{key}?x=" for table in DATABASES for key in keys] + ["/file?x=", "/path/", "/url?x="]
        for path in paths:
            for attack in ATTACKS:
                response = self.get(path + quote(attack, safe=""))
                if response.status == 500:  # a name of nothing but letters and digits, which nothing has
                    self.assertRegex(attack, r"^[A-Za-z0-9_.-]+$", path)
                else:
                    self.assertIn(response.status, (200, 400, 404), f"{path} {attack!r}: {response.text[:200]}")
                if response.status == 200:
                    self.assertEqual(response.json(), [], f"{path} {attack!r}")
        self.forget_errors()
        self.assertEqual({table: self.held(table) for table in TABLES}, before)

    def test_choices(self) -> None:
        for table in DATABASES:
            before = self.held(table)
            for place in ("_c={}", "_c=city,{}", "_c=city|{}", "_c=city&city={}", "_c=id&city~={}", "_c=city&_sort={}"):
                for attack in ATTACKS:
                    asked = f"/choices/{table}?{place.replace('{}', quote(attack))}"
                    self.check(self.get(asked), asked)
            self.assertEqual(self.held(table), before)

    def test_what_is_written_is_what_was_sent_and_nothing_else(self) -> None:
        for table in TABLES:
            before = self.held(table)
            for number, attack in enumerate((text.strip() or "x'" for text in ATTACKS), 100):  # URLs lose white space
                row = {"id": number, "city": attack, attack: "x"}
                sent = self.request("POST", f"/{table}", json=row)
                self.assertEqual(sent.status, 200, f"{table} {attack!r} {sent.text}")
                self.assertEqual(self.get(f"/{table}?id={number}&_c=city").json(), [{"city": attack}], table)
                for method in ("PUT", "DELETE"):
                    wrong = self.request(method, f"/{table}?id={quote('1' + attack + 'x')}&city=gone")
                    self.assertEqual(wrong.status, 400, f"{method} {table} {attack!r}")
                    names = self.request(method, f"/{table}?{quote(attack)}={number}&city=gone")
                    self.assertEqual(names.status, 400, f"{method} {table} {attack!r}")
                changed = self.request("PUT", f"/{table}", json={"id": number, "city": attack * 2})
                self.assertEqual((changed.status, changed.headers["count-data"]), (200, "1"), attack)
                gone = self.request("DELETE", f"/{table}?id={number}&city={quote(attack * 2, safe='')}")
                self.assertEqual((gone.status, gone.headers["count-data"]), (200, "1"), f"{table} {attack!r}")
            self.assertEqual(self.held(table), before)

    @settings(max_examples=40, deadline=None)
    @given(st.sampled_from(TABLES), st.sampled_from(READ), ANY)
    def test_any_text_in_any_place(self, table: str, place: str, text: str) -> None:
        before = self.held(table)
        asked = f"/{table}?{place.replace('{}', quote(text))}"
        self.check(self.get(asked), asked)
        self.assertEqual(self.held(table), before)


class AmountTests(HostileCase):
    def test_limits_that_are_none_are_400_everywhere(self) -> None:
        for table in TABLES:
            for limit in ("-1", "1e9", "ten", "1.5", "9" * 30, "0x10", "٣", "NaN"):
                for name in ("_limit", "_offset"):
                    response = self.get(f"/{table}?{name}={quote(limit)}")
                    self.assertEqual(response.status, 400, f"{table} {name}={limit}")
                    self.assertIn(f"{name}={limit}: not a whole number", response.json()["error"])
            self.assertEqual(self.get(f"/{table}?_limit=0").json(), [])
            self.assertEqual(self.get(f"/{table}?_offset=1000000").json(), [])

    def test_ten_thousand_filters_are_400_or_414_and_cost_nothing(self) -> None:
        filters = "&".join(f"city{'!' * (place % 2)}={place}" for place in range(10_000))
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for table in TABLES:
            self.assertIn(self.get(f"/{table}?{filters}").status, (400, 414), table)
            sent = self.request("DELETE", f"/{table}", data=f"id=1&{filters}".encode(), headers=form)
            self.assertEqual(sent.status, 400, table)
            self.assertEqual(len(self.get(f"/{table}").json()), 3)

    def test_operators_with_values_of_the_wrong_type(self) -> None:
        for table in TABLES:
            for operator in ("", "!", ">", ">~", "<", "<~"):
                response = self.get(f"/{table}?sales{operator}=many")
                self.assertEqual(response.status, 400, f"{table} {operator}")
                self.assertEqual(
                    response.json()["error"],
                    f"sales{operator}=many: not a whole number (column sales is an integer)",
                )
            for operator in ("~", "!~", "*", "!*"):
                response = self.get(f"/{table}?sales{operator}=1")
                self.assertEqual(response.status, 400, f"{table} {operator}")
                self.assertIn("only text is searched (column sales is an integer)", response.json()["error"])

    def test_a_number_with_a_fraction_is_no_whole_number_in_any_table(self) -> None:
        said = "sales=1.5: not a whole number (column sales is an integer)"
        for table in TABLES:
            before = self.held(table)
            for method, sent in (
                ("POST", {"json": [{"id": 8, "sales": 1}, {"id": 9, "sales": 1.5}]}),
                ("POST", {"params": {"id": "9", "sales": "1.5"}}),
                ("PUT", {"params": {"id": "1", "sales": "1.5"}}),
            ):
                response = self.request(method, f"/{table}", **sent)
                self.assertEqual((response.status, response.json()["error"]), (400, said), f"{method} {table}")
            self.assertEqual(self.held(table), before)

    def test_unknown_columns_are_ignored_and_told(self) -> None:
        for table in TABLES:
            response = self.get(f"/{table}?colour=red&size>=3&_sort=weight&_meta=y")
            self.assertEqual(len(response.json()), 3, table)
            ignored = json.loads(response.headers["fh-data-ignored"])
            self.assertEqual(ignored, [["colour", ["red"]], ["size>", ["3"]], ["_sort", ["weight"]]], table)


class ExplodingTests(HostileCase):
    """Each database has its own engine: polars and SQLite (RE2) take linear time, the others end by a deadline."""

    timeout = 120
    options = ", timeout: 5"
    texts = ("a" * 5000, "a" * 30, "x" * 3000, "ab" * 9000, "a b " * 1000, "aaaa!" * 500)

    def setUp(self) -> None:
        super().setUp()
        rows = [(number, self.texts[number % len(self.texts)], 0) for number in range(300)]
        for engine in self.engines.values():
            self.fill(engine, rows)
        self.write("victims.csv", "id,city,sales\n" + "".join(f"{i},{c},{s}\n" for i, c, s in rows))

    def test_they_are_answered_or_400_in_time(self) -> None:
        patterns = {
            "(a+)+$": 200,
            "(a*)*b": 200,
            "(.*a){20}": 200,
            "^(([a-z])+.)+[A-Z]([a-z])+$": 200,
            "^(a|b)*$": 200,
            "(?:a?){30}a{30}": 200,
            ".*.*.*.*.*.*.*.*.*=b": 200,
            "(a?){200}a{200}": 400,
            "((a{1,20}){1,20}){1,5}b": 400,
        }
        refused = ("repeats a repetition, for which this database would take too long", "takes this database too long")
        for table in TABLES:
            for pattern, status in patterns.items():
                response = self.get(f"/{table}?city~={quote(pattern)}&_c=id&_limit=1")
                if status == 400 or table != "mariadb":
                    self.assertEqual(response.status, status, f"{table} {pattern}: {response.text}")
                elif response.status != 200:
                    self.assertEqual(response.status, 400, f"{table} {pattern}: {response.text}")
                    self.assertTrue(response.json()["error"].startswith(f"city~={pattern}: "), response.text)
                    self.assertTrue(response.json()["error"].endswith(refused), response.text)
            self.assertEqual(self.get(f"/{table}?_limit=1&_c=sales").json(), [{"sales": 0}], table)

    def test_mariadb_says_which_expression_took_it_too_long(self) -> None:
        pattern = "(?:a?){30}a{30}"
        for asked in (f"city~={quote(pattern)}", f"_by=sales&city|max~={quote(pattern)}"):
            response = self.get(f"/mariadb?{asked}&_c=id|count")
            if response.status == 200:  # a machine that is fast enough
                continue
            self.assertEqual(response.status, 400, response.text)
            self.assertTrue(response.json()["error"].endswith(f"~={pattern}: takes this database too long"))
