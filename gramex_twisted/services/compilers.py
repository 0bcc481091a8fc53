"""Compilers: SASS and SCSS to CSS by npm's sass, TypeScript to JavaScript by npm's esbuild."""

from __future__ import annotations

import json
import os
import re
import time
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.logger import Logger

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.nodetools import find_tool, module_folders
from gramex_twisted.services.programs import Finished, Program, ProgramTimeoutError, run
from gramex_twisted.services.templates import Stamp, changed, stamp
from gramex_twisted.web.blob import Blob

log = Logger()

#: Programs that run at once; more wait.
AT_ONCE = 4

#: Where `@import "theme/bootstrap5"` of apps of Gramex 1.x is found.
UI = Path(__file__).parent.parent / "apps" / "ui"

CSS = "text/css; charset=UTF-8"
JAVASCRIPT = "text/javascript; charset=UTF-8"

#: kind -> npm package and Content-Type.
KINDS = {"sass": ("sass", CSS), "scss": ("sass", CSS), "ts": ("esbuild", JAVASCRIPT)}

_SOURCE_MAP = re.compile(rb"\s*/\*# sourceMappingURL=data:application/json;charset=utf-8([^*]*)\*/\s*\Z")


class CompileError(Exception):
    """A file that does not compile. ``message`` is what the compiler says, ``content_type`` what it would have made."""

    def __init__(self, path: str, message: str, content_type: str) -> None:
        super().__init__(path, message)
        self.path = path
        self.message = message
        self.content_type = content_type

    def __str__(self) -> str:
        return f"{self.path} does not compile:\n{self.message}"

    @property
    def comment(self) -> bytes:
        """The message as a comment of CSS or JavaScript, which it cannot end."""
        return f"/*\n{self.message.replace('*/', '* /')}\n*/\n".encode()


@dataclass(frozen=True)
class Compiled:
    """A compiled file and every file that it was made of."""

    blob: Blob
    files: Mapping[str, Stamp]


