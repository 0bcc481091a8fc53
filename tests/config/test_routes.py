"""`url:` -> RouteConfigs."""

import re

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from gramex_twisted.config.problems import closest, one_line
from gramex_twisted.config.routes import bind, merged, normalize
from tests.config.support import Options, PageOptions, config, lines, route


def errors(entry: str) -> list[str]:
    """The errors of the route `home: <entry>`, which begins at 2:3."""
    return lines(route(f"url:\n  home: {entry}\n").errors)


class RouteTest(TestCase):
    def test_a_route(self) -> None:
        found = route(
            "url:\n  home: {pattern: /a, handler: PageHandler, kwargs: {path: x, part: {size: 1KB}}, priority: 2}"
        )
        self.assertEqual((found.name, found.pattern, found.handler, found.priority), ("home", "/a", "PageHandler", 2))
        self.assertEqual(found.kwargs, {"path": "x", "part": {"size": "1KB"}})
        assert isinstance(found.options, PageOptions)
        self.assertEqual((found.options.path, found.options.part.size), ("x", 1024))
        self.assertEqual((found.where, found.errors), ("/app/gramex.yaml:2:3", ()))
        self.assertEqual(str(found.mark("kwargs", "part", "size")), "/app/gramex.yaml:2:70")
        self.assertEqual(str(found.mark("kwargs", "nope")), "/app/gramex.yaml:2:45")

    def test_handler_names(self) -> None:
        for written in ("Page", "PageHandler", "gramex.handlers.PageHandler", "gramex.handlers.Page"):
            self.assertEqual(
                route(f"url: {{home: {{pattern: /, handler: {written}, kwargs: {{path: x}}}}}}").handler, "PageHandler"
            )

    def test_service_wins_over_handler(self) -> None:
        found = route("url: {home: {pattern: /, service: Page, handler: Nope, kwargs: {path: x}}}")
        self.assertEqual((found.handler, found.errors), ("PageHandler", ()))

    def test_dotted_paths_are_left_to_the_app(self) -> None:
        found = route("url: {home: {pattern: /, handler: my.thing, kwargs: {any: 1}}}")
        self.assertEqual((found.handler, found.options, found.kwargs, found.errors), ("my.thing", None, {"any": 1}, ()))

    def test_bind_gives_a_dotted_handler_its_options(self) -> None:
        found = bind(route("url: {home: {pattern: /, handler: my.thing, kwargs: {path: y}}}"), PageOptions)
        assert isinstance(found.options, PageOptions)
        self.assertEqual((found.options.path, found.errors), ("y", ()))
        bad = bind(route("url: {home: {pattern: /, handler: my.thing, kwargs: {pth: y}}}"), PageOptions)
        self.assertEqual(bad.options, None)
        self.assertEqual(
            lines(bad.errors), ["gramex.yaml:1:54: url.home.kwargs: unknown key 'pth'; did you mean 'path'?"]
        )
        self.assertEqual(
            lines(bind(route("url: {home: {pattern: /, handler: my.thing}}"), PageOptions).errors),
            ["gramex.yaml:1:7: url.home.kwargs: 'path' is missing"],
        )

    def test_one_bad_route_leaves_the_others_alone(self) -> None:
        found = config(
            "url: {a: {pattern: /, handler: Nope}, b: {pattern: /b, handler: Page, kwargs: {path: x}}, c: 5}"
        )
        self.assertEqual([len(route.errors) for route in found.routes], [1, 0, 1])
        self.assertEqual(len(found.errors), 2)

    def test_routes_keep_the_order_of_the_file(self) -> None:
        text = "url: {" + ", ".join(f"r{n}: {{pattern: /, handler: my.x}}" for n in (3, 1, 2)) + "}"
        self.assertEqual([route.name for route in config(text).routes], ["r3", "r1", "r2"])


