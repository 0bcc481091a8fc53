"""Files on other servers."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from gramex_twisted.data.errors import SourceError, Unavailable
from gramex_twisted.data.sources.base import Frame
from tests.data.sourcing import SourceCase
from tests.servers import free_port

Answer = tuple[int, dict[str, str], bytes]


class WebTests(SourceCase):
    def setUp(self) -> None:
        super().setUp()
        self.asked: list[dict[str, str]] = []
        self.answer: Callable[[str, dict[str, str]], Answer] = lambda path, headers: (200, {}, b"a\n1\n")
        test = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                test.asked.append(headers)
                status, given, body = test.answer(self.path, headers)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **given}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join, 60)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"

    def says(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Have the server answer that."""
        self.answer = lambda path, asked: (status, headers, body)

    def test_what_the_server_says_has_not_changed_is_not_sent_again(self) -> None:
        def answer(path: str, headers: dict[str, str]) -> Answer:
            return (304, {}, b"") if headers.get("if-none-match") == '"1"' else (200, {"ETag": '"1"'}, b"a\n1\n")

        self.answer = answer
        tables = [self.open(f"{self.url}/x.csv") for _ in range(2)]
        assert isinstance(tables[0], Frame)
        assert isinstance(tables[1], Frame)
        self.assertIs(tables[0].table, tables[1].table)
        self.assertEqual(tables[0].version, tables[1].version)
        self.assertEqual([asked.get("if-none-match") for asked in self.asked], [None, '"1"'])

    def test_by_the_time_of_the_last_change(self) -> None:
        then = "Wed, 31 Jan 2024 08:00:00 GMT"
        self.says(200, {"Last-Modified": then}, b"a\n1\n")
        self.rows(f"{self.url}/x.csv")
        self.says(304, {}, b"")
        self.assertEqual(self.rows(f"{self.url}/x.csv"), [(1,)])
        self.assertEqual(self.asked[1]["if-modified-since"], then)

    def test_without_either_it_is_read_each_time(self) -> None:
        self.assertEqual(self.rows(f"{self.url}/x.csv"), [(1,)])
        self.says(200, {}, b"a\n2\n")
        self.assertEqual(self.rows(f"{self.url}/x.csv"), [(2,)])

    def test_the_type_is_that_of_the_name_or_of_the_answer(self) -> None:
        self.says(200, {"Content-Type": "application/json; charset=utf-8"}, b'[{"a": 1}]')
        self.assertEqual(self.rows(f"{self.url}/data?key=1"), [(1,)])
        self.assertEqual(self.rows(f"{self.url}/data.txt", ext="json"), [(1,)])
        self.says(200, {"Content-Type": "application/octet-stream"}, b"a")
        self.assertIn("what is it?", self.error(SourceError, f"{self.url}/data"))

    def test_errors_of_the_server(self) -> None:
        for status in (401, 404, 500, 503):
            self.says(status, {}, b"no")
            self.assertIn(f"the server says {status}", self.error(Unavailable, f"{self.url}/x.csv"))
        said = self.error(Unavailable, f"http://user:secret@127.0.0.1:{free_port()}/x.csv?token=secret")
        self.assertNotIn("secret", said)
        self.assertIn("Connection refused", said)

    def test_the_user_of_a_url_is_told_to_its_server_and_to_no_other(self) -> None:
        self.assertEqual(self.rows(self.url.replace("//", "//me:p%40ss@") + "/x.csv"), [(1,)])
        self.assertEqual(self.asked[0]["authorization"], "Basic bWU6cEBzcw==")
        target = self.url.replace("127.0.0.1", "localhost")
        self.answer = lambda path, headers: (
            (302, {"Location": f"{target}/there.csv"}, b"") if path == "/x.csv" else (200, {}, b"a\n1\n")
        )
        self.rows(self.url.replace("//", "//me:p%40ss@") + "/x.csv")
        self.assertNotIn("authorization", self.asked[-1])

    def test_a_body_that_ends_too_early_or_is_broken(self) -> None:
        self.says(200, {"Content-Length": "100"}, b"a\n1\n")
        self.assertIn("the server sent 4 of 100 bytes", self.error(Unavailable, f"{self.url}/x.csv"))
        self.says(200, {}, b"a,b\n1,2,3\n")
        said = self.error(SourceError, f"{self.url}/x.csv")
        self.assertEqual(said, f"{self.url}/x.csv:2: has 3 columns, but the first line has 2")

    def test_more_than_fits(self) -> None:
        self.shared.memory.size = 100
        self.says(200, {}, b"a\n" + b"1\n" * 1000)
        self.assertIn("more than 400 bytes", self.error(SourceError, f"{self.url}/x.csv"))

    def test_redirects_go_to_http_only(self) -> None:
        self.answer = lambda path, headers: (
            (302, {"Location": "/there.csv"}, b"") if path == "/x.csv" else (200, {}, b"a\n1\n")
        )
        self.assertEqual(self.rows(f"{self.url}/x.csv"), [(1,)])
        for target in ("file:///etc/passwd", "ftp://127.0.0.1/x.csv"):
            self.says(302, {"Location": target}, b"")
            self.error(Unavailable, f"{self.url}/x.csv")
        self.says(302, {"Location": "/x.csv"}, b"")
        self.error(Unavailable, f"{self.url}/x.csv")
