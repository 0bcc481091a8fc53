"""The cases: each runs its contestants and returns figures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks import memory, tables
from benchmarks.admin import admin
from benchmarks.apis import beside_lists, option_parsing
from benchmarks.apis import echo as api_echo
from benchmarks.bench import Bench, Case
from benchmarks.compat import coroutines
from benchmarks.contestants import BARE, GRAMEX, OURS, TORNADO, twist_web
from benchmarks.figures import Figure, Goal
from benchmarks.guarded import guarded, log_ins
from benchmarks.load import fetch, load
from benchmarks.proxies import big as proxy_big
from benchmarks.proxies import small as proxy_small
from benchmarks.server import Server
from benchmarks.sleepers import Sleepers
from benchmarks.streams import json_documents, process, upload
from benchmarks.turns import in_turn
from benchmarks.websockets import echo, idle
from benchmarks.workspace import MEGABYTE, app_folder, routes_folder

EVERYONE = (OURS, BARE, TORNADO, GRAMEX)
WARM_UP = 1.0
"""Seconds of load before the first round, which are not counted."""


def started(bench: Bench, stack: ExitStack, names: list[str], folder: Path, path: str) -> dict[str, Server]:
    """One running and warmed-up server for each of ``names``, stopped when ``stack`` unwinds.

    RuntimeError unless they all answer ``path`` with the same body, white space aside.
    """
    servers = {name: stack.enter_context(bench.contestants.server(name, folder, path)) for name in names}
    bodies = {b"".join(fetch(server.url(path)).split()) for server in servers.values()}
    if len(bodies) > 1 or b"" in bodies:
        raise RuntimeError(f"the servers give different bodies for {path}: {sorted(bodies)}")
    for server in servers.values():
        load(server.url(path), WARM_UP)
    return servers


def _rate(seconds: float, url: str) -> float:
    return load(url, seconds).rate


def rate(path: str, names: tuple[str, ...], *goals: Goal) -> Case:
    """A case that counts how many requests for ``path`` are answered in a second."""

    def case(bench: Bench) -> list[Figure]:
        with ExitStack() as stack:
            servers = started(bench, stack, bench.contestants.among(*names), app_folder(bench.folder), path)
            samples = in_turn(
                list(servers), bench.rounds, lambda name: load(servers[name].url(path), bench.seconds).rate
            )
        return [Figure(path, "requests/s", samples, goals)]

    return case


def coroutine(bench: Bench) -> list[Figure]:
    """`/async` against the bare resource's `/function`. Not Gramex: it drops what an `async def` returns."""
    with ExitStack() as stack:
        folder = app_folder(bench.folder)
        servers = started(bench, stack, bench.contestants.among(OURS, TORNADO), folder, "/async")
        servers |= started(bench, stack, bench.contestants.among(BARE), folder, "/function")
        paths = {name: "/function" if name == BARE else "/async" for name in servers}
        samples = in_turn(
            list(servers), bench.rounds, lambda name: load(servers[name].url(paths[name]), bench.seconds).rate
        )
    return [Figure("/async", "requests/s", samples, [Goal(0.65, BARE)])]


def routes(bench: Bench) -> list[Figure]:
    """The last of 10,000 literal routes against the last of 10."""
    few, many = routes_folder(bench.folder, 10), routes_folder(bench.folder, 10_000)
    shares: dict[str, list[float]] = {}
    for contestant in bench.contestants.among(OURS, GRAMEX):
        with ExitStack() as stack:
            small = started(bench, stack, [contestant], few, "/route/9")[contestant]
            large = started(bench, stack, [contestant], many, "/route/9999")[contestant]
            few_url, many_url = small.url("/route/9"), large.url("/route/9999")
            rates = in_turn([few_url, many_url], bench.rounds, partial(_rate, bench.seconds))
            shares[contestant] = [m / f for m, f in zip(rates[many_url], rates[few_url], strict=True)]
    return [Figure("10,000 literal routes: 10", "of the rate", shares, [Goal(0.95)])]


