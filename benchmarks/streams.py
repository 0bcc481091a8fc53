"""What programs, JSON documents and uploads cost."""

from __future__ import annotations

import http.client
import shutil
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import memory
from benchmarks.contestants import GRAMEX, OURS
from benchmarks.figures import Figure, Goal
from benchmarks.load import load
from benchmarks.server import Server
from benchmarks.turns import in_turn
from benchmarks.workspace import APPS, MEGABYTE

if TYPE_CHECKING:
    from benchmarks.bench import Bench

PIPE, SINK = "ProcessProtocol", "sink"
OUTPUT, UPLOAD = 50_000_000, 1_000_000_000
#: As browsers make them. A shorter one costs more to look for: bytes that cannot be its last are skipped by its length.
BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"
WRITERS = 8
LINES = "import time\ntime.sleep(0.3)\nfor _ in range(20):\n    print(time.time(), flush=True)\n    time.sleep(0.02)\n"
CONFIG = f"""
app: {{settings: {{xsrf_cookies: false}}}}
url:
  ready: {{pattern: /ready, handler: FunctionHandler, kwargs: {{function: str("ready")}}}}
  head: {{pattern: /head, handler: ProcessHandler, kwargs: {{args: [head, -c, {OUTPUT}, /dev/zero]}}}}
  lines: {{pattern: /lines, handler: ProcessHandler, kwargs: {{args: [{sys.executable}, lines.py], buffer: line}}}}
  json: {{pattern: /json/(.*), handler: JSONHandler, kwargs: {{path: store.json}}}}
  upload: {{pattern: /upload, handler: UploadHandler, kwargs: {{path: files, max_body_size: 2000000000}}}}
"""


def _folder(bench: Bench, name: str) -> Path:
    folder = bench.folder / name
    folder.mkdir()
    (folder / "gramex.yaml").write_text(CONFIG)
    (folder / "lines.py").write_text(LINES)
    (folder / "store.json").write_text('{"a":{"b":[1,2,3]},"text":"' + "x" * 1000 + '"}')
    for app in ("bare_process.py", "sink.py"):
        shutil.copy(APPS / app, folder)
    return folder


def _app(name: str, ready: str, folder: Path) -> Server:
    return Server(lambda folder, port: [sys.executable, str(folder / name), "--port", str(port)], folder, ready, {})


def _exchange(port: int, head: str, parts: list[bytes], pause: float = 0.0) -> tuple[bytes, float]:
    """The begin and the seconds of a response, read to the end of its connection, 64 KB at a time."""
    begin = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=300) as sock:
        sock.sendall(head.encode())
        for part in parts:
            sock.sendall(part)
        begun, buffer = b"", bytearray(1 << 16 if pause else 1 << 20)
        while sock.recv_into(buffer):
            begun = begun or bytes(buffer[:12])
            time.sleep(pause)
    if begun != b"HTTP/1.1 200":
        raise RuntimeError(f"{head.splitlines()[0]}: {begun!r}")
    return begun, time.perf_counter() - begin


def _get(path: str) -> str:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def process(bench: Bench) -> list[Figure]:
    """50 MB of a program's output; how much a client of 1 MB/s makes the process grow; how late a line comes."""
    with ExitStack() as stack:
        folder = _folder(bench, "process")
        ours = stack.enter_context(bench.contestants.server(OURS, folder, "/ready"))
        bare = stack.enter_context(_app("bare_process.py", "/", folder))
        ports = {OURS: ours.port, PIPE: bare.port}

        def throughput(name: str) -> float:
            return OUTPUT / MEGABYTE / _exchange(ports[name], _get("/head" if name == OURS else "/"), [])[1]

        for name in ports:
            throughput(name)
        samples = in_turn(list(ports), bench.rounds, throughput)
        before = memory.resident(ours.pid)
        memory.reset_peak(ours.pid)
        _slowly(ours.port, "/head", 8.0)
        growth = (memory.peak(ours.pid) - before) / MEGABYTE
        late = [_lateness(ours.port) for _ in range(bench.rounds)]
    return [
        Figure("process, 50 MB", "MB/s", samples, [Goal(0.8, PIPE)]),
        Figure("process, a client at 1 MB/s: memory growth", "MB", {OURS: [growth]}, [Goal(10, at_most=True)]),
        Figure("process, a line: printed to received", "ms", {OURS: late}, [Goal(10, at_most=True)]),
    ]