class DefaultsTest(TestCase):
    TEXT = """
handlers:
  BaseHandler: {headers: {A: 1, B: 2}, wait: 5}
  Page: {headers: {B: 3}, index: true, path: default}
url:
  home: {pattern: /, handler: PageHandler, kwargs: {headers: {A: null, C: 4}, wait: null}}
  bare: {pattern: /, handler: Page}
  thing: {pattern: /, handler: my.Thing, kwargs: {x: 1}}
"""

    def test_kwargs_lie_over_the_handlers_over_the_bases(self) -> None:
        self.assertEqual(route(self.TEXT).kwargs, {"headers": {"B": 3, "C": 4}, "index": True, "path": "default"})
        self.assertEqual(
            route(self.TEXT, "bare").kwargs, {"headers": {"A": 1, "B": 3}, "wait": 5, "index": True, "path": "default"}
        )
        self.assertEqual(route(self.TEXT, "thing").kwargs, {"headers": {"A": 1, "B": 2}, "wait": 5, "x": 1})

    def test_null_brings_back_the_models_default(self) -> None:
        found = route(self.TEXT).options
        assert isinstance(found, Options)
        self.assertEqual(found.wait, 1)

    def test_marks_of_inherited_kwargs_are_where_they_were_written(self) -> None:
        home = route(self.TEXT)
        self.assertEqual(str(home.mark("kwargs", "headers", "C")), "/app/gramex.yaml:6:72")
        self.assertEqual(str(route(self.TEXT, "bare").mark("kwargs", "wait")), "/app/gramex.yaml:3:40")

    def test_defaults_of_a_dotted_handler_go_by_its_path_or_its_class(self) -> None:
        for name in ("my.Thing", "Thing"):
            text = f"handlers: {{{name}: {{y: 2}}}}\nurl: {{home: {{pattern: /, handler: my.Thing}}}}"
            self.assertEqual(route(text).kwargs, {"y": 2})

    def test_defaults_that_a_handler_does_not_know_are_not_held_against_its_routes(self) -> None:
        found = config(
            "handlers: {BaseHandler: {okapi: 1}}\nurl: {home: {pattern: /, handler: Page, kwargs: {path: x}}}"
        )
        self.assertEqual(
            lines(found.warnings), ["gramex.yaml:1:26: handlers.BaseHandler: unknown key 'okapi' has no effect here"]
        )

    @settings(deadline=None, max_examples=60)
    @given(
        st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 2)),
        st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 2)),
    )
    def test_merged_takes_the_upper_value_and_null_removes(self, base: dict, over: dict) -> None:
        found = merged(base, over)
        for key in {*base, *over}:
            if key not in over:
                self.assertEqual(found[key], base[key])
            elif over[key] is None and key in base:
                self.assertNotIn(key, found)
            else:
                self.assertEqual(found[key], over[key])


class PatternTest(TestCase):
    def test_slashes_and_dots_that_yamlurl_leaves_are_removed(self) -> None:
        cases = {
            "/./": "/",
            "/./a/./b": "/a/b",
            "//a///b": "/a/b",
            "/././/": "/",
            "/.": "/",
            "/a/.*": "/a/.*",
            "/a.b": "/a.b",
        }
        for written, pattern in cases.items():
            self.assertEqual(normalize(written), pattern)

    @settings(deadline=None, max_examples=60)
    @given(st.text(alphabet="/.a", max_size=12))
    def test_normalizing_twice_changes_nothing(self, text: str) -> None:
        self.assertEqual(normalize(normalize(text)), normalize(text))

    def test_patterns_that_are_no_regular_expressions(self) -> None:
        for pattern in ("/(", "/[a", "/a**", "/(?P<x>a)(?P<x>b)", "/" + "(" * 5000 + ")" * 5000):
            found = route(f"url: {{home: {{pattern: '{pattern}', handler: my.x}}}}")
            self.assertEqual((len(found.errors), found.pattern), (1, ""), pattern[:20])
        self.assertEqual(
            errors("{pattern: '/(', handler: my.x}"),
            [
                "gramex.yaml:2:10: url.home.pattern: '/(' is not a regular expression: "
                "missing ), unterminated subpattern at position 1"
            ],
        )


