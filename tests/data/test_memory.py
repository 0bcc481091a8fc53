"""What is kept in memory, for how long, and by whom it is made."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.errors import Cancelled
from gramex_twisted.data.memory import SIZE, Memory, process_memory

WAIT = 60


class MemoryTests(SynchronousTestCase):
    def get(self, memory: Memory, key: str, stamp: Any = 1, size: int = 10) -> list[str]:
        return memory.get(key, stamp, lambda: [key], lambda value: size)

    def test_the_very_value_is_returned_while_its_stamp_is_the_same(self) -> None:
        memory = Memory(100)
        first = self.get(memory, "a")
        self.assertIs(self.get(memory, "a"), first)
        self.assertIsNot(self.get(memory, "a", stamp=2), first)
        self.assertEqual(memory.used, 10)

    def test_the_least_recently_used_goes_when_there_is_no_room(self) -> None:
        memory = Memory(30)
        kept = {key: self.get(memory, key) for key in "abc"}
        self.get(memory, "a")
        self.get(memory, "d")
        self.assertEqual(memory.used, 30)
        self.assertIs(self.get(memory, "a"), kept["a"])
        self.assertIsNot(self.get(memory, "b"), kept["b"])

    def test_what_is_larger_than_all_is_returned_and_not_kept(self) -> None:
        memory = Memory(30)
        small = self.get(memory, "small")
        self.assertEqual(self.get(memory, "large", size=31), ["large"])
        self.assertIs(self.get(memory, "small"), small)
        self.assertEqual(memory.used, 10)

    def test_less_room_makes_values_go(self) -> None:
        memory = Memory(30)
        kept = {key: self.get(memory, key) for key in "abc"}
        memory.size = 15
        self.assertEqual(memory.used, 10)
        self.assertIs(self.get(memory, "c"), kept["c"])

    def test_errors_are_raised_and_not_kept(self) -> None:
        memory = Memory(30)
        self.assertRaises(ZeroDivisionError, memory.get, "a", 1, lambda: 1 // 0, lambda value: 1)
        self.assertEqual(self.get(memory, "a"), ["a"])

    def test_forget_put_peek_and_clear(self) -> None:
        memory = Memory(30)
        self.get(memory, "a")
        memory.forget("a")
        memory.forget("a")
        self.assertIsNone(memory.peek("a", 1))
        memory.put("b", 1, "value", 5)
        self.assertEqual((memory.peek("b", 1), memory.peek("b", 2), memory.used), ("value", None, 5))
        memory.put("b", 1, "other", 31)
        self.assertEqual((memory.peek("b", 1), memory.used), (None, 0))
        self.get(memory, "a")
        memory.clear()
        self.assertEqual(memory.used, 0)

    def test_another_inherits_what_it_does_not_have(self) -> None:
        old, new = Memory(100), Memory(25)
        for key in "abc":
            old.put(key, 1, f"old {key}", 10)
        new.put("b", 2, "new b", 10)
        new.inherit(old)
        self.assertEqual(
            [new.peek(*each) for each in (("a", 1), ("b", 2), ("b", 1), ("c", 1))], [None, "new b", None, "old c"]
        )
        self.assertEqual((new.used, old.used), (20, 30))

    def test_the_process_has_one(self) -> None:
        self.assertIs(process_memory(), process_memory())
        self.assertEqual(process_memory().size, SIZE)


class ThreadTests(SynchronousTestCase):
    def ask(self, memory: Memory, count: int, make: Any, before: Any = lambda: None) -> tuple[list[Any], list[Any]]:
        """What `count` threads get, and their errors; `before` is called when all of them have begun."""
        values: list[Any] = []
        errors: list[Any] = []

        def run() -> None:
            try:
                values.append(memory.get("key", 1, make, lambda value: 1))
            except ZeroDivisionError as error:
                errors.append(error)

        threads = [Thread(target=run) for _ in range(count)]
        for thread in threads:
            thread.start()
        before()
        for thread in threads:
            thread.join(WAIT)
        return values, errors

    def test_of_many_threads_one_makes_the_value(self) -> None:
        go, made = Event(), []

        def make() -> object:
            go.wait(WAIT)
            made.append(1)
            return object()

        values, _ = self.ask(Memory(10), 8, make, go.set)
        self.assertEqual((len(made), len(values), len(set(map(id, values)))), (1, 8, 1))

    def test_all_that_wait_get_the_error(self) -> None:
        go, began = Event(), Event()
        calls: list[int] = []

        def make() -> object:
            calls.append(1)
            began.set()
            go.wait(WAIT)
            return 1 // 0

        values, errors = self.ask(Memory(10), 8, make, go.set)
        self.assertEqual((values, len(errors)), ([], 8))
        self.assertLessEqual(len(set(map(id, errors))), len(calls))

    def test_who_waits_may_go_and_the_others_get_the_value(self) -> None:
        memory, go, began = Memory(10), Event(), Event()

        def slow() -> int:
            began.set()
            go.wait(WAIT)
            return 1

        thread = Thread(target=memory.get, args=("key", 1, slow, lambda value: 1))
        thread.start()
        began.wait(WAIT)
        with self.assertRaises(Cancelled):
            memory.get("key", 1, slow, lambda value: 1, lambda: True)
        go.set()
        thread.join(WAIT)
        self.assertEqual(memory.get("key", 1, lambda: 2, lambda value: 1, lambda: True), 1)

    def test_other_keys_do_not_wait(self) -> None:
        memory, go, began = Memory(10), Event(), Event()

        def slow() -> int:
            began.set()
            go.wait(WAIT)
            return 1

        thread = Thread(target=memory.get, args=("slow", 1, slow, lambda value: 1))
        thread.start()
        began.wait(WAIT)
        self.assertEqual(memory.get("quick", 1, lambda: 2, lambda value: 1), 2)
        go.set()
        thread.join(WAIT)

    def test_a_newer_stamp_does_not_wait_for_the_older_value(self) -> None:
        memory, go, began = Memory(10), Event(), Event()

        def slow() -> str:
            began.set()
            go.wait(WAIT)
            return "old"

        thread = Thread(target=memory.get, args=("key", 1, slow, lambda value: 1))
        thread.start()
        began.wait(WAIT)
        self.assertEqual(memory.get("key", 2, lambda: "new", lambda value: 1), "new")
        go.set()
        thread.join(WAIT)
