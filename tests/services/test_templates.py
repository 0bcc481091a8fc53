"""Templates: what they know, when they are compiled anew, and what their mistakes say."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.template import Template
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.templates import TemplateError, Templates


class TemplateCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.templates = Templates()

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def render(self, text: str, **names: Any) -> str:
        return self.templates.render(self.write("page.html", text), names).decode()

    def error(self, text: str, **names: Any) -> str:
        return str(self.assertRaises(TemplateError, self.render, text, **names))


class RenderTests(TemplateCase):
    def test_names_are_escaped(self) -> None:
        self.assertEqual(self.render("{{ x }} {% raw x %}", x="<é>"), "&lt;é&gt; <é>")

    def test_escaping_can_be_switched_off_and_changed(self) -> None:
        path = self.write("page.html", "{{ x }}")
        self.assertEqual(self.templates.render(path, {"x": "<"}, autoescape=None), b"<")
        self.assertEqual(self.templates.render(path, {"x": "a b"}, autoescape="url_escape"), b"a+b")
        self.assertEqual(Templates(autoescape=None).render(path, {"x": "<"}), b"<")
        self.assertEqual(self.templates.render(path, {"x": "<"}), b"&lt;")

    @settings(deadline=None, max_examples=50)
    @given(st.one_of(st.text(st.characters(codec="utf-8")), st.integers(), st.none(), st.floats()))
    def test_escaping_is_tornados(self, value: object) -> None:
        path = str(self.write("page.html", "{{ x }}"))
        expected = Template("{{ x }}").generate(x=value)
        self.assertEqual(self.templates.render(path, {"x": value}), expected)
        self.assertEqual(self.templates.render(path, {"x": str(value).encode()}), expected)
        self.assertIn("_tt_escaped", self.templates._load(path, "xhtml_escape", "all").template.code)

    def test_another_function_may_do_the_escaping(self) -> None:
        self.assertEqual(self.render("{{ x }}", x="<", xhtml_escape=lambda data: b"[" + data + b"]"), "[<]")

    def test_whitespace_is_kept_or_not(self) -> None:
        path = self.write("page.html", "a  b\n\n c")
        rendered = [self.templates.render(path, {}, whitespace=mode) for mode in (None, "all", "single", "oneline")]
        self.assertEqual(rendered, [b"a  b\n\n c", b"a  b\n\n c", b"a b\nc", b"a b c"])

    def test_the_usual_names_are_there(self) -> None:
        text = (
            '{{ url_escape("a b") }} {% raw json_encode([1]) %} {{ squeeze("a   b") }} {{ datetime.date(2026, 1, 2) }}'
        )
        self.assertEqual(self.render(text), "a+b [1] a b 2026-01-02")

    def test_names_given_hide_the_usual_ones(self) -> None:
        self.assertEqual(self.render("{{ datetime }}", datetime="mine"), "mine")

    def test_include_and_extends_are_relative_to_their_file(self) -> None:
        self.write("base/base.html", "<{% block b %}{% end %}{% include 'part.html' %}>")
        self.write("base/part.html", "part{{ x }}")
        self.assertEqual(self.render('{% extends "base/base.html" %}{% block b %}own {% end %}', x=1), "<own part1>")

    def test_modules(self) -> None:
        self.write("sub/other.html", "{{ a }}{{ b }}")
        self.assertEqual(self.render('{% module Template("sub/other.html", b="<") %}', a="&"), "&amp;&lt;")

        class Handler:
            def xsrf_form_html(self) -> str:
                return "<input>"

        self.assertEqual(self.render("{% module xsrf_form_html() %}", handler=Handler()), "<input>")
        self.templates = Templates(modules={"shout": lambda names, text: f"{text}! {names['x']}"})
        self.assertEqual(self.render('{% module shout("hi") %}', x=1), "hi! 1")

    def test_a_byte_order_mark_is_not_text(self) -> None:
        self.assertEqual(self.templates.render(self.write("p.html", b"\xef\xbb\xbfhi"), {}), b"hi")

    def test_a_missing_file_is_no_template_error(self) -> None:
        self.assertRaises(FileNotFoundError, self.templates.render, self.folder / "none.html", {})


class ReloadTests(TemplateCase):
    def test_a_change_of_the_file_or_of_what_it_includes_is_seen(self) -> None:
        self.write("part.html", "one")
        self.write("base.html", "{% include part.html %} {% block b %}{% end %}")
        page = self.write("page.html", "{% extends base.html %}{% block b %}page{% end %}")
        self.assertEqual(self.templates.render(page, {}), b"one page")
        self.write("part.html", "three")
        self.assertEqual(self.templates.render(page, {}), b"three page")
        self.write("page.html", "{% extends base.html %}{% block b %}changed{% end %}")
        self.assertEqual(self.templates.render(page, {}), b"three changed")

    def test_an_unchanged_template_is_compiled_once(self) -> None:
        path = str(self.write("page.html", "x"))
        first = self.templates._load(path, None, "all")
        self.assertIs(self.templates._load(path, None, "all"), first)
        os.utime(path, (1, 1))
        self.assertIsNot(self.templates._load(path, None, "all"), first)

    def test_without_watching_it_stays(self) -> None:
        templates = Templates(watch=False)
        path = self.write("page.html", "one")
        self.assertEqual(templates.render(path, {}), b"one")
        self.write("page.html", "three")
        self.assertEqual(templates.render(path, {}), b"one")

    def test_only_so_many_are_kept(self) -> None:
        templates = Templates(most=3)
        for number in range(5):
            templates.render(self.write(f"{number}.html", str(number)), {})
        self.assertEqual([os.path.basename(key[0]) for key in templates._compiled], ["2.html", "3.html", "4.html"])

    def test_threads_do_not_meet(self) -> None:
        path = self.write("page.html", "{% for i in range(200) %}{{ x }}{% end %}")
        results: dict[int, bytes] = {}

        def work(number: int) -> None:
            for _ in range(20):
                results[number] = self.templates.render(path, {"x": number})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, {number: str(number).encode() * 200 for number in range(4)})


class MistakeTests(TemplateCase):
    def test_an_error_names_file_and_line(self) -> None:
        self.assertEqual(self.error("\n\n\n\n\n\n{{ x }}"), "page.html:7: name 'x' is not defined")

    def test_the_line_is_that_of_the_included_file(self) -> None:
        self.write("sub/part.html", "\n{{ 1 / 0 }}")
        self.assertEqual(self.error("\n{% include sub/part.html %}"), "sub/part.html:2: division by zero")

    def test_an_error_without_a_text_shows_its_type(self) -> None:
        self.assertEqual(self.error("{{ {}['a'] }}"), "page.html:1: KeyError: 'a'")
        self.assertEqual(
            self.error("{% if 1 %}\n{{ fail() }}{% end %}", fail=self._fail), "page.html:2: AssertionError"
        )

    def _fail(self) -> None:
        raise AssertionError

    def test_the_cause_is_kept(self) -> None:
        error = self.assertRaises(TemplateError, self.render, "{{ x }}")
        self.assertIsInstance(error.__cause__, NameError)

    def test_an_http_error_passes(self) -> None:
        def missing() -> None:
            raise HTTPError(404, "no such row")

        self.assertRaises(HTTPError, self.render, "{{ missing() }}", missing=missing)

    def test_syntax_errors_name_the_line(self) -> None:
        for text, message in {
            "\n{% if x %}": "page.html:2: Missing {% end %} block for if",
            "\n\n{{ 1 + }}": "page.html:3: invalid syntax: 1 +",
            "{{ x": "page.html:1: Missing end expression }}",
            "\n{% nonsense %}": "page.html:2: unknown operator: 'nonsense'",
            "\n{% include none.html %}": "page.html:2: cannot read none.html: No such file or directory",
            "\n{% extends page.html %}": "page.html:2: page.html includes itself",
            "{% module nothing() %}": "page.html:1: there is no template module 'nothing'; there are Template, "
            "xsrf_form_html",
        }.items():
            self.assertEqual(self.error(text), message)

    def test_what_is_not_utf8_says_so(self) -> None:
        path = self.write("p.html", b"a\n\xff")
        error = self.assertRaises(TemplateError, self.templates.render, path, {})
        self.assertEqual(str(error), "p.html:2: the template is not UTF-8")
