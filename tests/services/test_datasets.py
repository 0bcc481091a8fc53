"""What the tables of an app share."""

from __future__ import annotations

from gramex_twisted.data.memory import SIZE
from gramex_twisted.services.datasets import Datasets
from gramex_twisted.testing import AppTestCase

ROUTE = "url: {x: {pattern: /x, handler: FormHandler, kwargs: {url: $YAMLPATH/x.csv}}}\n"


class MemoryTests(AppTestCase):
    files = {"x.csv": "a\n1\n"}
    config = ROUTE

    def test_its_size_is_that_of_the_cache_called_memory(self) -> None:
        self.assertEqual(self.app.gramex.shared.part(Datasets).memory.size, SIZE)
        app = self.make_app(ROUTE + "cache: {memory: {size: 20MB}}\n")
        self.assertEqual(app.gramex.shared.part(Datasets).memory.size, 20 << 20)

    def test_a_reload_keeps_what_has_been_read(self) -> None:
        (self.folder / "x.csv").touch()
        self.assertEqual(self.get("/x").json(), [{"a": 1}])
        memory = self.app.gramex.shared.part(Datasets).memory
        memory.put("file", 1, "what is in it", 10)
        new = self.make_app(ROUTE)
        self.app.gramex.hand_over(new.gramex)
        self.assertEqual(new.gramex.shared.part(Datasets).memory.peek("file", 1), "what is in it")
