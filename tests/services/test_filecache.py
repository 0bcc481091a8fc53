"""FileCache: bounded by bytes, the least recently used goes first."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.filecache import OVERHEAD, FileCache


class CacheTests(SynchronousTestCase):
    def test_what_is_put_is_found(self) -> None:
        cache = FileCache()
        cache.put("a", "entry", 10)
        self.assertEqual((cache.get("a"), cache.get("b")), ("entry", None))

    def test_the_least_recently_used_goes_first(self) -> None:
        cache = FileCache(8 * (OVERHEAD + 100))
        for name in "abcdefgh":
            cache.put(name, name, 100)
        cache.get("a")
        cache.put("i", "i", 100)
        self.assertEqual([cache.get(name) for name in "abci"], ["a", None, "c", "i"])

    def test_what_is_too_large_is_not_kept_and_replaces_what_was(self) -> None:
        cache = FileCache(80_000)
        cache.put("a", "small", 10)
        cache.put("a", "large", 10_000)
        self.assertIsNone(cache.get("a"))
        self.assertEqual(cache.size, 0)

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3000), st.booleans())))
    def test_the_size_is_that_of_the_entries_and_never_over_the_limit(self, steps: list[tuple[int, int, bool]]) -> None:
        cache = FileCache(20_000)
        sizes: dict[int, int] = {}
        for key, size, drop in steps:
            if drop:
                cache.drop(key)
            else:
                cache.put(key, size, size)
            sizes[key] = size
            self.assertLessEqual(cache.size, cache.limit)
            kept = [cache.get(name) for name in list(cache._entries)]
            self.assertEqual(cache.size, sum(kept) + OVERHEAD * len(cache))