class Compilers(Service):
    """Compiles files and remembers the results until one of the files that they were made of changes.

    :param root: the app's folder, where (and above which) a ``node_modules`` may be.
    :param threads: where files are looked for.
    :param debug: readable output, with source maps.
    :param timeout: seconds that one compilation may take.
    :param most: how many results are kept.
    """

    name = "compilers"

    def __init__(
        self,
        reactor: Any,
        root: Path,
        threads: Any,
        *,
        debug: bool = False,
        timeout: float = 30,
        most: int = 200,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.debug = debug
        self.timeout = timeout
        self.most = most
        self._reactor = reactor
        self._threads = threads
        self._environ = os.environ if environ is None else environ
        self._compiled: OrderedDict[tuple[str, str], Compiled] = OrderedDict()
        self._waiting: dict[tuple[str, str], list[Deferred[Blob]]] = {}
        self._running: set[Program] = set()
        self._turn = DeferredSemaphore(AT_ONCE)
        self._stopped = False

    async def compile(self, kind: str, path: str) -> Blob:
        """What the file ``path`` compiles to. ``kind`` is ``sass``, ``scss`` or ``ts``.

        :raises CompileError: with the compiler's message.
        :raises HTTPError: 500 when the compiler is not installed or takes too long.
        """
        key = kind, path
        found = self._compiled.get(key)
        if found is not None and not changed(found.files):
            self._compiled.move_to_end(key)
            return found.blob
        waiting = self._waiting.get(key)
        if waiting is not None:  # somebody else's request is compiling it
            deferred: Deferred[Blob] = Deferred()
            waiting.append(deferred)
            return await deferred
        self._waiting[key] = []
        try:
            blob = await self._compile(kind, path)
        except Exception as error:
            for waiter in self._waiting.pop(key):
                waiter.errback(error)
            raise
        for waiter in self._waiting.pop(key):
            waiter.callback(blob)
        return blob

    async def _compile(self, kind: str, path: str) -> Blob:
        package, content_type = KINDS[kind]
        tool, modules = await self._threads.run(self._find, package)
        if tool is None:
            log.error("{path}: {package} is not installed; run: npm install {package}", path=path, package=package)
            raise HTTPError(500, f"{package} is not installed on the server; run: npm install {package}")
        command = _sass(tool, path, modules, self.debug) if package == "sass" else _esbuild(tool, path, self.debug)
        began = time.time_ns()
        result = await self._run(command, path)
        if result.code != 0:
            raise CompileError(path, _message(result), content_type)
        if result.errors and self.debug:
            log.warn("{path}: {warnings}", path=path, warnings=_message(result))
        output, sources = _sources(result.output, self.debug) if package == "sass" else (result.output, [])
        blob = Blob(output, content_type)
        files = await self._threads.run(_stamps, [path, *sources, *_configs(path, package)])
        # What was saved while the compiler was reading may or may not be in its output: compile it again next time.
        if all(seen[0] < began for seen in files.values()):
            self._keep((kind, path), Compiled(blob, files))
        return blob

    def _find(self, package: str) -> tuple[list[str] | None, list[Path]]:
        folders = list(module_folders(self.root, self._environ))
        return find_tool(package, self.root, self._environ), folders

    async def _run(self, command: Sequence[str], path: str) -> Finished:
        await self._turn.acquire()
        try:
            if self._stopped:
                raise HTTPError(503, "the server is stopping")
            program = run(self._reactor, command, timeout=self.timeout, folder=os.path.dirname(path))
            self._running.add(program)
            try:
                return await program.done
            except ProgramTimeoutError:
                log.error("{path}: compiling took over {seconds} s", path=path, seconds=self.timeout)
                name = os.path.basename(path)
                raise HTTPError(500, f"{name}: compiling took over {self.timeout:g} s") from None
            finally:
                self._running.discard(program)
        finally:
            self._turn.release()

    def _keep(self, key: tuple[str, str], compiled: Compiled) -> None:
        self._compiled[key] = compiled
        self._compiled.move_to_end(key)
        while len(self._compiled) > self.most:
            self._compiled.popitem(last=False)

    def stopService(self) -> Deferred[Any]:
        """Kill the compilers that run, and wait until they are gone."""
        super().stopService()
        self._stopped = True
        ended: list[Deferred[Any]] = []
        for program in list(self._running):
            gone: Deferred[None] = Deferred()
            program.done.addBoth(_tell, gone)
            program.kill()
            ended.append(gone)
        return gatherResults(ended)


def _tell(result: Any, gone: Deferred[None]) -> Any:
    gone.callback(None)
    return result


def _sass(tool: Sequence[str], path: str, modules: Sequence[Path], debug: bool) -> list[str]:
    style = "expanded" if debug else "compressed"
    # The source map is where sass says what was imported.
    flags = ["--no-color", "--no-error-css", "--quiet-deps", "--embed-source-map", "--embed-sources"]
    flags += [f"--style={style}", "--source-map-urls=absolute", "--pkg-importer=node"]
    return [*tool, *flags, *(f"--load-path={folder}" for folder in (*modules, UI)), path]


def _esbuild(tool: Sequence[str], path: str, debug: bool) -> list[str]:
    flags = ["--color=false", "--charset=utf8", "--log-level=warning"]
    return [*tool, path, *flags, *(["--sourcemap=inline"] if debug else [])]


def _configs(path: str, package: str) -> list[str]:
    """The tsconfig.json that esbuild takes into account."""
    if package != "esbuild":
        return []
    found = (os.path.join(folder, "tsconfig.json") for folder in Path(path).parents)
    return [next((file for file in found if os.path.isfile(file)), path)]


def _sources(output: bytes, keep_map: bool) -> tuple[bytes, list[str]]:
    """The CSS, without the source map unless ``keep_map``, and the files that the map names."""
    found = _SOURCE_MAP.search(output)
    if found is None:
        return output, []
    kind, _, data = found[1].partition(b",")
    text = b64decode(data) if kind == b";base64" else unquote(data.decode("ascii")).encode()
    urls = [urlsplit(url) for url in json.loads(text)["sources"]]
    return (
        output if keep_map else output[: found.start()] + b"\n",
        [unquote(url.path) for url in urls if url.scheme == "file"],
    )


def _stamps(paths: Sequence[str]) -> dict[str, Stamp]:
    return {path: stamp(path) for path in paths}


def _message(result: Finished) -> str:
    text = (result.errors or result.output).decode("utf-8", "replace").strip()
    return text or (f"the compiler ended with code {result.code}" if result.code else "the compiler was killed")
