"""The argument ``jmespath``: what of an answer it replaces, and what it says when it cannot."""

from __future__ import annotations

from typing import Any

import msgpack
import yaml

from gramex_twisted.resources.api.reshaping import Reshaping
from gramex_twisted.testing import AppTestCase, Response

MODULE = """
import threading
from datetime import date

RECORDS = [
    {"_id": "1", "tags": [{"n": "x", "v": 1}, {"n": "y", "v": 2}], "at": {"a": {"b": [3, 1]}}, "day": date(2024, 1, 2)},
    {"_id": "2", "tags": [], "at": [{"a": {"b": [9]}}, {"a": {"c": 1}}]},
    {"_id": "3", "notfound": True},
]
ran = []


class Told:
    def to_dicts(self):
        ran.append(threading.current_thread() is threading.main_thread())
        return RECORDS


def one():
    return RECORDS[0]


def many():
    return RECORDS


def page():
    return {"total": 3, "hits": RECORDS}


def frame():
    return Told()


async def stream():
    for record in RECORDS:
        yield record


def plain_stream():
    yield from RECORDS


def rows(n: int):
    return [{"n": number} for number in range(n)]
"""
KWARGS = "options: {'*': {jmespath: {}, jmespath_exclude_empty: {type: bool}}}"
CONFIG = "url:\n" + "".join(
    f"  {name}: {{pattern: /{name}, handler: APIHandler, kwargs: {{function: shapes.{name}, {KWARGS}}}}}\n"
    for name in ("one", "many", "page", "frame", "stream", "plain_stream")
)
CONFIG += """
  grouped:
    pattern: /grouped
    handler: APIHandler
    kwargs: {function: shapes.one, options: {'*': {jmespath: {group: control}}}}
  without: {pattern: /without, handler: APIHandler, kwargs: {function: shapes.one, options: {'*': {x: {}}}}}
"""


