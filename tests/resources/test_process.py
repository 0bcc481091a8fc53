"""ProcessHandler, with real processes on a real port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from tests.live import LiveCase
from tests.servers import runs

reactor: Any = installed

PRINTS = """
import os, sys
print("out", os.getcwd(), os.environ.get("COLOUR"), os.environ.get("NOTIFY_SOCKET"), *sys.argv[1:], flush=True)
print("err", file=sys.stderr, flush=True)
"""
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(600)
"""


def children() -> set[str]:
    """Processes that this one has started and not yet waited for, those that have ended too."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


async def until(condition: Any, seconds: float = 60) -> None:
    """Wait until ``condition()`` holds."""
    deadline = reactor.seconds() + seconds
    while not condition():
        assert reactor.seconds() < deadline, "it did not happen"
        waiting: Deferred[None] = Deferred()
        reactor.callLater(0.02, waiting.callback, None)
        await waiting


class ProcessCase(LiveCase):
    timeout = 120
    files = {"prints.py": PRINTS, "stubborn.py": STUBBORN, "sub/here.txt": "here"}
    config = """
    app: {settings: {xsrf_cookies: false}, session: {type: memory}}
    handlers: {ProcessHandler: {env: {PY: PYTHON}}}
    url:
      list: {pattern: /list, handler: ProcessHandler, kwargs: {args: [PYTHON, prints.py, 'a b', '{}', 7]}}
      text: {pattern: /text, handler: ProcessHandler, kwargs: {args: "echo one 'two three'"}}
      shell: {pattern: /shell, handler: ProcessHandler, kwargs: {shell: true, args: 'cat *.txt | tr a-z A-Z', cwd: sub}}
      value:
        pattern: /value
        handler: ProcessHandler
        kwargs: {args: [printf, '%s|', 'x={handler.args[x][0]}', -n]}
      quoted:
        pattern: /quoted
        handler: ProcessHandler
        kwargs: {shell: true, args: "printf '%s|' {handler.args[x][0]} end"}
      env:
        pattern: /env
        handler: ProcessHandler
        kwargs: {args: [PYTHON, prints.py], cwd: ., env: {COLOUR: red}, headers: {Content-Type: text/plain}}
      quiet: {pattern: /quiet, handler: ProcessHandler, kwargs: {args: [PYTHON, prints.py], stdout: false}}
      noerr: {pattern: /noerr, handler: ProcessHandler, kwargs: {args: [PYTHON, prints.py], stderr: false}}
      files:
        pattern: /files
        handler: ProcessHandler
        kwargs: {args: 'echo x >&2; echo y', shell: true, stdout: [pipe, both.txt], stderr: [both.txt, errors.txt]}
      nofile: {pattern: /nofile, handler: ProcessHandler, kwargs: {args: [echo], stdout: no/such/file}}
      nothing: {pattern: /nothing, handler: ProcessHandler, kwargs: {args: ['true']}}
      fails: {pattern: /fails, handler: ProcessHandler, kwargs: {args: ['false']}}
      missing: {pattern: /missing, handler: ProcessHandler, kwargs: {args: [no-such-program]}}
      folder: {pattern: /folder, handler: ProcessHandler, kwargs: {args: [echo], cwd: no/such}}
      notexec: {pattern: /notexec, handler: ProcessHandler, kwargs: {args: [./prints.py]}}
      lines:
        pattern: /lines
        handler: ProcessHandler
        kwargs: {args: 'printf a; sleep 0.2; printf "b\\nc"; sleep 0.2; printf d', shell: true, buffer: line}
      slow: {pattern: /slow, handler: ProcessHandler, kwargs: {args: [sleep, 600], timeout: 0.3}}
      begun: {pattern: /begun, handler: ProcessHandler, kwargs: {args: 'echo x; sleep 600', shell: true, timeout: 1}}
      stubborn: {pattern: /stubborn, handler: ProcessHandler, kwargs: {args: [PYTHON, stubborn.py]}}
      group: {pattern: /group, handler: ProcessHandler, kwargs: {args: 'sleep 600 & echo $!; wait', shell: true}}
      daemon:
        pattern: /daemon
        handler: ProcessHandler
        kwargs: {args: 'setsid sleep 600 & echo $!', shell: true}
      left:
        pattern: /left
        handler: ProcessHandler
        kwargs: {args: 'sleep 600 >/dev/null 2>&1 & echo $!', shell: true}
      much: {pattern: /much, handler: ProcessHandler, kwargs: {args: [head, -c, 30000000, /dev/zero]}}
      endless: {pattern: /endless, handler: ProcessHandler, kwargs: {args: ['yes']}}
      cat: {pattern: /cat, handler: ProcessHandler, kwargs: {args: [cat], stdin: body, max_body_size: 50000000}}
      head: {pattern: /head, handler: ProcessHandler, kwargs: {args: [head, -c, 3], stdin: body}}
      next:
        pattern: /next
        handler: ProcessHandler
        kwargs: {args: [touch, done.txt], redirect: /list}
    """.replace("PYTHON", sys.executable)

    @property
    def running(self) -> int:
        """Programs that run."""
        from gramex_twisted.services.processes import Processes

        return self.gramex.shared.part(Processes).count

    async def text(self, path: str) -> str:
        return (await self.get(path)).text

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port.getHost().port}{path}"

    async def curl(self, *arguments: str) -> bytes:
        """What curl prints."""
        done = await deferToThread(
            subprocess.run, ["curl", "-sS", "--max-time", "90", *arguments], check=False, capture_output=True
        )
        self.assertEqual(done.stderr, b"")
        output: bytes = done.stdout
        return output

    async def post(self, path: str, data: bytes) -> bytes:
        file = self.folder / "body"
        file.write_bytes(data)
        return await self.curl("--data-binary", f"@{file}", self.url(path))

    def connect(self, path: str) -> socket.socket:
        """A client that has asked and not read."""
        client = socket.create_connection(("127.0.0.1", self.port.getHost().port), 60)
        self.addCleanup(client.close)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return client


class OutputTests(ProcessCase):
    async def test_a_list_is_run_as_it_is(self) -> None:
        out, err, _ = (await self.text("/list")).split("\n")
        self.assertEqual((out, err), (f"out {self.folder} None None a b {{}} 7", "err"))

    async def test_text_is_split_or_given_to_the_shell(self) -> None:
        self.assertEqual(await self.text("/text"), "one two three\n")
        self.assertEqual(await self.text("/shell"), "HERE")

    async def test_a_value_of_the_request_stays_in_its_argument(self) -> None:
        self.assertEqual(await self.text("/value?x=a+b;ls+*"), "x=a b;ls *|-n|")
        self.assertEqual(await self.text("/value?x={handler.args}"), "x={handler.args}|-n|")
        self.assertEqual(await self.text("/quoted?x=a'+b;+echo+$HOME+`id`"), "a' b; echo $HOME `id`|end|")

    async def test_a_value_that_is_not_there_is_400(self) -> None:
        response = await self.get("/value")
        self.assertEqual((response.status, response.json()["error"]), (400, "the request has no args[x][0]"))

    async def test_environment_and_headers(self) -> None:
        os.environ["NOTIFY_SOCKET"] = "/private"
        self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
        response = await self.get("/env")
        self.assertEqual(response.text.split("\n")[0], f"out {self.folder} red None")
        self.assertEqual(response.headers["content-type"], "text/plain")
        self.assertEqual((await self.get("/text")).headers["content-type"], "text/html; charset=UTF-8")

    async def test_streams_may_be_dropped_or_go_to_files(self) -> None:
        self.assertEqual(await self.text("/quiet"), "err\n")
        self.assertTrue((await self.text("/noerr")).endswith("None None\n"))
        self.assertEqual(await self.text("/files"), "y\n")
        self.assertEqual(sorted((self.folder / "both.txt").read_text().split()), ["x", "y"])
        self.assertEqual((self.folder / "errors.txt").read_text(), "x\n")

    async def test_a_program_that_prints_nothing(self) -> None:
        for path in ("/nothing", "/fails"):
            response = await self.get(path)
            self.assertEqual((response.status, response.text), (200, ""))

    async def test_whole_lines(self) -> None:
        client = await deferToThread(self.connect, "/lines")

        def read() -> bytes:
            data = b""
            while not data.endswith(b"0\r\n\r\n"):
                data += client.recv(1000)
            return data

        body = (await deferToThread(read)).partition(b"\r\n\r\n")[2]
        self.assertEqual(body, b"3\r\nab\n\r\n2\r\ncd\r\n0\r\n\r\n")

    async def test_head_runs_nothing(self) -> None:
        self.assertTrue((await self.curl("-I", self.url("/endless"))).startswith(b"HTTP/1.1 200 OK"))
        self.assertEqual(self.running, 0)

    async def test_redirect_after_the_end(self) -> None:
        response = await self.get("/next")
        self.assertEqual((response.status, response.headers["location"]), (302, "/list"))
        self.assertTrue((self.folder / "done.txt").exists())


class FailureTests(ProcessCase):
    async def test_what_cannot_be_started_is_500_before_the_first_byte(self) -> None:
        for path in ("/missing", "/folder", "/notexec", "/nofile"):
            response = await self.get(path)
            self.assertEqual(response.status, 500, path)
            self.assertIn("the program cannot be started", response.text)
            self.assertNotIn("no-such", response.text)

    async def test_a_deadline_is_504(self) -> None:
        response = await self.get("/slow")
        self.assertEqual((response.status, response.json()["error"]), (504, "the program took longer than 0.3 s"))
        await until(lambda: not self.running)

    async def test_a_deadline_after_the_first_byte_cuts_the_response_off(self) -> None:
        with self.assertRaises(Exception):  # noqa: B017 - which one depends on treq
            await self.get("/begun")
        await until(lambda: not self.running)

    async def test_a_client_that_leaves_ends_the_group(self) -> None:
        client = await deferToThread(self.connect, "/group")
        head = await deferToThread(client.recv, 10_000)
        if head.endswith(b"\r\n\r\n"):
            head += await deferToThread(client.recv, 10_000)
        pid = int(head.split(b"\r\n")[-2])
        self.assertTrue(runs(pid))
        client.close()
        await until(lambda: not runs(pid) and not self.running)

    async def test_one_that_ignores_term_is_killed(self) -> None:
        client = await deferToThread(self.connect, "/stubborn")
        head = await deferToThread(client.recv, 10_000)
        if head.endswith(b"\r\n\r\n"):
            head += await deferToThread(client.recv, 10_000)
        pid = int(head.split(b"\r\n")[-2])
        client.close()
        await until(lambda: not runs(pid) and not self.running)

    async def test_a_daemon_that_holds_the_pipe_does_not_hold_the_response(self) -> None:
        pid = int(await self.text("/daemon"))
        self.assertTrue(runs(pid))
        os.kill(pid, signal.SIGKILL)

    async def test_what_a_program_leaves_in_its_group_ends_with_it(self) -> None:
        pid = int(await self.text("/left"))
        await until(lambda: not runs(pid) and not self.running)

    async def test_programs_end_with_the_app(self) -> None:
        client = await deferToThread(self.connect, "/stubborn")
        await deferToThread(client.recv, 10_000)
        self.assertEqual(self.running, 1)
        client.close()


class PaceTests(ProcessCase):
    async def test_much_output_is_whole(self) -> None:
        self.assertEqual(await self.curl(self.url("/much")), b"\0" * 30_000_000)

    async def test_a_client_that_does_not_read_stops_the_program(self) -> None:
        client = await deferToThread(self.connect, "/endless")

        def used() -> int:
            from gramex_twisted.services.processes import Processes

            [child] = self.gramex.shared.part(Processes)._children
            fields = Path(f"/proc/{child.transport.pid}/io").read_text().split()
            return int(fields[fields.index("wchar:") + 1])

        await until(lambda: self.running == 1)
        seen, still = -1, 0
        while still < 10:
            now = used()
            still = still + 1 if now == seen and now else 0
            seen = now
            waiting: Deferred[None] = Deferred()
            reactor.callLater(0.1, waiting.callback, None)
            await waiting
        self.assertLess(seen, 50_000_000)
        client.close()
        await until(lambda: not self.running)

    async def test_the_body_is_read_by_the_program(self) -> None:
        data = os.urandom(1 << 20) * 20
        self.assertEqual(await self.post("/cat", data), data)
        self.assertEqual(await self.post("/cat", b""), b"")
        self.assertEqual(await self.post("/head", b"abcdef"), b"abc")

    async def test_a_program_may_read_less_than_it_is_sent(self) -> None:
        def send() -> bytes:
            with socket.create_connection(("127.0.0.1", self.port.getHost().port), 60) as client:
                client.sendall(b"POST /head HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n" + b"x" * 100_000)
                data = b""
                while not data.endswith(b"0\r\n\r\n"):
                    data += client.recv(10_000)
                return data

        self.assertIn(b"\r\n\r\n3\r\nxxx\r\n0\r\n\r\n", await deferToThread(send))
        await until(lambda: not self.running)

    async def test_a_hundred_at_once_and_no_zombie_after_a_thousand(self) -> None:
        before = children()  # of other tests in this process
        for _ in range(10):
            texts = await gatherResults([Deferred.fromCoroutine(self.text("/text")) for _ in range(100)])
            self.assertEqual(set(texts), {"one two three\n"})
        await until(lambda: not self.running)
        self.assertEqual(children() - before, set())
