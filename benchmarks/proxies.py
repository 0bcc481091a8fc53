"""What proxying costs: a small response beside the upstream itself, nginx and Gramex; 1 GB beside treq alone."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import memory
from benchmarks.contestants import BARE, GRAMEX, OURS, bare
from benchmarks.figures import Figure, Goal
from benchmarks.load import fetch, load
from benchmarks.server import Command, Server
from benchmarks.turns import in_turn
from benchmarks.workspace import APPS, MEGABYTE

if TYPE_CHECKING:
    from benchmarks.bench import Bench

WARM_UP = 1.0
NGINX, TREQ, FORWARDER = "nginx", "treq", "twisted's portforward"
SIZE = 1_000_000_000
CONFIG = """
url:
  proxy:
    pattern: /up/(.*)
    handler: ProxyHandler
    kwargs: {{url: 'http://127.0.0.1:{port}/{{0}}', max_body_size: 2000000000, xsrf_cookies: false}}
"""
NGINX_CONFIG = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log;
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 1000000000;
    location /up/ {{ proxy_pass http://up/; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


def proxy_folder(parent: Path, name: str, upstream: Server) -> Path:
    """A folder whose app passes ``/up/...`` to ``upstream``."""
    folder = parent / name
    folder.mkdir()
    (folder / "gramex.yaml").write_text(CONFIG.format(port=upstream.port))
    return folder


def nginx(folder: Path, upstream: Server) -> Server:
    """nginx in the same place, with one worker and its access log on."""

    def command(folder: Path, port: int) -> list[str]:
        text = NGINX_CONFIG.format(folder=folder, upstream=upstream.port, port=port)
        (folder / "nginx.conf").write_text(text)
        return ["nginx", "-e", str(folder / "nginx.log"), "-c", str(folder / "nginx.conf")]

    return Server(command, folder, "/up/function", {})


def small(bench: Bench) -> list[Figure]:
    """`/function` of the bare resource, asked for directly and through proxies."""
    with ExitStack() as stack:
        upstream = stack.enter_context(Server(bare, _folder(bench.folder, "bare"), "/function", {}))
        folder = proxy_folder(bench.folder, "proxy", upstream)
        urls = {BARE: upstream.url("/function")}
        for name in bench.contestants.among(OURS, GRAMEX):
            server = stack.enter_context(bench.contestants.server(name, folder, "/up/function"))
            urls[name] = server.url("/up/function")
        if shutil.which("nginx"):
            urls[NGINX] = stack.enter_context(nginx(folder, upstream)).url("/up/function")
        bodies = {fetch(url) for url in urls.values()}
        if bodies != {b"hello"}:
            raise RuntimeError(f"the proxies give different bodies: {bodies}")
        for url in urls.values():
            load(url, WARM_UP)
        samples = in_turn(list(urls), bench.rounds, lambda name: load(urls[name], bench.seconds).rate)
    return [Figure("proxy, 5 bytes", "requests/s", samples, [Goal(0.5, BARE), Goal(3, GRAMEX), Goal(0.6, NGINX)])]


def _folder(parent: Path, app: str) -> Path:
    """A folder with one of the apps."""
    folder = parent / app
    folder.mkdir()
    shutil.copy(APPS / f"{app}.py", folder)
    return folder


def big(bench: Bench) -> list[Figure]:
    """1 GB down and up, beside treq alone and a forwarder that knows no HTTP; and what it adds to our memory."""
    figures = []
    with ExitStack() as stack:
        upstream = stack.enter_context(Server(_upstream, _folder(bench.folder, "upstream"), "/", {}))
        folder = proxy_folder(bench.folder, "proxy1g", upstream)
        ours = stack.enter_context(bench.contestants.server(OURS, folder, "/up/"))
        forwarder = stack.enter_context(Server(_forwarder(upstream), _folder(bench.folder, "forward"), "/", {}))
        for method in ("get", "put"):
            growth: list[float] = []

            def throughput(name: str, method: str = method, growth: list[float] = growth) -> float:
                if name == TREQ:
                    return SIZE / MEGABYTE / treq_alone(method, upstream.url("/1g"))
                if name == FORWARDER:
                    return SIZE / MEGABYTE / plain_client(method, forwarder.port, "/1g")
                before = memory.resident(ours.pid)
                memory.reset_peak(ours.pid)
                seconds = plain_client(method, ours.port, "/up/1g")
                growth.append((memory.peak(ours.pid) - before) / MEGABYTE)
                return SIZE / MEGABYTE / seconds

            samples = in_turn([OURS, TREQ, FORWARDER], bench.rounds, throughput)
            name = f"proxy, 1 GB {'down' if method == 'get' else 'up'}"
            figures.append(Figure(name, "MB/s", samples, [Goal(0.7, TREQ), Goal(0.8, FORWARDER)]))
            figures.append(Figure(f"{name}: memory growth", "MB", {OURS: [max(growth)]}, [Goal(30, at_most=True)]))
    return figures


def _upstream(folder: Path, port: int) -> list[str]:
    return [sys.executable, str(folder / "upstream.py"), "--port", str(port)]


def _forwarder(upstream: Server) -> Command:
    return lambda folder, port: [
        sys.executable,
        str(folder / "forward.py"),
        "--port",
        str(port),
        "--to",
        str(upstream.port),
    ]


def treq_alone(method: str, url: str) -> float:
    """The seconds that treq takes for 1 GB."""
    command = [sys.executable, str(APPS / "treq_alone.py"), method, url]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout)


def plain_client(method: str, port: int, path: str) -> float:
    """The seconds that 1 GB takes, with a client that costs next to nothing."""
    block = bytes(1 << 18)
    begin = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=300) as sock:
        length = f"Content-Length: {SIZE}\r\n" if method == "put" else ""
        head = f"{method.upper()} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{length}\r\n"
        sock.sendall(head.encode())
        left = SIZE if method == "put" else 0
        while left:
            piece = block[:left]
            sock.sendall(piece)
            left -= len(piece)
        buffer = bytearray(1 << 20)
        received, begun = 0, b""
        while size := sock.recv_into(buffer):
            begun = begun or bytes(buffer[:12])
            received += size
    if begun != b"HTTP/1.1 200" or (method == "get" and received < SIZE):
        raise RuntimeError(f"{method} {path}: {begun!r}, {received} bytes")
    return time.perf_counter() - begin
