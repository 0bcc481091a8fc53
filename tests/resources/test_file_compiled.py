"""FileHandler's SASS, SCSS and TypeScript, through the real compilers."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SkipTest

from gramex_twisted.services.nodetools import find_tool
from tests.live import LiveCase

CONFIG = """
app: {settings: {debug: false}}
url:
  files:
    pattern: /(.*)
    handler: FileHandler
    kwargs: {path: files, scss: "*.scss", sass: true, ts: ["*.ts"], headers: {"*.ts": {X-Kind: script}}}
  old: {pattern: "/old/(.*)", handler: FileHandler, kwargs: {path: files, transform: {"*.scss": {function: scss}}}}
  plain: {pattern: "/plain/(.*)", handler: FileHandler, kwargs: {path: files}}
"""
RULE = "a { b: $c }"
FILES = {
    "files/a.scss": "$c: 1;" + RULE,
    "files/b.sass": "p\n  color: blue\n",
    "files/c.ts": "let x: number = 1;",
    "files/long.scss": "@for $i from 1 through 200 { .a#{$i} { width: $i + px } }",
    "files/bad.scss": RULE + " /* */",
    "files/bad.ts": "let = : */ alert(1)",
}


class CompiledTests(LiveCase):
    config = CONFIG
    files = FILES

    def setUp(self) -> None:
        missing = [name for name in ("sass", "esbuild") if find_tool(name, Path(__file__).parent, os.environ) is None]
        if missing and os.environ.get("CI") != "true":
            raise SkipTest(f"not installed: {', '.join(missing)}; run npm install and set GRAMEX_NODE_PATH")
        super().setUp()

    async def test_files_come_as_what_browsers_take(self) -> None:
        for path, body, kind in (
            ("/a.scss", b"a{b:1}\n", "text/css; charset=UTF-8"),
            ("/old/a.scss", b"a{b:1}\n", "text/css; charset=UTF-8"),
            ("/b.sass", b"p{color:blue}\n", "text/css; charset=UTF-8"),
            ("/c.ts", b"let x = 1;\n", "text/javascript; charset=UTF-8"),
        ):
            response = await self.get(path)
            self.assertEqual((response.status, response.body), (200, body))
            self.assertEqual(response.headers["content-type"], kind)
        self.assertEqual((await self.get("/plain/a.scss")).text, FILES["files/a.scss"])

    async def test_headers_etag_and_compression_are_those_of_files(self) -> None:
        response = await self.get("/c.ts")
        self.assertEqual(response.headers["x-kind"], "script")
        again = await self.get("/c.ts", {"If-None-Match": response.headers["etag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        packed = await self.get("/long.scss", {"Accept-Encoding": "gzip"})
        self.assertEqual(packed.headers["vary"], "Accept-Encoding")
        self.assertTrue(packed.headers["etag"].endswith('-gzip"'))
        self.assertIn(b".a200{width:200px}", packed.body)  # treq unpacks it

    async def test_a_changed_file_is_compiled_anew(self) -> None:
        await self.get("/a.scss")
        self.write("files/a.scss", "$c: 2;" + RULE)
        self.assertEqual((await self.get("/a.scss")).text, "a{b:2}\n")

    async def test_a_mistake_is_500_and_tells_nothing(self) -> None:
        response = await self.get("/bad.scss")
        self.assertEqual(
            (response.status, response.json()["error"]),
            (500, "bad.scss does not compile; the log of the server says why"),
        )


class DebugTests(CompiledTests):
    config = CONFIG.replace("debug: false", "debug: true")

    async def test_files_come_as_what_browsers_take(self) -> None:
        response = await self.get("/a.scss")
        self.assertIn("a {\n  b: 1;\n}", response.text)
        self.assertIn("sourceMappingURL", response.text)

    async def test_a_changed_file_is_compiled_anew(self) -> None:
        await self.get("/a.scss")
        self.write("files/a.scss", "$c: 2;" + RULE)
        self.assertIn("b: 2", (await self.get("/a.scss")).text)

    async def test_headers_etag_and_compression_are_those_of_files(self) -> None:
        self.assertEqual((await self.get("/c.ts")).headers["x-kind"], "script")

    async def test_a_mistake_is_500_and_tells_nothing(self) -> None:
        """In debug the message is there, as a comment that it cannot end."""
        for path, kind, message in (
            ("/bad.scss", "text/css; charset=UTF-8", "Undefined variable."),
            ("/bad.ts", "text/javascript; charset=UTF-8", 'Unexpected ":"'),
        ):
            response = await self.get(path)
            self.assertEqual((response.status, response.headers["content-type"]), (500, kind))
            self.assertIn(message, response.text)
            self.assertTrue(response.text.startswith("/*\n"))
            self.assertEqual(response.text.index("*/"), len(response.text) - 3)