def _slowly(port: int, path: str, seconds: float) -> None:
    """Read about 1 MB a second, then leave."""
    until = time.perf_counter() + seconds
    with socket.create_connection(("127.0.0.1", port), timeout=300) as sock:
        sock.sendall(_get(path).encode())
        while time.perf_counter() < until:
            sock.recv(100_000)
            time.sleep(0.1)


def _lateness(port: int) -> float:
    """The median of the milliseconds from printing a line to receiving it."""
    late: list[float] = []
    with socket.create_connection(("127.0.0.1", port), timeout=300) as sock:
        sock.sendall(_get("/lines").encode())
        while data := sock.recv(10_000):
            now = time.time()
            late += [(now - float(line)) * 1000 for line in data.split() if line.startswith(b"1") and b"." in line]
    return sorted(late)[len(late) // 2]


def json_documents(bench: Bench) -> list[Figure]:
    """GET and PUT of a place in a JSON file. Gramex does not fsync."""
    with ExitStack() as stack:
        folders = {name: _folder(bench, f"json-{name}") for name in bench.contestants.among(OURS, GRAMEX)}
        for name, folder in folders.items():
            if name == GRAMEX:  # it has no other handlers of these names
                text = (folder / "gramex.yaml").read_text()
                kept = [line for line in text.splitlines() if "/lines" not in line and "/upload" not in line]
                (folder / "gramex.yaml").write_text("\n".join(kept))
        servers = {
            name: stack.enter_context(bench.contestants.server(name, folder, "/json/a"))
            for name, folder in folders.items()
        }
        reads = in_turn(
            list(servers), bench.rounds, lambda name: load(servers[name].url("/json/a"), bench.seconds).rate
        )
        writes = in_turn(list(servers), bench.rounds, lambda name: _puts(servers[name].port, bench.seconds))
    return [
        Figure("JSON: GET", "requests/s", reads, [Goal(4, GRAMEX)]),
        Figure("JSON: PUT, 8 writers", "requests/s", writes, [Goal(1.5, GRAMEX)]),
    ]


def _puts(port: int, seconds: float) -> float:
    """PUTs a second, by 8 clients at once, each at a key of its own."""
    until = time.perf_counter() + seconds

    def writer(number: int) -> int:
        connection, count = http.client.HTTPConnection("127.0.0.1", port, timeout=60), 0
        while time.perf_counter() < until:
            connection.request("PUT", f"/json/k{number}", body=str(count))
            response = connection.getresponse()
            if response.status != 200 or response.read() != str(count).encode():
                raise RuntimeError(f"PUT: {response.status}")
            count += 1
        connection.close()
        return count

    with ThreadPoolExecutor(WRITERS) as pool:
        return sum(pool.map(writer, range(WRITERS))) / seconds


def upload(bench: Bench) -> list[Figure]:
    """1 GB in a form, beside a protocol that writes what it gets to a file."""
    with ExitStack() as stack:
        folder = _folder(bench, "upload")
        ours = stack.enter_context(bench.contestants.server(OURS, folder, "/ready"))
        sink = stack.enter_context(_app("sink.py", "/", folder))
        ports = {OURS: ours.port, SINK: sink.port}
        growth: list[float] = []
        block = bytes(1 << 20)
        parts = [block] * (UPLOAD // len(block)) + [block[: UPLOAD % len(block)]]
        begin = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n' % BOUNDARY
        body = [begin, *parts, b"\r\n--%s--\r\n" % BOUNDARY]
        length = sum(map(len, body))

        def throughput(name: str) -> float:
            head = (
                f"POST /upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n"
                f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n\r\n"
            )
            before = memory.resident(ours.pid)
            memory.reset_peak(ours.pid)
            seconds = _exchange(ports[name], head, body)[1]
            if name == OURS:
                growth.append((memory.peak(ours.pid) - before) / MEGABYTE)
            for file in (*(folder / "files").glob("big*"), folder / "sink.bin"):
                file.unlink(missing_ok=True)
            return length / MEGABYTE / seconds

        samples = in_turn(list(ports), bench.rounds, throughput)
    return [
        Figure("upload, 1 GB", "MB/s", samples, [Goal(0.7, SINK)]),
        Figure("upload, 1 GB: memory growth", "MB", {OURS: [max(growth)]}, [Goal(30, at_most=True)]),
    ]