class RouteErrorsTest(TestCase):
    def test_keys_of_a_route(self) -> None:
        self.assertEqual(
            errors("{patern: /, handler: my.x}"),
            ["gramex.yaml:2:10: url.home: unknown key 'patern'; did you mean 'pattern'?"],
        )
        self.assertEqual(
            errors("{pattern: /, handlr: my.x}"),
            ["gramex.yaml:2:22: url.home: unknown key 'handlr'; did you mean 'handler'?"],
        )
        self.assertEqual(
            errors("{}"),
            ["gramex.yaml:2:3: url.home: 'pattern' is missing", "gramex.yaml:2:3: url.home: 'handler' is missing"],
        )
        self.assertEqual(
            errors("{pattern: null, handler: null}"),
            [
                "gramex.yaml:2:10: url.home.pattern: must not be empty",
                "gramex.yaml:2:25: url.home: 'handler' is missing",
            ],
        )
        self.assertEqual(errors("/"), ["gramex.yaml:2:3: url.home: must be a mapping, not '/'"])
        self.assertEqual(errors("null"), ["gramex.yaml:2:3: url.home: must be a mapping, not empty"])

    def test_values_of_a_route(self) -> None:
        self.assertEqual(
            errors("{pattern: [1], handler: {a: 1}, kwargs: 3, priority: high}"),
            [
                "gramex.yaml:2:10: url.home.pattern: must be text, not a list",
                "gramex.yaml:2:24: url.home.handler: must be text, not a mapping",
                "gramex.yaml:2:41: url.home.kwargs: must be a mapping, not 3",
                "gramex.yaml:2:52: url.home.priority: must be a number, not 'high'",
            ],
        )
        self.assertEqual(errors("{pattern: /, handler: my.x, kwargs: null}"), [])

    def test_handlers_that_are_no_names(self) -> None:
        cases = {
            "''": ": 'handler' is missing",
            "false": ".handler: must be text, not false",
            "0": ".handler: unknown handler '0'; write a handler's name or the dotted path of a class",
        }
        for name, text in cases.items():
            found = errors(f"{{pattern: /, handler: {name}}}")
            self.assertEqual(found, [f"gramex.yaml:2:22: url.home{text}"])

    def test_handlers_that_are_not_there(self) -> None:
        cases = {
            "PgeHandler": "unknown handler 'PgeHandler'; did you mean 'PageHandler'?",
            "Okapi": "unknown handler 'Okapi'; write a handler's name or the dotted path of a class",
            "FacebookAuth": "Gramex's FacebookAuth is not part of this server: this route answers 500, all others work",
            "FormHandler": "Gramex's FormHandler is not part of this server: this route answers 500, all others work",
            "Data": "Gramex's FormHandler is not part of this server: this route answers 500, all others work",
            "BrokenHandler": "handler BrokenHandler cannot be imported: No module named 'x'",
        }
        for name, text in cases.items():
            self.assertEqual(
                errors(f"{{pattern: /, handler: {name}}}"), [f"gramex.yaml:2:22: url.home.handler: {text}"]
            )
        self.assertEqual(errors("{pattern: /, service: Okap}")[0][:36], "gramex.yaml:2:22: url.home.service: ")

    def test_kwargs(self) -> None:
        self.assertEqual(
            errors(
                "{pattern: /, handler: Page, kwargs: {index: maybe, methods: {a: 1}, error: {abc: {}, 404: 5}, "
                "part: {siz: 1}, parts: [{size: 1}, {sze: 2, size: -1}]}}"
            ),
            [
                "gramex.yaml:2:110: url.home.kwargs.part: unknown key 'siz'; did you mean 'size'?",
                "gramex.yaml:2:139: url.home.kwargs.parts[1]: unknown key 'sze'; did you mean 'size'?",
                "gramex.yaml:2:60: url.home.kwargs.methods: must be text or a list, not a mapping",
                "gramex.yaml:2:85: url.home.kwargs.error.abc: the key 'abc' must be a whole number",
                "gramex.yaml:2:94: url.home.kwargs.error[404]: must be a mapping, not 5",
                "gramex.yaml:2:37: url.home.kwargs: 'path' is missing",
                "gramex.yaml:2:46: url.home.kwargs.index: must be true or false, not 'maybe'",
                "gramex.yaml:2:147: url.home.kwargs.parts[1].size: must be at least 0, not -1",
            ],
        )
        self.assertEqual(
            errors("{pattern: /, handler: Page, kwargs: {path: null}}"),
            ["gramex.yaml:2:46: url.home.kwargs.path: must not be empty"],
        )

    def test_unknown_kwargs_are_kept_with_a_warning(self) -> None:
        found = config("url: {home: {pattern: /, handler: Page, kwargs: {path: x, okapi: 1}}}")
        self.assertEqual(found.routes[0].kwargs["okapi"], 1)
        self.assertEqual(
            lines(found.warnings), ["gramex.yaml:1:59: url.home.kwargs: unknown key 'okapi' has no effect here"]
        )

    @settings(deadline=None, max_examples=80)
    @given(
        st.text(max_size=12),
        st.none()
        | st.integers()
        | st.text(max_size=6)
        | st.lists(st.integers())
        | st.dictionaries(st.text(max_size=4), st.integers()),
    )
    def test_any_kwarg_is_taken_or_becomes_a_route_error(self, key: str, value: object) -> None:
        kwargs = (
            yaml.safe_dump({"path": "x", key: value}, default_flow_style=True, width=10**6).strip().replace("$", "$$")
        )
        found = route(f"url: {{home: {{pattern: /, handler: Page, kwargs: {kwargs}}}}}")
        self.assertNotEqual(found.options is None, not found.errors)


class ClosestTest(TestCase):
    def test_the_nearest_known_word(self) -> None:
        known = ["pattern", "handler", "url", "log", "path"]
        for word, meant in {
            "patern": "pattern",
            "handlr": "handler",
            "ulr": "url",
            "Path": None,
            "zebra": None,
        }.items():
            self.assertEqual(closest(word, known), meant if word != "Path" else "path", word)
        self.assertEqual((closest(5, known), closest("", known)), (None, None))

    def test_messages_have_one_line(self) -> None:
        self.assertEqual(one_line("a\nb\x00c\u2028d é"), "a\\nb\\x00c\\u2028d é")
        for error in route("url: {home: {pattern: '/(', handler: Nope, kwargs: {}}}").errors:
            self.assertIsNone(re.search(r"\n", str(error)))
