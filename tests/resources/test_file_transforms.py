"""FileHandler's templates and transforms: where they run, what they know, what is kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gramex_twisted.services.templates import TemplateError
from gramex_twisted.testing import AppTestCase

MODULE = """
import threading

from twisted.internet.defer import succeed

calls = []


def upper(content):
    calls.append(content)
    return content.upper()


def about(content, handler):
    calls.append(content)
    handler.set_header("X-Thread", threading.current_thread() is threading.main_thread())
    return f"{handler.file.name} in {handler.root.name} at {handler.path.name}: {content} {handler.get_arg('x', '-')}"


def table(content):
    return {"length": len(content)}


def parts(content, handler):
    yield from content


async def later(content):
    return await succeed(content + b" later")


def fails(content):
    raise ValueError("cannot")
"""
CONFIG = """
url:
  files:
    pattern: /(.*)
    handler: FileHandler
    kwargs:
      path: files
      default_filename: index.html
      headers: {"*.up": {X-Glob: up}}
      transform:
        "*.up, *.loud": {function: own.upper(content), encoding: utf-8, headers: {Content-Type: text/plain, X-T: up}}
        "*.about": {function: "own.about(content, handler)", encoding: latin-1}
        "*.bytes": {function: own.upper}
        "*.table": {function: own.table}
        "*.parts": {function: own.parts, encoding: utf-8}
        "*.later": {function: own.later}
        "*.fails": {function: own.fails}
        "*.steps": {function: [{name: text, function: str(content)}, {function: len(text)}]}
        "*.tmpl": {function: template}
      template: ["*.html", "sub/*.txt"]
  all: {pattern: "/all/(.*)", handler: FileHandler, kwargs: {path: files, template: true}}
  joined: {pattern: /joined, handler: FileHandler, kwargs: {path: [files/a.up, files/page.html], template: "*.html",
           transform: {"*.up": {function: own.upper}}}}
