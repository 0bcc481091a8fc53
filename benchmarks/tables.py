"""What tables cost: FormHandler on a CSV of a million rows, on SQLite and PostgreSQL, beside Gramex."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from benchmarks import memory
from benchmarks.contestants import GRAMEX, OURS
from benchmarks.figures import Figure, Goal
from benchmarks.load import load
from benchmarks.server import Server
from benchmarks.tablefolder import DATABASE_ROWS, ROWS, WRITTEN, postgres, rows, table_folder
from benchmarks.turns import in_turn
from benchmarks.workspace import MEGABYTE

if TYPE_CHECKING:
    from benchmarks.bench import Bench, Case

WARM_UP = 1.0
SETTLED = 1.0
"""Seconds in which allocators give back what reading has needed."""
PSYCOPG = "psycopg in a thread"
SQLITE3 = "sqlite3 in two threads"
FILTER = "city=Oslo&sales%3E=NNN&_sort=-sales&_limit=100"


def _same(servers: Mapping[str, Server], path: str) -> None:
    """RuntimeError unless all answer with the same sales. (Gramex leaves equal rows in any order.)"""
    found = []
    for server in servers.values():
        with urlopen(server.url(path.replace("NNN", "500")), timeout=120) as response:
            answer = json.loads(response.read())
        found.append([row.get("sales", row.get("sales|sum")) for row in answer])
    if any(each != found[0] for each in found) or not found[0]:
        raise RuntimeError(f"the servers give different rows for {path}")


def asked(name: str, path: str, connections: int, *goals: Goal, against: bool = True) -> Case:
    """A case: requests/s of one question asked again and again, and of one that is another each time."""

    def case(bench: Bench) -> list[Figure]:
        figures: list[Figure] = []
        folder = table_folder(bench)
        names = bench.contestants.among(OURS, GRAMEX) if against else bench.contestants.among(OURS)
        with ExitStack() as stack:
            servers = {each: stack.enter_context(bench.contestants.server(each, folder, "/ready")) for each in names}
            questions = {"asked again": path.replace("NNN", "500")}
            if "NNN" in path:
                questions["always another"] = path
            for how, question in questions.items():
                _same(servers, question)
                for server in servers.values():
                    load(server.url(question), WARM_UP, connections)
                samples = in_turn(names, bench.rounds, partial(_rate, servers, question, bench.seconds, connections))
                figures.append(Figure(f"{name}, {how}", "requests/s", samples, goals))
        return figures

    return case


def _rate(servers: Mapping[str, Server], path: str, seconds: float, connections: int, name: str) -> float:
    return load(servers[name].url(path), seconds, connections).rate


def cold(bench: Bench) -> list[Figure]:
    """The first request for the big CSV: of a server that has answered another, and of one that has just started."""
    folder = table_folder(bench)
    names = bench.contestants.among(OURS, GRAMEX)
    used: dict[str, list[float]] = {}
    worked: dict[str, list[float]] = {}

    def first(name: str, before: str = "") -> float:
        with bench.contestants.server(name, folder, "/ready") as server:
            if before:
                _fetch(server, before)
            begin = time.perf_counter()
            _fetch(server, "/big?_limit=10")
            took = time.perf_counter() - begin
            if before:
                time.sleep(SETTLED)
                used.setdefault(name, []).append(memory.resident(server.pid) / MEGABYTE)
                for question in (f"/big?{FILTER}", "/big?_by=product&_c=sales|sum", "/big?_limit=10000"):
                    load(server.url(question.replace("NNN", "500")), WARM_UP, 4)
                worked.setdefault(name, []).append(memory.resident(server.pid) / MEGABYTE)
            return took

    other = in_turn(names, bench.rounds, partial(first, before="/small"))
    at_once = in_turn(names, bench.rounds, first)
    goal = Goal(1 / 4, GRAMEX, at_most=True)
    third = Goal(1 / 3, GRAMEX, at_most=True)
    return [
        Figure("first request for 1,000,000 rows", "s", other, [goal]),
        Figure("the same, of a server that has just started", "s", at_once, [goal]),
        Figure("memory a second after it", "MB", used, [third]),
        Figure("memory after three questions, asked for a second each", "MB", worked, [third]),
    ]


def _fetch(server: Server, path: str) -> None:
    with urlopen(server.url(path), timeout=300) as response:
        response.read()


def posts(bench: Bench) -> list[Figure]:
    """50 clients at once insert into one CSV of 1,000 rows; RuntimeError where a row is lost."""
    names = bench.contestants.among(OURS, GRAMEX)
    clients, each = 50, 4

    def insert(name: str) -> float:
        folder = table_folder(bench)
        with open(folder / "big.csv", encoding="utf-8") as file:
            (folder / "written.csv").write_text("".join(islice(file, WRITTEN + 1)), encoding="utf-8")
        with bench.contestants.server(name, folder, "/ready") as server:
            urlopen(server.url("/written?_limit=1"), timeout=60).read()

            def client(number: int) -> None:
                for turn in range(each):
                    body = f"id={10_000 + number * each + turn}&city=Oslo&product=x&sales=1&growth=0.5".encode()
                    urlopen(Request(server.url("/written"), body, method="POST"), timeout=120).read()

            begin = time.perf_counter()
            with ThreadPoolExecutor(clients) as pool:
                list(pool.map(client, range(clients)))
            took = time.perf_counter() - begin
        kept = len((folder / "written.csv").read_text(encoding="utf-8").splitlines()) - 1
        if kept != WRITTEN + clients * each and name == OURS:
            raise RuntimeError(f"{name}: {kept} rows are left of {WRITTEN + clients * each}")
        return clients * each / took

    samples = in_turn(names, bench.rounds, insert)
    return [Figure("50 clients insert into one CSV", "rows/s", samples, [Goal(2, GRAMEX)])]


def psycopg_loop(url: str, seconds: float) -> float:
    """Requests/s that a bare loop in a thread would answer: the same SQL, the same JSON, no HTTP."""
    import orjson
    import psycopg

    sql = "SELECT * FROM sales WHERE city = %s AND sales > %s ORDER BY sales DESC, id LIMIT 100"
    done, begin = 0, time.perf_counter()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        while time.perf_counter() - begin < seconds:
            cursor = connection.execute(sql, ("Oslo", (done * 7919) % 50_000), prepare=True)
            names = [column.name for column in cursor.description or ()]
            orjson.dumps([dict(zip(names, row, strict=True)) for row in cursor.fetchall()])
            done += 1
    return done / (time.perf_counter() - begin)


def postgresql(bench: Bench) -> list[Figure]:
    """Filter, sort and limit on PostgreSQL, beside a bare loop."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres(DATABASE_ROWS))
        folder = table_folder(bench, url)
        server = stack.enter_context(bench.contestants.server(OURS, folder, "/ready"))
        path = "/postgres?city=Oslo&sales%3E=NNN&_sort=-sales&_limit=100"
        load(server.url(path), WARM_UP, 8)

        def rate(name: str) -> float:
            return (
                psycopg_loop(url, bench.seconds) if name == PSYCOPG else load(server.url(path), bench.seconds, 8).rate
            )

        samples = in_turn([OURS, PSYCOPG], bench.rounds, rate)
    return [Figure(f"PostgreSQL, always another (of {PSYCOPG})", "requests/s", samples, [Goal(0.5, PSYCOPG)])]


