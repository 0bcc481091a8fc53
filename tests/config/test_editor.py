"""The JSON Schema of a gramex.yaml."""

from typing import Any

import yaml
from jsonschema import Draft202012Validator
from twisted.trial.unittest import TestCase

from gramex_twisted.config.editor import json_schema
from gramex_twisted.registry import Registry
from tests.config.support import Handlers


class JsonSchemaTest(TestCase):
    def setUp(self) -> None:
        self.schema = json_schema(Handlers())
        self.validator = Draft202012Validator(self.schema)

    def mistakes(self, text: str) -> list[str]:
        """The paths at which a YAML text breaks the schema."""
        errors = self.validator.iter_errors(yaml.safe_load(text))
        return sorted(".".join(map(str, error.absolute_path)) for error in errors)

    def kwargs_of(self, handler: str) -> dict[str, Any]:
        return self.schema["$defs"][handler]["properties"]

    def test_it_is_a_json_schema(self) -> None:
        Draft202012Validator.check_schema(self.schema)
        self.assertEqual(self.schema["$schema"], "https://json-schema.org/draft/2020-12/schema")

    def test_what_may_be_written_is_valid(self) -> None:
        for text in (
            "{}",
            "app: {listen: 8000}",
            "app: {listen: {endpoint: [tcp:1, unix:/x]}, session: {expiry: false}}",
            "app: {listen: [tcp:1], trusted_proxies: 10.0.0.0/8, shutdown_timeout: 5}",
            "app: {listen: {port: $PORT, max_body_size: 100MB, max_header_size: 65536}, watch: $WATCH, settings: null}",
            "app if $X: {listen: 5}",
            "mine: {anything: [1]}\nimport: [a.yaml]\nurl: {import: x.yaml, import.merge: {a: 1}}",
            "url: {home: {pattern: /, handler: Page, kwargs: {path: x, index: $I, part: {size: 2KB}, own: 1}}}",
            "url: {home: {pattern: /, handler: my.Thing, kwargs: {path: 5}}}",
            "url: {home: {pattern: /, service: PageHandler, kwargs: $KWARGS, priority: 1.5, cache: true}}",
            "url: {home: {pattern if X: /, handler: Page, kwargs: {error: {404: {path: x}}}}}".replace("404", "'404'"),
            "handlers: {BaseHandler: {headers: {A: b}}, PageHandler: {index: true}, Other: {x: 1}}",
            "variables: {A: 1, B: {default: 2}}\nlog: {level: INFO}\nthreadpool: {workers: 4}\nmime: {.x: text/x}",
        ):
            self.assertEqual(self.mistakes(text), [], text)

    def test_wrong_types_are_marked(self) -> None:
        cases = {
            "app: {listen: {port: abc}}": ["app"],
            "app: {listen: {port: 70000}}": ["app"],
            "app: {watch: [1]}": ["app"],
            "threadpool: {workers: many}": ["threadpool"],
            "mime: {.x: 1}": ["mime"],
            "url: [1]": ["url"],
        }
        for text, paths in cases.items():
            self.assertEqual(self.mistakes(text), paths, text)

    def test_kwargs_are_those_of_the_routes_own_handler(self) -> None:
        for key, name in [("handler", "Page"), ("service", "PageHandler"), ("handler", "gramex.handlers.PageHandler")]:
            self.assertNotEqual(
                self.mistakes(f"url: {{home: {{pattern: /, {key}: {name}, kwargs: {{index: maybe}}}}}}"), []
            )
        self.assertEqual(self.mistakes("url: {home: {pattern: /, handler: Other, kwargs: {index: maybe}}}"), [])

    def test_options_carry_their_descriptions_and_defaults(self) -> None:
        index = self.kwargs_of("PageHandler")["index"]
        self.assertEqual((index["description"], index["default"]), ("Whether to list.", False))
        self.assertIn("description", self.schema["properties"]["app"])

    def test_handlers_are_offered_by_all_their_names(self) -> None:
        self.assertEqual(
            self.schema["$defs"]["Route"]["properties"]["handler"]["anyOf"][0], {"enum": ["Page", "PageHandler"]}
        )

    def test_handlers_that_cannot_be_imported_are_left_out(self) -> None:
        self.assertNotIn("BrokenHandler", self.schema["$defs"])

    def test_the_real_handlers_have_a_schema(self) -> None:
        schema = json_schema(Registry())
        Draft202012Validator.check_schema(schema)
        self.assertIn("function", schema["$defs"]["FunctionHandler"]["properties"])
        self.assertNotIn("SetupFailedHandler", schema["$defs"])
        validator = Draft202012Validator(schema)
        route = {"pattern": "/", "handler": "Function", "kwargs": {"function": "str(1)", "thread": False}}
        self.assertTrue(validator.is_valid({"url": {"home": route}}))
        route["kwargs"] = {"function": "str(1)", "thread": [1]}
        self.assertFalse(validator.is_valid({"url": {"home": route}}))
