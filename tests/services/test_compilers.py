"""Compilers, with the real sass and esbuild: what they make, when they compile anew, what they say of mistakes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.compilers import CompileError, Compilers, _sources
from gramex_twisted.services.nodetools import find_tool, module_folders
from gramex_twisted.services.programs import ProgramTimeoutError, run
from gramex_twisted.services.threads import Threads

MISSING = [name for name in ("sass", "esbuild") if find_tool(name, Path(__file__).parent, os.environ) is None]


class CompilerCase(TestCase):
    if MISSING and os.environ.get("CI") != "true":
        skip = f"npm packages that are not installed: {', '.join(MISSING)}; run npm install and set GRAMEX_NODE_PATH"

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.threads = Threads(reactor, 2)
        self.threads.startService()
        self.compilers = self.make()

    def tearDown(self) -> Deferred[Any]:
        return gatherResults([self.compilers.stopService(), self.threads.stopService()])

    def make(self, **options: Any) -> Compilers:
        compilers = Compilers(reactor, self.folder, self.threads, **options)
        compilers.ran = 0  # type: ignore[attr-defined]
        run_one = compilers._run

        async def counted(*args: Any) -> Any:
            compilers.ran += 1  # type: ignore[attr-defined]
            return await run_one(*args)

        compilers._run = counted  # type: ignore[method-assign]
        return compilers

    def write(self, name: str, text: str, age: float = 10) -> str:
        """A file that was last changed ``age`` seconds ago."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))
        return str(path)

    async def text(self, kind: str, path: str) -> str:
        blob = await self.compilers.compile(kind, path)
        return blob.plain.body.decode("utf-8")


class SassTests(CompilerCase):
    async def test_scss_and_sass_become_css(self) -> None:
        scss = self.write("a.scss", "$c: red;\nbody { a { color: $c; content: '\u00e9' } }")
        self.assertEqual(await self.text("scss", scss), '\ufeffbody a{color:red;content:"\u00e9"}\n')
        self.assertEqual(await self.text("sass", self.write("b.sass", "p\n  color: blue\n")), "p{color:blue}\n")

    async def test_the_type_is_css(self) -> None:
        blob = await self.compilers.compile("scss", self.write("a.scss", "a { b: c }"))
        self.assertEqual(blob.content_type, "text/css; charset=UTF-8")

    async def test_in_debug_it_is_readable_and_has_a_source_map(self) -> None:
        self.compilers = self.make(debug=True)
        text = await self.text("scss", self.write("a.scss", "a { b: c }"))
        self.assertIn("a {\n  b: c;\n}", text)
        self.assertIn("sourceMappingURL=data:application/json", text)

    async def test_it_is_compiled_once_until_an_import_changes(self) -> None:
        self.write("sub folder/_part.scss", "$c: red;")
        path = self.write("a.scss", '@use "sub folder/part";\na { color: part.$c }')
        self.assertEqual(await self.text("scss", path), "a{color:red}\n")
        self.assertEqual(await self.text("scss", path), "a{color:red}\n")
        self.assertEqual(self.compilers.ran, 1)  # type: ignore[attr-defined]
        self.write("sub folder/_part.scss", "$c: green;", age=5)
        self.assertEqual(await self.text("scss", path), "a{color:green}\n")
        self.assertEqual(self.compilers.ran, 2)  # type: ignore[attr-defined]

    async def test_a_file_saved_during_compilation_is_compiled_again(self) -> None:
        path = self.write("a.scss", "a { b: c }", age=-100)
        await self.text("scss", path)
        await self.text("scss", path)
        self.assertEqual(self.compilers.ran, 2)  # type: ignore[attr-defined]

    async def test_packages_beside_the_app_can_be_imported(self) -> None:
        self.write("node_modules/theme/_index.scss", "$c: teal;")
        path = self.write("sub/a.scss", '@use "theme";\na { color: theme.$c }')
        self.assertEqual(await self.text("scss", path), "a{color:teal}\n")

    async def test_requests_at_once_compile_once(self) -> None:
        path = self.write("a.scss", "a { b: c }")
        blobs = await gatherResults([Deferred.fromCoroutine(self.compilers.compile("scss", path)) for _ in range(10)])
        self.assertEqual(len(set(map(id, blobs))), 1)
        self.assertEqual(self.compilers.ran, 1)  # type: ignore[attr-defined]

    async def test_a_mistake_is_told_to_everyone_who_waits_and_mended_by_the_next(self) -> None:
        path = self.write("a.scss", "a { b: $nope }")
        waiting = [Deferred.fromCoroutine(self.compilers.compile("scss", path)) for _ in range(2)]
        for deferred in waiting:
            error = await self.assertFailure(deferred, CompileError)
            self.assertIn("Undefined variable.", error.message)
            self.assertIn("a.scss 1:8", error.message)
        self.write("a.scss", "a { b: c }", age=5)
        self.assertEqual(await self.text("scss", path), "a{b:c}\n")

    async def test_the_comment_of_a_mistake_cannot_be_ended(self) -> None:
        path = self.write("a.scss", "a { b: $nope } /* */ body { display: none }")
        error = await self.assertFailure(Deferred.fromCoroutine(self.compilers.compile("scss", path)), CompileError)
        self.assertEqual(error.comment.count(b"*/"), 1)
        self.assertTrue(error.comment.endswith(b"\n*/\n"))

    async def test_only_so_many_results_are_kept(self) -> None:
        self.compilers = self.make(most=1)
        first, second = self.write("a.ts", "1"), self.write("b.ts", "2")
        for path in (first, second, first):
            await self.compilers.compile("ts", path)
        self.assertEqual(self.compilers.ran, 3)  # type: ignore[attr-defined]

    async def test_themes_are_found_by_their_names_of_gramex_1(self) -> None:
        for name, version in (("theme/bootstrap5", 5), ("gramexui", 4)):
            path = self.write(f"{version}.scss", f'$primary: red; @import "{name}"; a {{b: c}}')
            css = f'@import"https://cdn.jsdelivr.net/npm/bootstrap@{version}/dist/css/bootstrap.min.css";a{{b:c}}\n'
            self.assertEqual(await self.text("scss", path), css)


