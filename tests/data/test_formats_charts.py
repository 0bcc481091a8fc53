"""Charts: what Vega is given, and what seaborn draws."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from typing import Any

import polars as pl
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import formats
from gramex_twisted.data.formats.download import download
from gramex_twisted.data.formats.vega import STATIC, placed
from tests.data.formatcases import answer

DATA = pl.DataFrame({"city": ["Oslo", "</script><b>"], "sales": [1, 2]})
ROWS = DATA.to_dicts()
BAR = {"mark": "bar", "encoding": {"x": {"field": "city"}, "y": {"field": "sales"}}}


def config(answers: Mapping[str, Any], name: str = "vega-lite", **options: Any) -> dict[str, Any]:
    """What the page of a chart gives to Vega-Embed."""
    written = formats.write(name, answers, single=len(answers) == 1, options={"assets": "/v/", **options}).decode()
    [found] = re.findall(r'<script type="application/json" data-chart="chart">(.*)</script>', written)
    made: dict[str, Any] = json.loads(found)
    return made


class VegaTests(SynchronousTestCase):
    def test_data_that_is_missing_is_put_in(self) -> None:
        found = config({"a": DATA}, spec=BAR)
        self.assertEqual(found["spec"], {**BAR, "data": {"name": "a", "values": ROWS}})
        self.assertEqual(
            config({"a": DATA}, "vega", spec={"width": 5})["spec"]["data"], [{"name": "a", "values": ROWS}]
        )
        several = config({"a": DATA, "b": [{"x": 1}]}, spec=BAR)["spec"]
        self.assertEqual((several["data"], several["datasets"]), ({"name": "a"}, {"a": ROWS, "b": [{"x": 1}]}))

    def test_data_is_put_where_the_spec_says(self) -> None:
        both = {"a": [{"n": 1}], "b": [{"n": 2}]}
        self.assertEqual(placed({"data": "__DATA__"}, "vega", both), {"data": [{"n": 1}]})
        self.assertEqual(placed({"data": {"values": "__DATA__"}}, "vega-lite", both)["data"], {"values": [{"n": 1}]})
        named = [
            {"name": "b", "values": "__DATA__"},
            {"name": "a"},
            {"name": "c", "url": "x"},
            {"name": "a", "source": "b"},
        ]
        self.assertEqual(
            placed({"data": named}, "vega", both)["data"],
            [
                {"name": "b", "values": [{"n": 2}]},
                {"name": "a", "values": [{"n": 1}]},
                {"name": "c", "url": "x"},
                {"name": "a", "source": "b"},
            ],
        )

    def test_arguments_fill_the_texts_of_the_spec(self) -> None:
        spec = {"title": "{col} of {nobody}", "list": [{"field": "{col}"}], "n": 1}
        found = config({"a": DATA}, spec=spec, args={"col": ["sales", "x"]})["spec"]
        self.assertEqual((found["title"], found["list"], found["n"]), ("sales of {nobody}", [{"field": "sales"}], 1))

    def test_the_page_has_no_script_but_those_that_are_served(self) -> None:
        options = {"spec": BAR | {"title": "</title><script>"}, "assets": '/sales?x="'}
        written = formats.write("vega-lite", {"a": DATA}, single=True, options=options).decode()
        self.assertEqual(
            re.findall(r"<script[^>]*>", written),
            [
                '<script type="application/json" data-chart="chart">',
                '<script src="/sales?x=&quot;draw.js">',
            ],
        )
        self.assertEqual(written.count("</script>"), 2)
        self.assertIn("<title>&lt;/title&gt;&lt;script&gt;</title>", written)

    def test_a_script_draws_where_it_stands(self) -> None:
        written = download(DATA, "vega-lite", spec=BAR, renderer="canvas", handler=None).decode()
        self.assertTrue(written.startswith((STATIC / "draw.js").read_text("utf-8")))
        [found] = re.findall(r"\ngramexDraw\.here\((.*)\)\n$", written)
        self.assertEqual(json.loads(found)["options"], {"mode": "vega-lite", "renderer": "canvas"})
        self.assertEqual(json.loads(found)["spec"]["data"]["values"], ROWS)

    def test_what_makes_no_chart_is_refused(self) -> None:
        for name, options, said in (
            ("vega", {}, "format vega needs the option spec"),
            ("vega", {"spec": "x"}, "spec 'x' is no specification of vega: a mapping"),
            ("vega", {"spec": BAR, "as": "picture"}, "as 'picture' is neither page nor script"),
            ("vega", {"spec": BAR}, "format vega needs the option assets"),
            ("vegam", {"spec": BAR}, "format vegam is no more"),
        ):
            with self.assertRaisesRegex(ValueError, said):
                formats.write(name, {"a": DATA}, single=True, options=options)

    def test_the_files_that_are_served_are_there_with_their_licences(self) -> None:
        script = (STATIC / "draw.js").read_text("utf-8")
        for name in re.findall(r'"([\w.-]+\.min\.js)"', script):
            self.assertGreater((STATIC / name).stat().st_size, 50_000)
        licences = (STATIC / "LICENSES.txt").read_text("utf-8")
        for name in ("vega", "vega-lite", "vega-embed", "d3-scale", "vega-interpreter"):
            self.assertRegex(licences, rf"(?m)^{name} \d")


class SeabornTests(SynchronousTestCase):
    def test_it_draws_pictures_of_the_size_that_is_asked_for(self) -> None:
        written = download(DATA, "seaborn", chart="barplot", x="city", y="sales", width=300, height=200, timeout=300)
        self.assertEqual(written[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">II", written[16:24]), (300, 200))

    def test_it_draws_documents_of_answers(self) -> None:
        options = {"chart": "lineplot", "x": "day", "y": "id", "ext": "svg", "data": "b", "timeout": 300}
        written = formats.write("sns", {"a": DATA, "b": answer()}, single=False, options=options)
        self.assertIn(b"<svg", written[:500])

    def test_what_seaborn_says_is_told(self) -> None:
        with self.assertRaisesRegex(ValueError, "the chart cannot be drawn: Could not interpret value `nope` for `x`"):
            download(DATA, "seaborn", x="nope", y="sales", timeout=300)

    def test_it_ends_in_time(self) -> None:
        with self.assertRaisesRegex(ValueError, r"the chart took more than 0\.01 s: ask for fewer rows"):
            download(DATA, "seaborn", x="city", y="sales", timeout=0.01)

    def test_wrong_options_are_refused_before_anything_starts(self) -> None:
        options: dict[str, Any]
        for options, said in (
            ({"chart": "load_dataset"}, "chart 'load_dataset' is not one of barplot, boxenplot"),
            ({"chart": "__class__"}, "chart '__class__' is not one of"),
            ({"ext": "exe"}, "ext 'exe' is not one of png, svg, pdf, jpg"),
            ({"width": 10_000}, "width 10000 is not a number above 0, up to 5000"),
            ({"dpi": "many"}, "dpi 'many' is not a number"),
            ({"dpi": float("nan")}, "dpi nan is not a number"),
            ({"data": "x"}, "data 'x' is not one of a, b"),
        ):
            with self.assertRaisesRegex(ValueError, said):
                formats.write("seaborn", {"a": DATA, "b": DATA}, single=False, options=options)
