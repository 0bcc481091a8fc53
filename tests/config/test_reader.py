"""The reader as a whole: what it returns, and that it only ever raises ConfigErrors."""

import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gramex_twisted.config.problems import flatten
from gramex_twisted.config.reader import read
from gramex_twisted.errors import ConfigError
from tests.config.support import FilesCase, document, errors_of

NAMES = "a b import import.merge variables default function path namespace { } [ ] , $A ${A} $$ $* {.} *x << ' null 1"
WORDS = st.sampled_from([*NAMES.split(), ": ", "- ", "\n", "\n  ", " if ", "&x ", '"', "! ", "|"])


class ReadTest(FilesCase):
    def test_the_document(self) -> None:
        found = self.read({"gramex.yaml": "app: {watch: true}\nmine: [1]\n"}, environ={"A": "b"})
        self.assertEqual((found.tree["app"], found.tree["mine"]), ({"watch": True}, [1]))
        self.assertEqual((found.files, found.warnings, found.secrets), ((self.root / "gramex.yaml",), (), frozenset()))
        self.assertEqual(found.variables["A"], "b")
        self.assertTrue(str(found.marks["mine", 0]).endswith("gramex.yaml:2:8"))

    def test_every_key_has_a_mark(self) -> None:
        found = document("a: {b: [{c: 1}]}\n")
        for path in [("a",), ("a", "b"), ("a", "b", 0), ("a", "b", 0, "c")]:
            self.assertIn(path, found.marks)

    def test_files_in_the_working_folder_are_named_by_their_short_path(self) -> None:
        self.read({"gramex.yaml": "a: 1"})
        self.assertEqual(
            str(self.read({"gramex.yaml": "a: 1"}).marks[("a",)]),
            f"{self.root.relative_to(Path.cwd())}/gramex.yaml:1:1",
        )

    def test_files_that_cannot_be_read(self) -> None:
        self.assertEqual(
            errors_of(read, "/nowhere/gramex.yaml"),
            ["/nowhere/gramex.yaml: cannot read /nowhere/gramex.yaml: No such file or directory"],
        )
        self.assertEqual(errors_of(read, "/"), ["/: cannot read /: Is a directory"])

    def test_what_is_no_mapping(self) -> None:
        for text in ("- a", "text", "5"):
            self.assertEqual(errors_of(document, text), ["gramex.yaml:1:1: the file must hold `key: value` pairs"])

    def test_an_empty_file_is_a_configuration(self) -> None:
        self.assertEqual(document("").tree["version"], 1.0)

    @settings(deadline=None, max_examples=150)
    @given(st.lists(WORDS, max_size=25).map("".join) | st.text(max_size=40) | st.binary(max_size=40))
    def test_any_text_is_read_or_refused_with_config_errors(self, text: str | bytes) -> None:
        try:
            document(text, overrides=["a.b=1"])
        except ExceptionGroup as group:
            for error in flatten(group):
                self.assertIsInstance(error, ConfigError)
                self.assertNotEqual(error.where, "")

    @settings(deadline=None, max_examples=60)
    @given(st.text(max_size=30))
    def test_any_override_is_read_or_refused_with_config_errors(self, text: str) -> None:
        try:
            document("a: {b: [1]}", overrides=[text])
        except ExceptionGroup as group:
            self.assertTrue(all(isinstance(error, ConfigError) for error in flatten(group)))

    def test_ten_thousand_routes_take_a_second_or_so(self) -> None:
        route = "  r{0}:\n    pattern: /p/{0}\n    handler: X\n    kwargs: {{function: str({0}), headers: {{A: $B}}}}\n"
        text = "url:\n" + "".join(route.format(number) for number in range(10_000))
        before = time.process_time()
        found = document(text, environ={"B": "b"})
        self.assertLess(time.process_time() - before, 4)  # 0.6 s where it was written
        self.assertEqual(len(found.tree["url"]), 10_000)