def sqlite_loop(path: Path, seconds: float, threads: int = 2) -> float:
    """Requests/s that bare loops would answer, one for each core: the same SQL, the same JSON, no HTTP."""
    import orjson

    sql = "SELECT * FROM sales WHERE city = ? AND sales > ? ORDER BY sales DESC, id LIMIT 100"

    def loop(number: int) -> int:
        done, end = 0, time.perf_counter() + seconds
        with closing(sqlite3.connect(path)) as connection:
            while time.perf_counter() < end:
                cursor = connection.execute(sql, ("Oslo", ((done * threads + number) * 7919) % 50_000))
                names = [column[0] for column in cursor.description]
                orjson.dumps([dict(zip(names, row, strict=True)) for row in cursor.fetchall()])
                done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(loop, range(threads))) / seconds


def sqlite(bench: Bench) -> list[Figure]:
    """Filter, sort and limit on SQLite, beside Gramex and beside bare loops."""
    figures = asked("SQLite: filter, sort, limit 100", f"/sqlite?{FILTER}", 8, Goal(4, GRAMEX))(bench)
    folder = table_folder(bench)
    with bench.contestants.server(OURS, folder, "/ready") as server:
        url = server.url(f"/sqlite?{FILTER}")
        load(url, WARM_UP, 8)

        def rate(name: str) -> float:
            loops = name == SQLITE3
            return sqlite_loop(folder / "sales.db", bench.seconds) if loops else load(url, bench.seconds, 8).rate

        samples = in_turn([OURS, SQLITE3], bench.rounds, rate)
    return [*figures, Figure(f"SQLite, always another (of {SQLITE3})", "requests/s", samples, [Goal(0.5, SQLITE3)])]


