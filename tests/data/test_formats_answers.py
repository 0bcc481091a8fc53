"""What may be written: answers of queries, frames, lists of dicts and other values; options; templates."""

from __future__ import annotations

import json
from math import nan
from typing import Any

import pandas as pd
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import formats
from gramex_twisted.data.formats.download import download
from tests.data.formatcases import FRAME, answer, read_csv


class AnswerTests(SynchronousTestCase):
    def test_frames_of_pandas_lose_their_index(self) -> None:
        given = pd.DataFrame(
            {"a": ["x", None], "b": [1.5, nan], "c": pd.to_datetime(["2024-01-31", None]), 4: [2**40, 1]},
            index=["r", "s"],
        )
        given.index.name = "label"
        wanted = [
            {"a": "x", "b": 1.5, "c": "2024-01-31T00:00:00", "4": 2**40},
            {"a": None, "b": None, "c": None, "4": 1},
        ]
        self.assertEqual(json.loads(download(given)), wanted)
        self.assertEqual(json.loads(download(given, index=True))[0], {"label": "r", **wanted[0]})
        self.assertEqual(json.loads(download({"x": given, "y": given})), {"x": wanted, "y": wanted})
        self.assertEqual(
            read_csv(download(given, "csv")),
            [["a", "b", "c", "4"], ["x", "1.5", "2024-01-31 00:00:00", str(2**40)], ["", "", "", "1"]],
        )

    def test_columns_of_one_name_are_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "two columns are called a: rename one"):
            download(pd.DataFrame([[1, 2]], columns=["a", "a"]), "csv")

    def test_lists_of_dicts_are_tables_and_stay_as_they_are_in_json(self) -> None:
        given = [{"a": 1}, {"a": 2, "b": [1]}]
        self.assertEqual(json.loads(download(given)), given)
        self.assertEqual(read_csv(download(given, "csv")), [["a", "b"], ["1", ""], ["2", "[1]"]])
        self.assertEqual(download([], "csv"), b"")

    def test_what_is_no_table_is_refused_with_its_type(self) -> None:
        for name in ("csv", "jsonl", "html", "xlsx", "parquet", "arrow", "pptx", "seaborn"):
            with self.assertRaisesRegex(ValueError, "data is of type str; a DataFrame or a list of dicts is needed"):
                download("text", name)
        with self.assertRaisesRegex(ValueError, "sales is of type int"):
            download({"sales": 5}, "csv")
        with self.assertRaisesRegex(ValueError, "the dict of datasets is empty"):
            download({}, "csv")
        self.assertEqual(download({"sales": 5}), b'{"sales":5}')

    def test_options_and_formats_that_are_not_known_are_named(self) -> None:
        with self.assertRaisesRegex(ValueError, "format csv has no option colour, paper; it has bom, formulas, header"):
            download(FRAME, "csv", colour=1, paper=2)
        with self.assertRaisesRegex(ValueError, "format jsonl has no option indent; it has none"):
            download(FRAME, "jsonl", indent=2)
        with self.assertRaisesRegex(ValueError, "no format 'doc'; there are json, jsonl, csv, html, xlsx"):
            download(FRAME, "doc")
        for options, said in (
            ({"sep": "ab"}, "sep 'ab' is not one ASCII character"),
            ({"formulas": "no"}, "formulas 'no' is neither keep nor escape"),
        ):
            with self.assertRaisesRegex(ValueError, said):
                download(FRAME, "csv", **options)
        with self.assertRaisesRegex(ValueError, "indent 3 is not 2"):
            download(FRAME, indent=3)

    def test_one_dataset_where_a_format_holds_no_more(self) -> None:
        for name in ("jsonl", "parquet", "arrow"):
            with self.assertRaisesRegex(ValueError, f"format {name} holds one dataset, not 2: ask for one of a, b"):
                formats.write(name, {"a": answer(), "b": answer()}, single=False)

    def test_what_does_not_stream_says_so(self) -> None:
        with self.assertRaisesRegex(ValueError, "format xlsx does not stream"):
            formats.stream("xlsx", (), iter([]))
        with self.assertRaisesRegex(ValueError, "format json does not stream with these options"):
            formats.stream("json", (), iter([]), {"indent": 2})
        with self.assertRaisesRegex(ValueError, "formulas 'no'"):
            formats.stream("csv", (), iter([]), {"formulas": "no"})
        self.assertTrue(formats.KNOWN["csv"].can_stream({"sep": ";"}))

    def test_media_types(self) -> None:
        self.assertEqual(formats.KNOWN["csv"].content_type, "text/csv; charset=utf-8")
        self.assertEqual(formats.KNOWN["seaborn"].content_type_of({"ext": "svg"}), "image/svg+xml")
        self.assertEqual(formats.KNOWN["seaborn"].extension_of({"ext": "pdf"}), "pdf")
        self.assertEqual(formats.KNOWN["vega"].content_type_of({"as": "script"}), "text/javascript; charset=utf-8")
        self.assertEqual([name for name, info in formats.KNOWN.items() if info.streams], ["json", "jsonl", "csv"])


class TemplateTests(SynchronousTestCase):
    def file(self, text: str) -> str:
        """A template."""
        path = f"{self.mktemp()}.html"
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def test_a_file_makes_a_page_of_the_data(self) -> None:
        path = self.file("{{ title }}: {% for place, row in data.iterrows() %}{{ row['city'] }} {% end %}")
        self.assertEqual(
            download(FRAME.head(2), "template", template=path, title="<T>"), b"&lt;T&gt;: Oslo a,&quot;b&quot;\n "
        )
        several = self.file("{{ sorted(data) }} {{ data['b'].height }}")
        written = formats.write(
            "template", {"a": [1], "b": answer()}, single=False, options={"template": several, "frames": "polars"}
        )
        self.assertEqual(written, b"[&#x27;a&#x27;, &#x27;b&#x27;] 3")

    def test_the_server_may_render_it(self) -> None:
        def render(path: str, values: dict[str, Any]) -> str:
            return f"{path} {values['handler']} {len(values['data'])}"

        options = {"template": "x.html", "render": render, "handler": "h"}
        self.assertEqual(formats.write("template", {"d": answer()}, single=True, options=options), b"x.html h 3")

    def test_a_template_that_is_missing_is_named(self) -> None:
        with self.assertRaisesRegex(ValueError, "format template needs the option template"):
            download(FRAME, "template")
        with self.assertRaisesRegex(ValueError, "template /no/such.html is missing"):
            download(FRAME, "template", template="/no/such.html")
