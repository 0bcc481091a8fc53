"""What a URL's arguments say: columns by their longest names, namespaces, defaults, and what is ignored."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.arguments import parse
from gramex_twisted.data.distinct import parse_distinct
from gramex_twisted.data.query import Aggregate, Filter, Having, Op, Query, Sort
from gramex_twisted.data.schema import Field, Schema
from gramex_twisted.data.types import Kind, QueryError
from tests.data.backends import arguments

FIELDS = (("city", Kind.TEXT), ("sales", Kind.FLOAT), ("units", Kind.INT), ("raw", Kind.OTHER), ("ok", Kind.BOOL))
SCHEMA = Schema(tuple(Field(name, kind) for name, kind in FIELDS), positions=True)


def schema(*names: str) -> Schema:
    """Columns of integers."""
    return Schema(tuple(Field(name, Kind.INT) for name in names), positions=True)


def asked(url: str, known: Schema = SCHEMA) -> Query:
    """What a query string asks."""
    return parse(arguments(url), known)


class NameTests(SynchronousTestCase):
    def test_the_longest_column_name_wins(self) -> None:
        known = schema("a", "a>", "a|sum", "a|sum>", "b")
        readings = {
            "a>=1": Filter("a>", Op.IN, (1,)),
            "a>~=1": None,
            "a>!=1": Filter("a>", Op.NOT_IN, (1,)),
            "a<=1": Filter("a", Op.BELOW, (1,)),
            "a|sum=1": Filter("a|sum", Op.IN, (1,)),
            "a|sum>=1": Filter("a|sum>", Op.IN, (1,)),
            "a|sum<=1": Filter("a|sum", Op.BELOW, (1,)),
        }
        for url, expected in readings.items():
            if expected is None:  # of the column `a>`, which holds no text
                with self.assertRaisesRegex(QueryError, "only text is searched .column a> "):
                    asked(url, known)
            else:
                self.assertEqual(asked(url, known).filters, (expected,), url)
        self.assertEqual(asked("_by=&b|sum>=1", known).having, (Having(Aggregate("b", "sum"), Op.ABOVE, (1,)),))

    def test_every_operator_is_known_by_what_stands_before_the_equals_sign(self) -> None:
        keys = {"units": "", "units!": "!", "units>": ">", "units>~": ">~", "units<": "<", "units<~": "<~"}
        keys |= {"city~": "~", "city!~": "!~", "city*": "*", "city!*": "!*"}
        self.assertEqual({key: asked(f"{key}=1").filters[0].op.value for key in keys}, keys)

    def test_several_values_are_any_of_them_the_least_or_the_most(self) -> None:
        values = {"units": (5, 3), "units!": (5, 3), "units>": (3,), "units>~": (3,), "units<": (5,), "units<~": (5,)}
        for key, expected in values.items():
            self.assertEqual(asked(f"{key}=5&{key}=3&{key}=&{key}=5").filters[0].values, expected, key)

    def test_no_value_asks_for_null(self) -> None:
        for url in ("units", "units=", "raw", "raw=&raw="):
            self.assertEqual(asked(url).filters[0].values, ())
        self.assertEqual(asked("raw!").filters, (Filter("raw", Op.NOT_IN),))

    def test_columns_of_no_known_kind_are_null_or_not_and_no_more(self) -> None:
        for url in ("raw=1", "raw>=1", "raw~=1", "_sort=raw", "_by=raw", "_by=&_c=raw|min", "_by=&_c=raw|nunique"):
            with self.assertRaisesRegex(QueryError, "column raw is neither text, number nor time", msg=url):
                asked(url)
        self.assertEqual(asked("_by=&_c=raw|count").aggregates, (("raw|count", Aggregate("raw", "count")),))


class IgnoredTests(SynchronousTestCase):
    def test_what_names_nothing_is_ignored_and_told(self) -> None:
        query = asked(
            "nosuch=1&nosuch=2&nosuch!&_c=city&_c=no&_c=-no&_sort=no&_sort=-units&_nosuch=1&units>=&units|sum=3"
        )
        expected = {
            ("nosuch", ("1", "2")),
            ("nosuch!", ("",)),
            ("_c", ("no", "-no")),
            ("_sort", ("no",)),
            ("_nosuch", ("1",)),
            ("units>", ("",)),
            ("units|sum", ("3",)),
        }
        self.assertEqual(set(query.ignored), expected)
        self.assertEqual((query.columns, query.sort, query.filters), (("city",), (Sort("units", True),), ()))

    def test_what_others_handle_is_not_told(self) -> None:
        self.assertEqual(asked("_format=csv&_download=x&_xsrf=1&_meta=y&x-http-method-override=GET").ignored, ())
        self.assertEqual(parse({"_0": ["x"]}, SCHEMA, handled={"_0"}).ignored, ())

    def test_columns_are_shown_in_the_order_asked_for_or_left_out(self) -> None:
        shown = {
            "": ("city", "sales", "units", "raw", "ok"),
            "_c=units&_c=city&_c=units": ("units", "city"),
            "_c=-raw&_c=-sales": ("city", "units", "ok"),
            "_c=units&_c=city&_c=-units": ("city",),
            "_c=no": ("city", "sales", "units", "raw", "ok"),
            "_c=": ("city", "sales", "units", "raw", "ok"),
        }
        self.assertEqual({url: asked(url).columns for url in shown}, shown)
        self.assertEqual(asked("_c=-raw&_c=-sales&_c=-raw").excluded, ("raw", "sales"))

    def test_groups_show_the_sums_of_all_numbers_or_what_is_asked_for(self) -> None:
        names = {
            "_by=city": ("sales|sum", "units|sum"),
            "_by=city&_c=-sales": ("units|sum",),
            "_by=city&_c=units|Mean&_c=ok|max": ("units|Mean", "ok|max"),
            "_by=city&_c=city": (),
            "_by=city&_c=no": (),
        }
        self.assertEqual({url: tuple(name for name, _ in asked(url).aggregates) for url in names}, names)
        self.assertEqual(asked("_by=city&_c=units|Mean").aggregates[0][1], Aggregate("units", "avg"))

    def test_groups_are_sorted_by_their_columns_and_by_any_aggregate(self) -> None:
        query = asked("_by=city&_sort=-units|max&_sort=city&_sort=units")
        self.assertEqual(query.sort, (Sort(Aggregate("units", "max"), True), Sort("city")))
        self.assertEqual(query.ignored, (("_sort", ("units",)),))


class DatasetTests(SynchronousTestCase):
    def test_arguments_with_a_namespace_are_for_one_dataset(self) -> None:
        args = arguments("_limit=5&a:_limit=3&b:city=Oslo&units=1&a:units=2&c:x=1")
        one = parse(args, SCHEMA, dataset="a", datasets=("a", "b"))
        other = parse(args, SCHEMA, dataset="b", datasets=("a", "b"))
        self.assertEqual((one.limit, one.filters), (3, (Filter("units", Op.IN, (2,)),)))
        self.assertEqual(other.limit, 5)
        self.assertEqual(set(other.filters), {Filter("city", Op.IN, ("Oslo",)), Filter("units", Op.IN, (1,))})
        self.assertEqual(one.ignored, (("c:x", ("1",)),))

    def test_a_namespaced_argument_wins_wherever_it_stands(self) -> None:
        for url in ("a:_limit=3&_limit=5", "_limit=5&a:_limit=3"):
            self.assertEqual(parse(arguments(url), SCHEMA, dataset="a", datasets=["a"]).limit, 3)

    def test_a_column_whose_name_looks_namespaced_is_that_column(self) -> None:
        query = parse({"b:n": ["1"], "b:n>": ["2"]}, schema("b:n", "n"), dataset="a", datasets=("a", "b"))
        self.assertEqual({each.column for each in query.filters}, {"b:n"})

    def test_defaults_stand_in_for_what_is_missing(self) -> None:
        defaults = {"_limit": ["7"], "_sort": ["-units"], "city": ["Oslo"]}
        query = parse(arguments("city=Rome"), SCHEMA, defaults=defaults)
        self.assertEqual((query.limit, query.sort), (7, (Sort("units", True),)))
        self.assertEqual(query.filters, (Filter("city", Op.IN, ("Rome",)),))

    def test_ten_thousand_rows_unless_said_otherwise(self) -> None:
        self.assertEqual((asked("").limit, asked("_limit=20000").limit), (10_000, 20_000))
        self.assertIsNone(parse({}, SCHEMA, limit=None).limit)

    def test_questions_are_equal_and_can_be_keys_of_a_cache(self) -> None:
        url = "city~=^O&units=1&_by=city&sales|sum>=2"
        self.assertEqual(len({asked(url), asked(url), asked("city~=^P")}), 2)


class MetaTests(SynchronousTestCase):
    def test_headers_say_what_was_done(self) -> None:
        query = asked("city~=^O&units>=2&nosuch=1&_c=-raw&_sort=-units&_limit=5&_offset=2&_meta=y")
        expected = {
            "filters": [["city", "~", ["^O"]], ["units", ">", [2]]],
            "ignored": [["nosuch", ["1"]]],
            "excluded": ["raw"],
            "sort": [["units", False]],
            "offset": 2,
            "limit": 5,
            "count": 42,
        }
        self.assertEqual(query.meta_of(SCHEMA, 42), expected)
        self.assertTrue(query.meta)
        self.assertFalse(asked("_meta=").meta)

    def test_groups_say_by_what_and_having_what(self) -> None:
        query = asked("_by=city&_c=units|SUM&units|sum>=3&sales|avg<=2&_sort=-units|sum")
        meta = query.meta_of(SCHEMA)
        self.assertEqual(meta["by"], ["city"])
        self.assertEqual(meta["filters"], [["units|SUM", ">", [3]], ["sales|avg", "<", [2.0]]])
        self.assertEqual(meta["sort"], [["units|SUM", False]])
        self.assertNotIn("count", meta)

    def test_values_of_every_kind_are_json(self) -> None:
        known = Schema(tuple(Field(kind.name, kind) for kind in Kind))
        values = {"BOOL": "y", "INT": "1", "FLOAT": "1.5", "DECIMAL": "1.50", "TEXT": "x", "DATE": "2024-01-31"}
        values |= {"DATETIME": "2024-01-31T08:00", "INSTANT": "2024-01-31T08:00", "TIME": "08:00"}
        meta = parse({key: [value] for key, value in values.items()}, known).meta_of(known)
        plain = [
            True,
            1,
            1.5,
            "1.50",
            "x",
            "2024-01-31",
            "2024-01-31 08:00:00",
            "2024-01-31 08:00:00+00:00",
            "08:00:00",
        ]
        self.assertEqual([filter_[2][0] for filter_ in json.loads(json.dumps(meta["filters"]))], plain)


class DistinctTests(SynchronousTestCase):
    def test_each_value_of_c_is_a_question_without_the_filters_on_it(self) -> None:
        queries = parse_distinct(arguments("_c=city&_c=city,ok&_c=units|range&city!=x&city~=y&ok=1&units>=3"), SCHEMA)
        self.assertEqual(list(queries), ["city", "city,ok", "units|range"])
        self.assertEqual(
            [{f.column for f in q.filters} for q in queries.values()], [{"ok", "units"}, {"units"}, {"city", "ok"}]
        )
        self.assertEqual([query.by for query in queries.values()], [("city",), ("city", "ok"), ()])
        self.assertEqual([name for name, _ in queries["units|range"].aggregates], ["units|min", "units|max"])
        self.assertEqual([query.limit for query in queries.values()], [100, 100, None])

    def test_names_may_hold_the_separator_and_the_bar(self) -> None:
        queries = parse_distinct({"_c": ["a,b", "a|min", "a,b|max"]}, schema("a,b", "a|min", "a"))
        self.assertEqual([query.by for query in queries.values()], [("a,b",), ("a|min",), ()])
        self.assertEqual(queries["a,b|max"].aggregates, (("a,b|max", Aggregate("a,b", "max")),))

    def test_defaults_namespaces_and_limits_are_those_of_any_question(self) -> None:
        args = {"a:_c": ["city"], "_limit": ["3"], "b:_c": ["ok"]}
        queries = parse_distinct(args, SCHEMA, defaults={"ok": ["1"]}, dataset="a", datasets=("a", "b"))
        self.assertEqual((list(queries), queries["city"].limit), (["city"], 3))
        self.assertEqual(queries["city"].filters, (Filter("ok", Op.IN, (True,)),))

    def test_what_cannot_be_is_refused(self) -> None:
        for value, reason in {
            "raw": "column raw is neither",
            "city|sum": "has no sum",
            "units|x": "no aggregate",
        }.items():
            with self.assertRaisesRegex(QueryError, reason):
                parse_distinct({"_c": [value]}, SCHEMA)
        with self.assertRaisesRegex(QueryError, "more than 20 questions"):
            parse_distinct({"_c": [str(number) for number in range(21)]}, SCHEMA)
