"""Files and queries for user functions: what is kept, for whom, and what is not."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import sqlalchemy as sa
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted import cache
from gramex_twisted.data.memory import process_memory

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


class Handler:
    """What belongs to one request."""

    def __init__(self, user: str) -> None:
        self.user = user

    def mine(self, data: Any) -> tuple[str, int]:
        """A method as a transform."""
        return self.user, len(data)


class CacheCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.moment = time.time_ns() - 10**9 * 1000
        self.path = self.write("x.csv", "a,b\n1,x\n2,y\n")
        self.addCleanup(process_memory().clear)

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        self.moment += 10**9
        os.utime(path, ns=(self.moment, self.moment))
        return str(path)


class OpenTests(CacheCase):
    def test_what_is_not_known(self) -> None:
        for arguments, text in (
            ((self.path, "nonsense"), "cache.open: no type 'nonsense'; there is bin, txt"),
            ((self.path, 5), "cache.open: callback must be a type or a function, not 5"),
            ((str(self.folder / "x.zzz"),), "is of no known type; there is bin"),
        ):
            self.assertIn(text, str(self.assertRaises(TypeError, cache.open, *arguments)))
        self.assertRaises(FileNotFoundError, cache.open, str(self.folder / "no.csv"))
        self.assertRaises(ZeroDivisionError, cache.open, self.path, transform=lambda data: 1 // 0)

    def test_the_very_object_until_the_file_changes(self) -> None:
        first = cache.open(self.path)
        self.assertTrue(first.equals(FRAME))
        self.assertIs(cache.open(self.path), first)
        self.assertIs(cache.open(self.path, "csv"), first)
        self.assertIsNot(cache.open(self.path, transform="copy"), first)
        self.assertIs(cache.open(self.path, transform="copy"), cache.open(self.path, transform="copy"))
        self.assertIsNot(cache.open(self.path, usecols=["a"]), first)
        self.assertIs(cache.open(self.path, usecols=["a"]), cache.open(self.path, usecols=["a"]))
        self.write("x.csv", "a,b\n3,z\n")
        self.assertEqual(cache.open(self.path)["a"].tolist(), [3])

    def test_whether_it_was_read(self) -> None:
        self.assertEqual(cache.open(self.path, "text", _reload_status=True), ("a,b\n1,x\n2,y\n", True))
        self.assertEqual(cache.open(self.path, "text", _reload_status=True), ("a,b\n1,x\n2,y\n", False))

    def test_types(self) -> None:
        self.assertEqual(cache.open(self.path, "bin"), b"a,b\n1,x\n2,y\n")
        self.assertEqual(cache.open(self.path, lambda path, n: (Path(path).name, n), n=1), ("x.csv", 1))
        self.assertEqual(cache.open(self.write("x.json", '{"a": [1]}')), {"a": [1]})
        self.assertEqual(cache.open(self.write("y.json", '[{"a": 1}]'), "jsondata")["a"].tolist(), [1])
        self.assertEqual(cache.open(self.write("x.yaml", "a: [1]")), {"a": [1]})
        self.assertEqual(cache.open(self.write("c.yaml", "variables: {X: 1}\na: $X\n"), "config").a, 1)
        self.assertNotIn("log", cache.open(str(self.folder / "c.yaml"), "config"))
        self.assertEqual(cache.open(self.write("d.yaml", "a: {b: [{c: 1}]}\n"), "config").a.b[0].c, 1)
        self.assertEqual(cache.open(self.write("x.tmpl", "{{ a }}!")).generate(a=1), b"1!")
        [table] = cache.open(self.write("x.html", "<table><tr><th>a<tr><td>1</table>"))
        self.assertEqual(table["a"].tolist(), [1])
        self.assertEqual(cache.open(self.write("x.tsv", "a\tb\n1\t2\n"), "table")["b"].tolist(), [2])

    def test_types_of_ones_own(self) -> None:
        self.addCleanup(cache.open_callback.pop, "zzz", None)
        cache.open_callback["zzz"] = lambda path, times=1: Path(path).read_text() * times
        path = self.write("x.zzz", "z")
        self.assertEqual((cache.open(path), cache.open(path, times=2)), ("z", "zz"))
        cache.open_callback["zzz"] = lambda path: "other"
        self.assertEqual(cache.open(path), "other")
        cache.open_callback["zzz"] = cache.opener(str.upper, read=True)
        self.assertEqual(cache.open(path), "Z")
        self.assertRaises(ValueError, cache.opener, None)

    def test_rel_is_relative_to_the_file_that_calls(self) -> None:
        module = self.folder / "module.py"
        module.write_text(
            "from gramex_twisted import cache\ndef read(name):\n    return cache.open(name, 'text', rel=True)\n"
        )
        names: dict[str, Any] = {}
        exec(compile(module.read_text(), str(module), "exec"), names)
        self.assertEqual(names["read"]("x.csv"), "a,b\n1,x\n2,y\n")
        names = {"handler": type("H", (), {"file": self.folder / "page.html"})(), "cache": cache}
        exec(compile("found = cache.open('x.csv', 'text', rel=True)", "page.generated.py", "exec"), names)
        self.assertEqual(names["found"], "a,b\n1,x\n2,y\n")

    def test_many_threads_read_a_cold_file_once(self) -> None:
        calls: list[int] = []
        barrier = Barrier(8)

        def read(path: str) -> object:
            calls.append(1)
            return object()

        found: list[object] = []
        identity = functools.partial(cache.open, self.path, "zzz")
        self.addCleanup(cache.open_callback.pop, "zzz", None)
        cache.open_callback["zzz"] = read

        def run() -> None:
            barrier.wait(60)
            found.append(identity())

        threads = [Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual((len(calls), len(found), len(set(map(id, found)))), (1, 8, 1))

    def test_memory_is_bounded(self) -> None:
        memory = process_memory()
        self.addCleanup(setattr, memory, "size", memory.size)
        memory.size = 1000
        for number in range(20):
            cache.open(self.write(f"{number}.txt", "x" * 100))
        self.assertLessEqual(memory.used, 1000)
        self.assertGreater(memory.used, 0)


class TransformTests(CacheCase):
    """Of two requests none gets what was made for the other."""

    def test_one_that_closes_over_a_handler(self) -> None:
        def ask(handler: Handler) -> Any:
            return cache.open(self.path, transform=lambda data: (handler.user, len(data)))

        self.assertEqual([ask(Handler(user)) for user in "abab"], [("a", 2), ("b", 2), ("a", 2), ("b", 2)])

    def test_one_that_closes_over_a_value_is_kept_for_each_value(self) -> None:
        def ask(user: Any) -> Any:
            return cache.open(self.path, transform=lambda data: (user, len(data)))

        self.assertEqual([ask(user) for user in ("a", "b", 1, True, 1.0, ["a"], {"a": [1]})][1], ("b", 2))
        self.assertIs(ask("a"), ask("a"))
        self.assertIs(ask(["a", {"b": 1}]), ask(["a", {"b": 1}]))
        self.assertEqual([ask(user)[0] for user in (1, True, 1.0)], [1, True, 1.0])
        self.assertEqual([type(ask(user)[0]) for user in (1, True, 1.0)], [int, bool, float])

    def test_bound_methods_defaults_partials_and_inner_functions(self) -> None:
        def by_default(user: Handler) -> Any:
            return cache.open(self.path, transform=lambda data, user=user: user.user)

        def by_inner(user: Handler) -> Any:
            def inner() -> str:
                return user.user

            return cache.open(self.path, transform=lambda data: inner())

        def by_partial(user: Handler) -> Any:
            return cache.open(self.path, transform=functools.partial(Handler.mine, user))

        def by_method(user: Handler) -> Any:
            return cache.open(self.path, transform=user.mine)

        def by_option(user: Handler) -> Any:
            return cache.open(self.path, lambda path, user: user.user, user=user)

        for ask in (by_default, by_inner, by_partial, by_method, by_option):
            found = [ask(Handler(user)) for user in "ab"]
            self.assertNotEqual(found[0], found[1], ask.__name__)

    def test_templates_have_globals_of_a_request(self) -> None:
        code = compile("found = open(path, transform=lambda data: handler.user)", "page.generated.py", "exec")
        found = []
        for user in "ab":
            names: dict[str, Any] = {"open": cache.open, "path": self.path, "handler": Handler(user)}
            exec(code, names)
            found.append(names["found"])
        self.assertEqual(found, ["a", "b"])

    def test_a_transform_may_change_what_it_gets(self) -> None:
        handler = Handler("a")

        def spoil(data: Any) -> Any:
            data["a"] = handler.user
            return data

        plain = cache.open(self.path)
        self.assertEqual(cache.open(self.path, transform=spoil)["a"].tolist(), ["a", "a"])
        self.assertEqual(plain["a"].tolist(), [1, 2])
        self.assertEqual(cache.open(self.path)["a"].tolist(), [1, 2])

    def test_plain_functions_and_classes_are_kept(self) -> None:
        self.assertIs(cache.open(self.path, transform=len), cache.open(self.path, transform=len))
        first = cache.open(self.path, transform=double)
        self.assertIs(cache.open(self.path, transform=double), first)
        self.assertIs(cache.open(self.path, transform=pd.DataFrame), cache.open(self.path, transform=pd.DataFrame))


def double(data: Any) -> Any:
    """A transform of a module."""
    return pd.concat([data, data])


class SaveTests(CacheCase):
    def test_every_type_can_be_read_again(self) -> None:
        for name in ("x.csv", "x.xlsx", "x.parquet"):
            path = str(self.folder / name)
            cache.save(FRAME, path, index=False, nonsense=1)
            self.assertTrue(cache.open(path).equals(FRAME), name)
        path = str(self.folder / "y.json")
        cache.save(FRAME, path, orient="records")
        self.assertEqual(cache.open(path), [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])
        cache.save(FRAME, path, callback=lambda data, url, n: Path(url).write_text(f"{len(data)}{n}"), n=1)
        self.assertEqual(Path(path).read_text(), "21")

    def test_a_file_is_replaced_as_a_whole_with_its_mode_or_left_alone(self) -> None:
        os.chmod(self.path, 0o640)
        cache.save(FRAME, self.path, index=False)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o640)
        broken = pd.DataFrame({"a": [object()]})
        self.patch(pd.DataFrame, "to_csv", lambda data, url: Path(url).write_text("half") and 1 // 0)
        self.assertRaises(ZeroDivisionError, cache.save, broken, self.path)
        self.assertEqual(Path(self.path).read_text(), "a,b\n1,x\n2,y\n")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["x.csv"])
        self.assertIn("'zzz' is none of json, csv", str(self.assertRaises(TypeError, cache.save, FRAME, "x.zzz")))


class QueryTests(CacheCase):
    def setUp(self) -> None:
        super().setUp()
        self.engine = sa.create_engine(f"sqlite:///{self.folder}/x.db", poolclass=sa.pool.NullPool)
        self.do("CREATE TABLE t (a integer)", "INSERT INTO t VALUES (1)")

    def do(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))

    def ask(self, state: Any = None, **kwargs: Any) -> Any:
        return cache.query("SELECT * FROM t", self.engine, state, **kwargs)

    def test_without_state_it_is_run_each_time(self) -> None:
        self.assertIsNot(self.ask(), self.ask())
        self.assertEqual(cache.query("t", self.engine)["a"].tolist(), [1])

    def test_while_the_state_is_the_same_so_is_the_result(self) -> None:
        for state in ("SELECT count(*) FROM t", ["t"]):
            first = self.ask(state)
            self.assertIs(self.ask(state), first)
            self.do("INSERT INTO t VALUES (2)")
            self.assertEqual(len(self.ask(state)), len(first) + 1)
        values = [1, 1, 2]
        found = [self.ask(lambda: values.pop(0), _reload_status=True)[1] for _ in range(3)]
        self.assertEqual(found, [True, False, True])

    def test_parameters_make_it_another(self) -> None:
        def ask(value: Any) -> Any:
            query = sa.text("SELECT :a AS a, :h AS h")
            return cache.query(query, self.engine, lambda: 1, params={"a": value, "h": 1})["a"].tolist()

        self.assertEqual([ask(1), ask(2), ask("1")], [[1], [2], ["1"]])

    def test_what_is_no_state(self) -> None:
        self.assertRaises(TypeError, self.ask, 5)