def streamed(bench: Bench) -> list[Figure]:
    """A million rows of PostgreSQL as CSV: the first byte, the memory, the rate."""
    first: dict[str, list[float]] = {}
    growth: dict[str, list[float]] = {}
    with ExitStack() as stack:
        url = stack.enter_context(postgres(ROWS))
        folder = table_folder(bench, url)
        server = stack.enter_context(bench.contestants.server(OURS, folder, "/ready"))
        urlopen(server.url("/postgres?_limit=10"), timeout=60).read()

        def take(name: str) -> float:
            before = memory.resident(server.pid)
            memory.reset_peak(server.pid)
            began, got, length = time.perf_counter(), 0.0, 0
            with socket.create_connection(("127.0.0.1", server.port), timeout=300) as sock:
                sock.sendall(b"GET /postgres?_format=csv&_limit=2000000 HTTP/1.0\r\n\r\n")
                while data := sock.recv(1 << 16):
                    got = got or time.perf_counter() - began
                    length += len(data)
            first.setdefault(name, []).append(got * 1000)
            growth.setdefault(name, []).append((memory.peak(server.pid) - before) / MEGABYTE)
            return length / MEGABYTE / (time.perf_counter() - began)

        samples = in_turn([OURS], bench.rounds, take)
    return [
        Figure("1,000,000 rows of PostgreSQL as CSV", "MB/s", samples),
        Figure("first byte of it", "ms", first, [Goal(200, at_most=True)]),
        Figure("memory growth", "MB", {OURS: [max(growth[OURS])]}, [Goal(50, at_most=True)]),
    ]


def keyset(bench: Bench) -> list[Figure]:
    """The page at row 90 of 100 by cursor, over the first one: on SQLite and on PostgreSQL."""
    figures: list[Figure] = []
    with ExitStack() as stack:
        folder = table_folder(bench, stack.enter_context(postgres(ROWS)))
        with closing(sqlite3.connect(folder / "sales.db")) as connection:
            connection.executemany("INSERT OR IGNORE INTO sales VALUES (?, ?, ?, ?, ?)", rows(ROWS))
            connection.commit()
        server = stack.enter_context(bench.contestants.server(OURS, folder, "/ready"))
        for path in ("/sqlite", "/postgres"):
            with urlopen(server.url(f"{path}?_sort=id&_limit=1&_offset={ROWS * 9 // 10}"), timeout=60) as response:
                after = response.headers["Link"].partition(">")[0].rpartition("_after=")[2]
            # A filter that changes makes each page a new question.
            begin, deep = (f"{path}?_sort=id&_limit=100&sales!=NNN{more}" for more in ("", f"&_after={after}"))
            rates = in_turn([begin, deep], bench.rounds, lambda url: load(server.url(url), bench.seconds, 4).rate)
            shares = [first / last for first, last in zip(rates[begin], rates[deep], strict=True)]
            figures.append(
                Figure(
                    f"{path[1:]}: page at row 900,000 by cursor",
                    "x the first",
                    {OURS: shares},
                    [Goal(1.5, at_most=True)],
                )
            )
    shutil.rmtree(bench.folder / "tables")  # with a database of another size
    return figures


CASES: Mapping[str, Any] = {
    "csv-filter": asked("CSV: filter, sort, limit 100", f"/big?{FILTER}", 4, Goal(6, GRAMEX)),
    "csv-groups": asked(
        "CSV: group by", "/big?_by=product&_c=sales|sum&sales%3E=NNN&_sort=product", 4, Goal(4, GRAMEX)
    ),
    "csv-rows": asked("CSV: 10,000 rows as JSON", "/big?_limit=10000&_offset=NNN", 4, Goal(4, GRAMEX)),
    "csv-small": asked("CSV of 300 rows", "/small", 16, Goal(4, GRAMEX)),
    "csv-cold": cold,
    "csv-posts": posts,
    "sqlite": sqlite,
    "postgres": postgresql,
    "postgres-stream": streamed,
    "keyset": keyset,
}
