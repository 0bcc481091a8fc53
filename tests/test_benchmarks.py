"""The benchmarks measure what they say: the bundled client against a real server, and the arithmetic of the table."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from benchmarks import memory
from benchmarks.client import percentile, run
from benchmarks.contestants import bare
from benchmarks.figures import Figure, Goal, table
from benchmarks.load import fetch
from benchmarks.server import NotAnsweringError, Server
from benchmarks.turns import in_turn
from benchmarks.workspace import BIG, app_folder, routes_folder


class GoalTests(TestCase):
    def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds(self) -> None:
        samples = {"gramex_twisted": [70, 30, 80], "twisted.web": [100, 50, 100]}
        self.assertEqual(Goal(0.7, "twisted.web").ratio(samples), 0.7)

    def test_a_bound_is_reached_at_equality(self) -> None:
        samples = {"gramex_twisted": [70.0], "twisted.web": [100.0]}
        self.assertEqual(
            Goal(0.7, "twisted.web").verdict(samples, "requests/s"), "0.70 of twisted.web, wanted >= 0.7: reached"
        )
        self.assertEqual(
            Goal(0.71, "twisted.web").verdict(samples, "requests/s"), "0.70 of twisted.web, wanted >= 0.71: **missed**"
        )

    def test_an_upper_bound_and_a_bound_against_nobody(self) -> None:
        samples = {"gramex_twisted": [65.0]}
        self.assertEqual(Goal(70, at_most=True).verdict(samples, "MB"), "65 MB, wanted <= 70: reached")

    def test_what_was_not_measured_has_no_verdict(self) -> None:
        self.assertEqual(Goal(2, "Gramex").verdict({"gramex_twisted": [1.0]}, "s"), "")
        self.assertEqual(Goal(2, "Gramex").verdict({"Gramex": [1.0]}, "s"), "")


class TableTests(TestCase):
    def test_medians_stand_in_the_columns_of_their_servers(self) -> None:
        figure = Figure("/x", "requests/s", {"gramex_twisted": [1, 12345, 99999], "Gramex": [float("inf")]})
        self.assertEqual(
            list(table([figure])),
            [
                "| case | unit | gramex_twisted | twisted.web | Tornado | Gramex | goal |",
                "| --- | --- | --- | --- | --- | --- | --- |",
                "| /x | requests/s | 12,345 |  |  | no answer |  |",
            ],
        )

    def test_servers_take_turns(self) -> None:
        order: list[str] = []

        def measure(name: str) -> float:
            order.append(name)
            return len(order)

        self.assertEqual(in_turn(["A", "B"], 2, measure), {"A": [1, 3], "B": [2, 4]})
        self.assertEqual(order, ["A", "B", "A", "B"])

    def test_percentiles(self) -> None:
        self.assertEqual(percentile([float(n) for n in range(100)], 99), 99.0)
        self.assertEqual(percentile([], 99), 0.0)


class WorkspaceTests(TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def test_the_files_have_the_sizes_that_the_cases_name(self) -> None:
        folder = app_folder(self.folder)
        self.assertEqual((folder / "file10k.txt").stat().st_size, 10240)
        self.assertEqual((folder / "file200m.bin").stat().st_size, BIG)

    def test_a_routes_folder_has_as_many_literal_routes_as_asked_for(self) -> None:
        text = (routes_folder(self.folder, 10) / "gramex.yaml").read_text()
        self.assertEqual(text.count("pattern: /route/"), 10)
        self.assertIn("pattern: /route/9,", text)


class ServerTests(TestCase):
    def setUp(self) -> None:
        parent = Path(self.mktemp()).absolute()
        parent.mkdir()
        self.folder = app_folder(parent)

    def test_the_bundled_client_counts_requests_and_bytes_of_a_real_server(self) -> None:
        with Server(bare, self.folder, "/file10k", {}) as server:
            self.assertEqual(fetch(server.url("/function")), b"hello")
            result = run(server.url("/file10k"), connections=4, seconds=0.2)
            self.assertGreater(memory.resident(server.pid), 1_000_000)
        self.assertEqual(result["errors"], 0)
        self.assertGreater(result["requests"], 10)
        self.assertGreater(result["bytes"], result["requests"] * 10240)
        self.assertGreater(result["p99"], result["p50"])
        self.assertRaises(ProcessLookupError, os.kill, server.pid, 0)

    def test_a_server_that_dies_is_reported_with_what_it_printed(self) -> None:
        def dies(folder: Path, port: int) -> list[str]:
            return [sys.executable, "-c", "raise SystemExit('no such config')"]

        server = Server(dies, self.folder, "/", {})
        error = self.assertRaises(NotAnsweringError, server.__enter__)
        self.assertIn("no such config", str(error))

    def test_a_server_that_answers_an_error_is_not_measured(self) -> None:
        server = Server(bare, self.folder, "/nothing", {})
        error = self.assertRaises(NotAnsweringError, server.__enter__)
        self.assertIn("404", str(error))
