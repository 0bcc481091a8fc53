"""The route `default`: the app's folder, where no other route is."""

from __future__ import annotations

from typing import Any

from gramex_twisted.config.reader import FOLDER
from tests.config.support import FilesCase


class FolderTests(FilesCase):
    def routes(self, text: str, **options: Any) -> Any:
        tree = self.read({"gramex.yaml": text}, **{"folder": True, **options}).tree
        return tree["url"]

    def test_it_answers_last_and_says_where_it_comes_from(self) -> None:
        for text in ("", "url:", "url: {}", "url: {home: {pattern: /}}", "compat: true"):
            found = self.read({"gramex.yaml": text}, folder=True)
            route = found.tree["url"]["default"]
            self.assertEqual((route["pattern"], route["priority"], route["kwargs"]["path"]), ("/(.*)", -100, "."), text)
            self.assertIn(f"config/{FOLDER.name}:", str(found.marks["url", "default"]))

    def test_an_app_changes_it(self) -> None:
        route = self.routes("url: {default: {priority: 3, kwargs: {index: true, path: public}}}")["default"]
        self.assertEqual((route["pattern"], route["priority"]), ("/(.*)", 3))
        self.assertEqual((route["kwargs"]["index"], route["kwargs"]["path"]), (True, "public"))
        self.assertEqual(route["kwargs"]["sass"], ["*.scss", "*.sass"])

    def test_a_whole_route_of_that_name_is_the_apps_own(self) -> None:
        own = {"pattern": "/x", "handler": "FunctionHandler"}
        self.assertEqual(self.routes("url: {default: {pattern: /x, handler: FunctionHandler}}"), {"default": own})
        self.assertEqual(self.routes("url: {default: {pattern: /x}}"), {"default": {"pattern": "/x"}})

    def test_it_can_be_switched_off(self) -> None:
        self.assertEqual(self.routes("url: {default: null, a: {pattern: /}}"), {"a": {"pattern": "/"}})
        self.assertEqual(self.routes("url: {default: null}", folder=False), {})
        self.assertEqual(self.routes("compat: false\nurl: {a: {pattern: /}}"), {"a": {"pattern": "/"}})
        self.assertEqual(self.routes("url: {}", overrides=["url.default=null"]), {})

    def test_only_who_serves_asks_for_it(self) -> None:
        self.assertEqual(self.routes("url: {a: {pattern: /}}", folder=False), {"a": {"pattern": "/"}})

    def test_a_url_section_that_is_none_is_left_for_its_error(self) -> None:
        self.assertEqual(self.routes("url: [1]"), [1])
        self.assertEqual(self.routes("url: {default: 5}"), {"default": 5})