class TypeScriptTests(CompilerCase):
    async def test_types_are_gone_and_letters_stay(self) -> None:
        path = self.write("a.ts", "const name: string = '\u00e9';\nexport { name };")
        self.assertEqual(await self.text("ts", path), 'const name = "\u00e9";\nexport { name };\n')
        blob = await self.compilers.compile("ts", path)
        self.assertEqual(blob.content_type, "text/javascript; charset=UTF-8")
        self.assertEqual(self.compilers.ran, 1)  # type: ignore[attr-defined]

    async def test_in_debug_there_is_a_source_map(self) -> None:
        self.compilers = self.make(debug=True)
        text = await self.text("ts", self.write("a.ts", "let x: number"))
        self.assertIn("//# sourceMappingURL=data:application/json;base64,", text)

    async def test_a_changed_tsconfig_counts(self) -> None:
        path = self.write("a.ts", "class A { x?: number }")
        self.write("tsconfig.json", '{"compilerOptions": {"useDefineForClassFields": false}}')
        self.assertNotIn("x;", await self.text("ts", path))
        self.write("tsconfig.json", '{"compilerOptions": {"useDefineForClassFields": true}}', age=5)
        self.assertIn("x;", await self.text("ts", path))

    async def test_a_mistake_names_its_line(self) -> None:
        path = self.write("a.ts", "\nconst x: = 1")
        error = await self.assertFailure(Deferred.fromCoroutine(self.compilers.compile("ts", path)), CompileError)
        self.assertIn("a.ts:2:9", error.message)
        self.assertIn('Unexpected "="', error.message)