"""
FILES = {
    "own.py": MODULE,
    "files/a.up": "text\u00e9",
    "files/b.loud": "b",
    "files/c.about": b"caf\xe9",
    "files/index.about": "x",
    "files/d.bytes": "bytes",
    "files/e.table": "12345",
    "files/f.parts": "abc",
    "files/g.later": "g",
    "files/h.fails": "",
    "files/i.steps": "x",
    "files/j.tmpl": "{{ 1 + 1 }}",
    "files/page.html": "<p>{{ handler.get_arg('x', '<none>') }} {{ handler.file.name }} {{ request.method }}</p>",
    "files/sub/x.txt": "{{ 2 * 3 }}",
    "files/sub/index.html": "{% include ../part.html %}",
    "files/part.html": "part",
    "files/bad.html": "\n{{ nobody }}",
    "files/moves.html": "{% set x = handler.redirect('/elsewhere') %}",
    "files/headers.html": "{% set x = handler.set_header('Content-Type', 'text/plain'), handler.set_status(201) %}",
    "files/arg.html": "{{ handler.get_arg('must') }}",
    "files/pixel.png": b"\x89PNG {{ 1 }}",
}


class TransformCase(AppTestCase):
    config = CONFIG
    files = FILES

    def setUp(self) -> None:
        super().setUp()
        import own  # type: ignore[import-not-found]

        self.calls: list[Any] = own.calls


class TransformTests(TransformCase):
    def test_a_function_gets_the_content_as_text_or_bytes(self) -> None:
        self.assertEqual(self.get("/a.up").text, "TEXT\u00c9")
        self.assertEqual(self.get("/d.bytes").text, "BYTES")
        self.assertEqual(self.calls, ["text\u00e9", b"bytes"])

    def test_headers_of_the_pattern_and_the_transform_are_set(self) -> None:
        headers = self.get("/a.up").headers
        self.assertEqual((headers["x-t"], headers["x-glob"]), ("up", "up"))
        self.assertEqual(headers["content-type"], "text/plain")

    def test_several_patterns_share_a_transform(self) -> None:
        self.assertEqual(self.get("/b.loud").text, "B")

    def test_the_result_is_kept_until_the_file_changes(self) -> None:
        first = self.get("/a.up")
        self.assertEqual(self.get("/a.up").headers["etag"], first.headers["etag"])
        self.assertEqual(len(self.calls), 1)
        self.assertEqual(self.get("/a.up", headers={"If-None-Match": [first.headers["etag"]]}).status, 304)
        self.write("files/a.up", "new")
        self.assertEqual(self.get("/a.up").text, "NEW")
        self.assertEqual(len(self.calls), 2)

    def test_a_result_that_depends_on_the_request_is_not_kept(self) -> None:
        first = self.get("/c.about?x=1")
        self.assertEqual(first.text, "c.about in files at c.about: caf\u00e9 1")
        self.assertEqual(first.headers["x-thread"], "False")
        self.assertEqual(self.get("/c.about?x=2").text[-1], "2")
        self.assertEqual(len(self.calls), 2)

    def test_other_results_become_json(self) -> None:
        for _ in range(2):
            response = self.get("/e.table")
            self.assertEqual(response.json(), {"length": 5})
            self.assertEqual(response.headers["content-type"], "application/json; charset=UTF-8")

    def test_generators_coroutines_and_pipelines_work(self) -> None:
        self.assertEqual(self.get("/f.parts").text, "abc")
        self.assertEqual(self.get("/f.parts").text, "abc")
        self.assertEqual(self.get("/g.later").text, "g later")
        self.assertEqual(self.get("/i.steps").text, "4")

    def test_an_error_is_500_without_its_text(self) -> None:
        response = self.get("/h.fails")
        self.assertEqual(response.status, 500)
        self.assertNotIn("cannot", response.text)
        self.forget_errors(ValueError)

    def test_a_list_joins_what_is_made_of_its_files(self) -> None:
        response = self.get("/joined?x=1")
        self.assertEqual(response.body, b"TEXT\xc3\xa9<p>1 page.html GET</p>")


class TemplateTests(TransformCase):
    def test_a_template_knows_the_request_and_escapes(self) -> None:
        response = self.get("/page.html")
        self.assertEqual(response.text, "<p>&lt;none&gt; page.html GET</p>")
        self.assertEqual(response.headers["content-type"], "text/html; charset=UTF-8")
        self.assertEqual(self.get("/page.html?x=%3C").text, "<p>&lt; page.html GET</p>")

    def test_patterns_choose_the_templates(self) -> None:
        self.assertEqual(self.get("/sub/x.txt").text, "6")
        self.assertEqual(self.get("/j.tmpl").text, "2")
        self.assertEqual(self.get("/all/sub/x.txt").text, "6")

    def test_true_leaves_pictures_as_they_are(self) -> None:
        self.assertEqual(self.get("/all/pixel.png").body, b"\x89PNG {{ 1 }}")

    def test_a_default_file_may_be_a_template_and_a_changed_include_is_seen(self) -> None:
        self.assertEqual(self.get("/sub/").text, "part")
        self.write("files/part.html", "changed")
        self.assertEqual(self.get("/sub/").text, "changed")

    def test_a_template_may_set_status_and_headers_and_redirect(self) -> None:
        response = self.get("/headers.html")
        self.assertEqual((response.status, response.headers["content-type"]), (201, "text/plain"))
        response = self.get("/moves.html")
        self.assertEqual((response.status, response.headers["location"]), (302, "/elsewhere"))

    def test_a_missing_argument_is_the_clients_mistake(self) -> None:
        response = self.get("/arg.html")
        self.assertEqual((response.status, response.json()["error"]), (400, "must: missing ?must="))

    def test_an_error_is_logged_with_file_and_line(self) -> None:
        response = self.get("/bad.html")
        self.assertEqual(response.status, 500)
        self.assertNotIn("nobody", response.text)
        self.assertIn("bad.html:2: name 'nobody' is not defined", str(self.log_of("/bad.html")))
        self.forget_errors(TemplateError)

    def test_two_requests_do_not_meet(self) -> None:
        first, second = self.app.start("GET", "/page.html?x=1"), self.app.start("GET", "/page.html?x=2")
        self.app.pump()
        texts = [self.successResultOf(deferred).text for deferred in (first, second)]
        self.assertEqual(texts, ["<p>1 page.html GET</p>", "<p>2 page.html GET</p>"])

    def test_two_apps_do_not_meet(self) -> None:
        other = self.make_app(CONFIG.replace("path: files", "path: $YAMLPATH/files/sub"))
        deferred = other.start("GET", "/x.txt")
        other.pump()
        self.assertEqual(self.successResultOf(deferred).text, "{{ 2 * 3 }}")
        self.assertEqual(self.get("/sub/x.txt").text, "6")


class SetupTests(AppTestCase):
    files = {"own.py": MODULE, "x.txt": "x"}

    def errors(self, kwargs: str) -> str:
        app = self.make_app(f"url: {{r: {{pattern: /(.*), handler: FileHandler, kwargs: {kwargs}}}}}")
        errors = [str(error) for error in app.gramex.errors]
        self.forget_errors()
        return "\n".join(error.replace(f"{self.folder}{os.sep}", "") for error in errors)

    def test_mistakes_name_their_key(self) -> None:
        for kwargs, message in {
            "{}": "path",
            "{path: []}": "url.r.kwargs.path: the list of files is empty",
            "{path: {'/(': x}}": "url.r.kwargs.path: '/(' is not a regular expression",
            "{path: ., transform: {'*.x': {}}}": "url.r.kwargs.transform.*.x: needs function:",
            "{path: ., transform: {'*.x': {function: own.upper, encodin: x}}}": "unknown key 'encodin'",
            "{path: ., transform: {'*.x': {function: own.upper, encoding: utf-99}}}": "'utf-99' is no encoding",
            "{path: ., transform: {'*.x': {function: own.nothing}}}": "url.r.kwargs.transform.*.x: ",
            "{path: ., headers: {'*.x': {'a b': c}}}": "'a b' is not a header name",
        }.items():
            error = self.errors(kwargs)
            self.assertIn(message, error)
            self.assertRegex(error, r"gramex\.yaml:1:\d+: url\.r")

    def test_a_file_that_is_not_there_is_no_mistake(self) -> None:
        self.assertEqual(self.errors("{path: nowhere}"), "")
        self.assertFalse(Path(self.folder, "nowhere").exists())