class JmespathTests(AppTestCase):
    files = {"shapes.py": MODULE}
    config = CONFIG

    def ask(self, name: str, jmespath: str, *, empty: bool = True, media: str = "application/json") -> Response:
        """The answer of ``name``; without documents of which nothing is left, where they are not to be ``empty``."""
        body = {"jmespath": jmespath, "jmespath_exclude_empty": not empty}
        return self.post(f"/{name}", json=body, headers={"Accept": [media]})

    def refused(self, response: Response, details: str) -> None:
        said = b'{"code":400,"success":false,"error":"Bad Request","reason":"Invalid value for jmespath parameter",'
        said += b'"keyword":"jmespath","details":"%s"}' % details.encode()
        self.assertEqual((response.status, response.body), (400, said))

    def test_a_field_of_an_object_is_replaced(self) -> None:
        found = self.ask("one", "tags|[?v > `1`].n").json()
        self.assertEqual((found["_id"], found["tags"], found["at"]), ("1", ["y"], {"a": {"b": [3, 1]}}))
        self.assertEqual(self.ask("one", "at.a.b|sort(@)").json()["at"], {"a": {"b": [1, 3]}})
        self.assertEqual(self.ask("one", "tags|[*].n|unique(@)").json()["tags"], ["x", "y"])

    def test_the_whole_object_is_replaced_where_no_field_is_named(self) -> None:
        self.assertEqual(self.ask("one", "|{id: _id, names: tags[].n}").json(), {"id": "1", "names": ["x", "y"]})
        self.assertEqual(self.ask("one", ".|tags[0].v").json(), 1)

    def test_each_item_of_a_list_or_of_hits_is_a_document(self) -> None:
        self.assertEqual(self.ask("many", "|_id").json(), ["1", "2", "3"])
        found = self.ask("page", "tags|[0].n").json()
        self.assertEqual(found["total"], 3)
        self.assertEqual([hit.get("tags") for hit in found["hits"]], ["x", [], None])

    def test_lists_on_the_way_are_gone_through_and_what_has_no_such_field_is_as_it_was(self) -> None:
        found = self.ask("many", "at.a.b|max(@)").json()
        self.assertEqual(
            [each.get("at") for each in found], [{"a": {"b": 3}}, [{"a": {"b": 9}}, {"a": {"c": 1}}], None]
        )

    def test_documents_of_which_nothing_is_left_can_be_left_out(self) -> None:
        found = self.ask("page", "tags|[?v == `2`].n", empty=False).json()
        self.assertEqual([(hit["_id"], hit["tags"]) for hit in found["hits"]], [("1", ["y"])])
        found = self.ask("many", "at.a.b|[?@ > `8`]", empty=False).json()
        self.assertEqual(found[0], {"_id": "2", "tags": [], "at": [{"a": {"b": [9]}}]})

    def test_every_format_and_every_kind_of_answer(self) -> None:
        self.assertEqual(yaml.safe_load(self.ask("many", "|_id", media="text/yaml").body), ["1", "2", "3"])
        self.assertEqual(msgpack.unpackb(self.ask("many", "|day", media="application/msgpack").body)[0], "2024-01-02")
        self.assertEqual(self.ask("frame", "|_id").json(), ["1", "2", "3"])
        for name in ("stream", "plain_stream"):
            self.assertEqual(self.ask(name, "|_id").json(), ["1", "2", "3"], name)
            lines = self.ask(name, "|tags[].n", empty=False, media="application/jsonl")
            self.assertEqual(lines.body, b'["x","y"]\n', name)
        self.assertIn("&quot;", self.ask("one", "|'\"'", media="text/html").text)

    def test_it_may_be_in_a_group(self) -> None:
        self.assertEqual(self.get("/grouped?jmespath=%7C_id").json(), "1")

    def test_an_api_without_the_option_ignores_it(self) -> None:
        self.assertEqual(self.get("/without?jmespath=%7C_id").json()["_id"], "1")

    def test_the_apps_own_data_stay_as_they_are(self) -> None:
        self.ask("many", "tags|@[0]")
        import shapes  # type: ignore[import-not-found]

        self.assertEqual(shapes.RECORDS[0]["tags"], [{"n": "x", "v": 1}, {"n": "y", "v": 2}])

    def test_errors_name_the_argument(self) -> None:
        self.refused(self.ask("one", "tags"), "a field and a query, with | between them, are wanted")
        self.refused(self.ask("one", "_id.x|@"), "x is wanted of a text, which has no fields")
        self.refused(self.ask("one", "_id.x.y|@"), "x is wanted of a text, which has no fields")
        self.refused(self.ask("one", "tags|&v"), "& makes no value by itself; it is for functions such as sort_by")
        said = self.ask("one", "tags|length(`5`)").json()
        self.assertEqual((said["code"], said["keyword"]), (400, "jmespath"))
        self.assertIn("length()", said["details"])
        for expression in ("tags|[", "tags|ceil(`1e999`)", "tags|[::0]", "tags|nothing(@)", "tags|max_by(@, &[])"):
            said = self.ask("one", expression).json()
            self.assertEqual((said["code"], said["keyword"]), (400, "jmespath"), expression)
            self.assertTrue(said["details"], expression)

    def test_an_error_in_a_stream_is_an_error(self) -> None:
        for name in ("stream", "plain_stream"):
            response = self.ask(name, "_id|abs(@)", media="application/jsonl")
            self.assertEqual(response.status, 400, name)

    def test_what_would_fill_the_memory_is_refused(self) -> None:
        self.refused(self.ask("many", "|" + "|".join(["[@,@]"] * 60)), "it takes more than 2,000,000 steps")


class ThreadTests(AppTestCase):
    files = {"shapes.py": MODULE}
    config = CONFIG

    def test_it_runs_in_a_thread(self) -> None:
        """An expression may take a second: others are answered meanwhile."""
        ran: list[Any] = []
        threads = self.app.gramex.shared.threads
        run = threads.run

        def noted(function: Any, *values: Any) -> Any:
            ran.append(getattr(function, "__func__", None))
            return run(function, *values)

        self.patch(threads, "run", noted)
        self.get("/one?jmespath=%7C_id")
        self.assertIn(Reshaping.answer, ran)