class LimitTests(CompilerCase):
    skip = None  # type: ignore[assignment]

    def slow(self, **options: Any) -> Compilers:
        """Compilers whose esbuild never ends."""
        compilers = self.make(**options)
        compilers._find = lambda package: ([sys.executable, "-c", "import time; time.sleep(600)"], [])  # type: ignore[method-assign]
        return compilers

    async def test_a_compiler_that_never_ends_is_killed(self) -> None:
        self.compilers = self.slow(timeout=0.3)
        path = self.write("a.ts", "1")
        error = await self.assertFailure(Deferred.fromCoroutine(self.compilers.compile("ts", path)), HTTPError)
        self.assertEqual((error.status_code, error.log_message), (500, "a.ts: compiling took over 0.3 s"))
        self.assertEqual(self.compilers._running, set())

    async def test_stopping_kills_what_runs_and_waits_for_it(self) -> None:
        self.compilers = self.slow()
        started: Deferred[None] = Deferred()
        run_one = self.compilers._run

        async def told(*args: Any) -> Any:
            reactor.callLater(0.1, started.callback, None)  # type: ignore[attr-defined]
            return await run_one(*args)

        self.compilers._run = told  # type: ignore[method-assign]
        compiling = Deferred.fromCoroutine(self.compilers.compile("ts", self.write("a.ts", "1")))
        await started
        [program] = self.compilers._running
        pid = program.transport.pid  # type: ignore[union-attr]
        failed = self.assertFailure(compiling, CompileError)
        await self.compilers.stopService()
        self.assertIn("was killed", (await failed).message)
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    async def test_what_is_not_installed_says_how_to_install_it(self) -> None:
        self.compilers = self.make(environ={"PATH": ""})
        self.compilers._find = lambda package: (None, [])  # type: ignore[method-assign]
        path = self.write("a.scss", "")
        error = await self.assertFailure(Deferred.fromCoroutine(self.compilers.compile("scss", path)), HTTPError)
        self.assertEqual(error.log_message, "sass is not installed on the server; run: npm install sass")


class ProgramTests(TestCase):
    def python(self, code: str, timeout: float = 30) -> Deferred[Any]:
        return run(reactor, [sys.executable, "-c", code], timeout=timeout, folder="/").done

    async def test_output_errors_and_code_come_back(self) -> None:
        found = await self.python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
        self.assertEqual(found, (3, b"out\n", b"err\n"))

    async def test_there_is_nothing_to_read(self) -> None:
        self.assertEqual((await self.python("import sys; print(repr(sys.stdin.read()))")).output, b"''\n")

    async def test_a_deadline_kills(self) -> None:
        await self.assertFailure(self.python("import time; time.sleep(600)", 0.2), ProgramTimeoutError)


class FindTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()

    def folders(self, **environ: str) -> Iterator[Path]:
        return module_folders(self.folder / "app" / "sub", environ)

    def test_the_named_folder_comes_before_the_apps_and_its_parents(self) -> None:
        expected = [self.folder / name for name in ("npm/node_modules", "npm", "app/sub/node_modules", "node_modules")]
        for folder in expected:
            folder.mkdir(parents=True, exist_ok=True)
        found = list(self.folders(GRAMEX_NODE_PATH=str(self.folder / "npm"), PATH=""))
        self.assertEqual(found[:4], expected)

    def test_the_folder_may_be_node_modules_itself(self) -> None:
        modules = self.folder / "node_modules"
        modules.mkdir(parents=True)
        self.assertEqual(next(self.folders(GRAMEX_NODE_PATH=str(modules))), modules)

    def test_a_source_map_without_files_is_survived(self) -> None:
        link = b"data:application/json;charset=utf-8,%7B%22sources%22:%5B%22data:;x%22%5D%7D"
        css = b"a{}\n/*# sourceMappingURL=" + link + b" */\n"
        self.assertEqual(_sources(css, False), (b"a{}\n", []))
        self.assertEqual(_sources(css, True), (css, []))
        self.assertEqual(_sources(b"a{}\n", False), (b"a{}\n", []))