def big_file(bench: Bench) -> list[Figure]:
    """Throughput of a 200 MB file over 4 connections, and what serving it adds to the memory."""
    path, connections = "/file200m", 4
    growth: dict[str, list[float]] = {}
    with ExitStack() as stack:
        folder = app_folder(bench.folder)
        names = bench.contestants.among(*EVERYONE)
        servers = {name: stack.enter_context(bench.contestants.server(name, folder, "/file10k")) for name in names}

        def throughput(name: str) -> float:
            server = servers[name]
            before = memory.resident(server.pid)
            memory.reset_peak(server.pid)
            rate = load(server.url(path), bench.seconds, connections).throughput
            growth.setdefault(name, []).append((memory.peak(server.pid) - before) / MEGABYTE)
            return rate / MEGABYTE

        samples = in_turn(names, bench.rounds, throughput)
    most = {name: [max(values)] for name, values in growth.items()}
    return [
        Figure(path, "MB/s", samples, [Goal(0.9, BARE)]),
        Figure(f"{path}: memory growth", "MB", most, [Goal(20, at_most=True)]),
    ]


def start(bench: Bench) -> list[Figure]:
    """From starting the process to its first response, and its idle memory then. twisted.web is `twist web` here."""
    folder = app_folder(bench.folder)
    idle: dict[str, list[float]] = {}

    def begin(name: str) -> float:
        command, ready = (twist_web, "/file10k.txt") if name == BARE else (None, "/file10k")
        with bench.contestants.server(name, folder, ready, command) as server:
            time.sleep(0.5)
            idle.setdefault(name, []).append(memory.resident(server.pid) / MEGABYTE)
            return server.started

    names = bench.contestants.among(*EVERYONE)
    for name in names:
        begin(name)  # compiles what Python compiles once
    idle.clear()
    samples = in_turn(names, bench.rounds, begin)
    wanted = [Goal(1 / 3, GRAMEX, at_most=True), Goal(2, BARE, at_most=True)]
    return [
        Figure("start to first response", "s", samples, wanted),
        Figure("idle memory", "MB", idle, [Goal(70, at_most=True)]),
    ]


def sleepers(bench: Bench) -> list[Figure]:
    """The p99 of other URLs while 16 requests each sleep 2 s in a plain function, over the p99 without them."""
    folder = app_folder(bench.folder)
    return [_beside_sleepers(bench, folder, path) for path in ("/function", "/file10k")]


def _beside_sleepers(bench: Bench, folder: Path, path: str) -> Figure:
    def slowdown(name: str) -> float:
        with bench.contestants.server(name, folder, path) as server:
            load(server.url(path), WARM_UP)
            quiet = load(server.url(path), bench.seconds)
            with Sleepers(server.url("/sleep"), 16) as asleep:
                busy = load(server.url(path), bench.seconds)
                server.stop()
            if busy.requests and not asleep.woken and bench.seconds > 4:
                raise RuntimeError(f"{name}: no sleeping request was answered in {bench.seconds} s")
        return busy.p99 / quiet.p99 if busy.requests else float("inf")

    samples = in_turn(bench.contestants.among(OURS, TORNADO, GRAMEX), bench.rounds, slowdown)
    return Figure(f"{path}: p99 beside 16 sleepers", "x quiet p99", samples, [Goal(3, at_most=True)])


CASES: Mapping[str, Case] = {
    "function": rate("/function", EVERYONE, Goal(0.7, BARE), Goal(3.3, GRAMEX)),
    "async": coroutine,
    "def": rate("/def", (OURS, TORNADO, GRAMEX), Goal(2.2, GRAMEX)),
    "file10k": rate("/file10k", EVERYONE, Goal(5, GRAMEX)),
    "template": rate("/template", (OURS, TORNADO, GRAMEX), Goal(4, GRAMEX)),
    "routes": routes,
    "file200m": big_file,
    "start": start,
    "sleepers": sleepers,
    "echo": echo("/echo", Goal(1.5, TORNADO)),
    "echo-async": echo("/echo-async"),
    "echo-def": echo("/echo-def"),
    "sockets": idle,
    "session": guarded("/signed-in", "memory", 0.5),
    "session-sqlite": guarded("/signed-in", "sqlite", 0.5),
    "session-redis": guarded("/signed-in", "redis", 0.3),
    "limit": guarded("/limited", "memory", 0.4),
    "limit-sqlite": guarded("/limited", "sqlite", 0.4),
    "cache": guarded("/cached", "memory", 0.7),
    "compat": coroutines,
    "admin": admin,
    "log-ins": log_ins,
    "process": process,
    "json": json_documents,
    "upload1g": upload,
    "api": api_echo,
    "api-lists": beside_lists,
    "options": option_parsing,
    "proxy": proxy_small,
    "proxy1g": proxy_big,
    **tables.CASES,
}
