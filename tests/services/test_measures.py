"""What routes have answered, and in what time: counted right, and without end for nobody's inventions."""

from __future__ import annotations

from time import perf_counter
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.measures import BOUNDS, Measures, RouteMeasure, known, quantile


def ended(method: str = "GET", status: int = 200, seconds: float = 0.0) -> Any:
    """A Context of a request that took so long."""
    return SimpleNamespace(method=method, native=SimpleNamespace(code=status, started=perf_counter() - seconds))


class MeasureTests(SynchronousTestCase):
    def test_a_request_counts_by_method_status_and_duration(self) -> None:
        route = RouteMeasure()
        for seconds in (0.0, 0.03, 0.03, 20.0):
            route.record(ended(seconds=seconds))
        route.record(ended("POST", 503))
        self.assertEqual(route.answers, {("GET", 200): 4, ("POST", 503): 1})
        self.assertEqual((route.classes[0], route.classes[BOUNDS.index(0.05)], route.classes[-1]), (2, 2, 1))
        self.assertEqual((route.count, route.failures, round(route.seconds)), (5, 1, 20))

    def test_methods_and_statuses_of_anybody_share_one_name(self) -> None:
        route = RouteMeasure()
        for number in range(10_000):
            route.record(ended(f"M{number}", number))
        self.assertLess(len(route.answers), 80)
        self.assertEqual(sum(route.answers.values()), 10_000)
        self.assertEqual((known("GET", 299), known("BREW", 418)), (("GET", 299), ("other", 418)))
        self.assertEqual(
            (known("GET", 298), known("GET", 7), known("GET", 4711)), (("GET", 299), ("GET", 199), ("GET", 999))
        )

    def test_routes_that_are_gone_are_forgotten_and_others_go_on(self) -> None:
        measures = Measures()
        measures.route("a").record(ended())
        measures.route("b").record(ended(status=500))
        self.assertEqual((measures.count, measures.failures), (2, 1))
        measures.keep(["a", "c"])
        self.assertEqual((list(measures.routes), measures.route("a").count, measures.count), (["a"], 1, 1))

    def test_nothing_has_no_quantile_and_what_is_over_all_bounds_has_the_last(self) -> None:
        self.assertIsNone(RouteMeasure().quantile(0.95))
        self.assertEqual(quantile([0] * len(BOUNDS) + [3], 0.5), 10.0)

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.floats(0, 10), min_size=1, max_size=50), st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
    def test_a_quantile_is_in_the_class_of_the_true_one(self, durations: list[float], share: float) -> None:
        classes = [0] * (len(BOUNDS) + 1)
        for seconds in durations:
            classes[next(i for i, bound in enumerate(BOUNDS) if seconds <= bound)] += 1
        ordered = sorted(durations)
        true = ordered[max(0, -(-int(share * 1e6) * len(ordered) // 10**6) - 1)]
        index = next(i for i, bound in enumerate(BOUNDS) if true <= bound)
        found = quantile(classes, share)
        assert found is not None
        lower = BOUNDS[index - 1] if index else 0.0
        self.assertTrue(lower <= found <= BOUNDS[index] + 1e-9, (found, true))
