"""FileHandler: what is served, what never is, and how."""

from __future__ import annotations

import gzip
import os
import socket
from http.client import HTTPResponse
from io import BytesIO
from types import SimpleNamespace

from gramex_twisted.testing import AppTestCase, Response
from tests.wire import Wire

CONFIG = """
url:
  site:
    pattern: /site/(.*)
    handler: FileHandler
    kwargs:
      path: $YAMLPATH/site
      default_filename: [index.html, README.md]
      headers:
        X-All: everywhere
        "*.css, data/**": {X-Glob: matched, Cache-Control: max-age=60}
  index: {pattern: "/index/(.*)", handler: DirectoryHandler, kwargs: {path: site, index: true}}
  own: {pattern: "/own/(.*)", handler: FileHandler, kwargs: {path: site, index: true, index_template: own.html}}
  lost: {pattern: "/lost/(.*)", handler: FileHandler, kwargs: {path: site, index: true, index_template: none.html}}
  one: {pattern: /one.*, handler: FileHandler, kwargs: {path: site/a.txt}}
  literal: {pattern: /docs, handler: FileHandler, kwargs: {path: site, default_filename: index.html}}
  optional: {pattern: "/optional(/.*)?", handler: FileHandler, kwargs: {path: site, default_filename: index.html}}
  star: {pattern: "/star/(.*)", handler: FileHandler, kwargs: {path: "$YAMLPATH/site/*.txt"}}
  joined: {pattern: /joined, handler: FileHandler, kwargs: {path: [site/a.txt, site/b.txt]}}
  table:
    pattern: /table/.*
    handler: FileHandler
    kwargs:
      path:
        /table/(.*)[.]old: site/{0}.txt
        /table/(?P<name>.*)-x: site/{name}.txt
        /table/home: site/index.html
  links: {pattern: "/links/(.*)", handler: FileHandler, kwargs: {path: site, follow_symlinks: true}}
  allowed: {pattern: "/allowed/(.*)", handler: FileHandler, kwargs: {path: site, allow: [".env", "*.py"]}}
  later: {pattern: /later, handler: FileHandler, kwargs: {path: made-later.txt}}
  get: {pattern: "/get/(.*)", handler: FileHandler, kwargs: {path: site, methods: [get]}}
"""
FILES = {
    "site/index.html": "<h1>home</h1>",
    "site/a.txt": "0123456789",
    "site/b.txt": "second",
    "site/style.css": "body { color: red }",
    "site/data/x.json": "{}",
    "site/sub/README.md": "# sub",
    "site/empty/x": "",
    "site/.env": "SECRET=1",
    "site/.secrets.yaml": "KEY: 1",
    "site/.git/config": "secret",
    "site/app.py": "secret",
    "site/gramex.yaml": "secret",
    "site/na me & <b>.txt": "odd",
    "site/caf\u00e9.txt": "coffee",
    "site/page.tar.gz": "not really",
    "own.html": "<title>$path</title> costs $5 $body",
    "secret.txt": "outside",
    "site2/secret.txt": "beside",
}


CRAFTED = r"""
../secret.txt %2e%2e/secret.txt %2E%2E%2Fsecret.txt ..%2Fsecret.txt ..%5Csecret.txt ..\secret.txt
sub/../../secret.txt ..%252Fsecret.txt //etc/passwd %2Fetc%2Fpasswd /etc/passwd a.txt%00.png %00 sub/./README.md
./a.txt //a.txt C:/x c%3A%5Cx ../site2/secret.txt file:///etc/passwd
"""


class FileCase(AppTestCase):
    config = CONFIG
    files = FILES

    def check(self, url: str, status: int, body: str | None = None) -> Response:
        response = self.get(url)
        self.assertEqual(response.status, status, url)
        if body is not None:
            self.assertEqual(response.text, body)
        return response


class PathTests(FileCase):
    def test_a_folder_serves_what_is_below_it(self) -> None:
        self.check("/site/a.txt", 200, "0123456789")
        self.check("/site/data/x.json", 200, "{}")
        self.check("/site/none.txt", 404)
        self.check("/site/a.txt/", 404)
        self.check("/site/a.txt/x", 404)

    def test_names_are_percent_decoded(self) -> None:
        self.check("/site/na%20me%20%26%20%3Cb%3E.txt", 200, "odd")
        self.check("/site/caf%C3%A9.txt", 200, "coffee")

    def test_one_file_answers_every_url_of_its_pattern(self) -> None:
        for url in ("/one", "/one/a/b", "/one/..", "/one%2F%00"):
            self.check(url, 200, "0123456789")

    def test_the_star_is_the_first_group(self) -> None:
        self.check("/star/b", 200, "second")
        self.check("/star/x", 404)
        self.check("/star/../a", 404)

    def test_a_list_is_joined(self) -> None:
        response = self.check("/joined", 200, "0123456789second")
        self.assertEqual(response.headers["content-type"], "text/plain; charset=UTF-8")
        self.assertEqual(self.get("/joined", headers={"Range": ["bytes=8-11"]}).text, "89se")

    def test_a_table_maps_urls_to_files(self) -> None:
        self.check("/table/b.old", 200, "second")
        self.check("/table/a-x", 200, "0123456789")
        self.check("/table/home", 200, "<h1>home</h1>")
        self.check("/table/x", 404)
        self.check("/table/../secret.old", 404)

    def test_a_file_may_be_made_later(self) -> None:
        self.check("/later", 404)
        self.write("made-later.txt", "here")
        self.check("/later", 200, "here")

    def test_a_changed_file_is_served_changed(self) -> None:
        first = self.check("/site/a.txt", 200)
        self.write("site/a.txt", "changed")
        second = self.check("/site/a.txt", 200, "changed")
        self.assertNotEqual(first.headers["etag"], second.headers["etag"])
        (self.folder / "site/a.txt").unlink()
        self.check("/site/a.txt", 404)

    def test_every_method_gets_the_file(self) -> None:
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            response = self.request(method, "/site/a.txt")
            self.assertEqual((response.status, response.text), (200, "0123456789"), method)

    def test_head_has_the_headers_alone(self) -> None:
        head, get = self.request("HEAD", "/site/a.txt"), self.get("/site/a.txt")
        self.assertEqual(head.body, b"")
        for name in ("content-length", "etag", "content-type", "last-modified"):
            self.assertEqual(head.headers[name], get.headers[name], name)

    def test_methods_can_be_limited(self) -> None:
        self.assertEqual(self.request("POST", "/get/a.txt").status, 405)


class FolderTests(FileCase):
    def test_default_files_are_tried_in_order(self) -> None:
        self.check("/site/", 200, "<h1>home</h1>")
        self.check("/site/sub/", 200, "# sub")
        self.write("site/sub/index.html", "first")
        self.check("/site/sub/", 200, "first")

    def test_without_a_slash_a_folder_redirects_and_keeps_the_query(self) -> None:
        response = self.check("/site/sub?x=1&y=%2F", 302)
        self.assertEqual(response.headers["location"], "/site/sub/?x=1&y=%2F")

    def test_a_folder_that_the_pattern_does_not_take_with_a_slash_is_served_in_place(self) -> None:
        self.check("/docs", 200, "<h1>home</h1>")

    def test_an_optional_group_works_with_and_without(self) -> None:
        self.assertEqual(self.check("/optional", 302).headers["location"], "/optional/")
        self.check("/optional/", 200, "<h1>home</h1>")
        self.check("/optional/a.txt", 200, "0123456789")

    def test_there_is_no_index_unless_asked_for(self) -> None:
        self.check("/site/empty/", 404)
        self.check("/site/empty", 404)
        self.check("/site/data/", 404)

    def test_the_index_lists_what_may_be_seen_and_nothing_else(self) -> None:
        os.symlink(self.folder / "secret.txt", self.folder / "site/link.txt")
        response = self.check("/index/", 200)
        self.assertEqual(response.headers["content-type"], "text/html; charset=UTF-8")
        for text in ('href="a.txt"', 'href="data/"', 'href="na%20me%20%26%20%3Cb%3E.txt"', "na me &amp; &lt;b&gt;.txt"):
            self.assertIn(text, response.text)
        for text in (".env", ".git", "app.py", "gramex.yaml", "link.txt", "<b>", "<script", 'href="../"'):
            self.assertNotIn(text, response.text)

    def test_a_default_file_made_later_replaces_the_index(self) -> None:
        app = self.make_app(
            "url: {r: {pattern: /(.*), handler: FileHandler,"
            " kwargs: {path: site/sub, index: true, default_filename: x}}}"
        )
        bodies = []
        for _ in range(2):
            deferred = app.start("GET", "/")
            app.pump()
            bodies.append(self.successResultOf(deferred).text)
            self.write("site/sub/x", "default")
        self.assertIn("README.md", bodies[0])
        self.assertEqual(bodies[1], "default")

    def test_the_index_of_a_sub_folder_leads_back(self) -> None:
        self.assertIn('href="../"', self.check("/index/sub/", 200).text)

    def test_the_index_is_sorted_as_asked(self) -> None:
        body = self.check("/index/?_sort=-size", 200).text
        names = ["empty/</a>", "page.tar.gz</a>", "b.txt</a>"]
        self.assertEqual(sorted(names, key=body.index), names)
        self.assertIn('aria-sort="descending"', body)

    def test_a_hostile_folder_name_is_escaped(self) -> None:
        self.write("site/<img src=x>/f", "")
        body = self.check("/index/%3Cimg%20src=x%3E/", 200).text
        self.assertNotIn("<img", body)

    def test_an_index_template_of_the_app_is_filled(self) -> None:
        body = self.check("/own/sub/", 200).text
        self.assertIn("<title>/own/sub/</title> costs $5 <ul>", body)
        self.assertIn('<li><a href="README.md">README.md</a></li>', body)

    def test_a_missing_index_template_is_replaced_by_the_default(self) -> None:
        self.assertIn("<table>", self.check("/lost/", 200).text)


class SafetyTests(FileCase):
    def test_nothing_outside_the_root_is_reached(self) -> None:
        for path in CRAFTED.split():
            wire = Wire(self.app)
            wire.send(f"GET /site/{path} HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(wire.status, "HTTP/1.1 404 Not Found", path)
            self.assertNotIn(b"outside", wire.received)

    def test_paths_that_are_not_utf8_are_400(self) -> None:
        self.assertEqual(self.check("/site/%FF", 400).json()["error"], "the path is not UTF-8")

    def test_a_path_of_100_kb_is_414_and_one_of_60_kb_404(self) -> None:
        for size, status in ((100_000, "HTTP/1.1 414 URI Too Long"), (60_000, "HTTP/1.1 404 Not Found")):
            wire = Wire(self.app)
            wire.send(b"GET /site/" + b"a" * size + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(wire.status.startswith(status[:12]), wire.status)

    def test_a_link_out_of_the_root_is_404_unless_followed(self) -> None:
        os.symlink(self.folder / "secret.txt", self.folder / "site/link.txt")
        os.symlink(self.folder / "site2", self.folder / "site/beside")
        for path in ("link.txt", "beside/secret.txt"):
            self.check(f"/site/{path}", 404)
        self.check("/links/link.txt", 200, "outside")
        self.check("/links/beside/secret.txt", 200, "beside")

    def test_a_link_inside_the_root_is_followed(self) -> None:
        os.symlink("a.txt", self.folder / "site/same.txt")
        self.check("/site/same.txt", 200, "0123456789")

    def test_a_link_that_is_turned_outside_is_no_longer_followed(self) -> None:
        link = self.folder / "site/link.txt"
        os.symlink("a.txt", link)
        self.check("/site/link.txt", 200, "0123456789")
        link.unlink()
        os.symlink(self.folder / "secret.txt", link)
        self.check("/site/link.txt", 404)

    def test_a_link_to_a_hidden_file_is_404(self) -> None:
        os.symlink(".secrets.yaml", self.folder / "site/open.txt")
        self.check("/site/open.txt", 404)
        self.check("/links/open.txt", 404)

    def test_links_in_a_circle_are_404(self) -> None:
        os.symlink("round.txt", self.folder / "site/round.txt")
        self.check("/site/round.txt", 404)
        self.check("/index/", 200)

    def test_fifos_sockets_and_devices_are_never_opened(self) -> None:
        os.mkfifo(self.folder / "site/fifo")
        os.symlink("/dev/zero", self.folder / "site/zero")
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        here = os.getcwd()
        os.chdir(self.folder / "site")  # a socket's path may only be short
        self.addCleanup(os.chdir, here)
        listening.bind("sock")
        os.chdir(here)
        for name in ("fifo", "zero", "sock"):
            self.check(f"/site/{name}", 404)
            self.check(f"/links/{name}", 404)
        self.assertNotIn("fifo", self.check("/index/", 200).text)

    def test_ignored_files_are_404_and_allowed_ones_are_not(self) -> None:
        for name in (".env", ".git/config", ".secrets.yaml", "app.py", "gramex.yaml", ".git/", ".git"):
            self.check(f"/site/{name}", 404)
        self.check("/allowed/.env", 200, "SECRET=1")
        self.check("/allowed/app.py", 200, "secret")
        self.check("/allowed/.secrets.yaml", 404)
        self.check("/allowed/.git/config", 404)


class HeaderTests(FileCase):
    def test_types_come_from_names_and_text_is_utf8(self) -> None:
        for name, kind in {
            "index.html": "text/html; charset=UTF-8",
            "style.css": "text/css; charset=UTF-8",
            "data/x.json": "application/json; charset=UTF-8",
            "page.tar.gz": "application/gzip",
            "empty/x": "application/octet-stream",
        }.items():
            response = self.check(f"/site/{name}", 200)
            self.assertEqual(response.headers["content-type"], kind)
            self.assertFalse(response.headers["content-encoding"])

    def test_headers_may_belong_to_patterns(self) -> None:
        css, text = self.check("/site/style.css", 200).headers, self.check("/site/a.txt", 200).headers
        self.assertEqual((css["x-all"], css["x-glob"], css["cache-control"]), ("everywhere", "matched", "max-age=60"))
        self.assertEqual(text["x-all"], "everywhere")
        self.assertNotIn("x-glob", text)
        self.assertEqual(self.check("/site/data/x.json", 200).headers["x-glob"], "matched")

    def test_etag_and_date_make_304(self) -> None:
        first = self.check("/site/style.css", 200)
        for headers in (
            {"If-None-Match": [first.headers["etag"]]},
            {"If-None-Match": ['"x", W/' + first.headers["etag"]]},
            {"If-Modified-Since": [first.headers["last-modified"]]},
        ):
            response = self.get("/site/style.css", headers=headers)
            self.assertEqual((response.status, response.body), (304, b""), headers)
            self.assertEqual(response.headers["etag"], first.headers["etag"])
            self.assertEqual(response.headers["cache-control"], "max-age=60")
        response = self.get("/site/style.css", headers={"If-None-Match": ['"x"']})
        self.assertEqual(response.status, 200)

    def test_if_match_of_another_version_is_412(self) -> None:
        self.assertEqual(self.get("/site/a.txt", headers={"If-Match": ['"x"']}).status, 412)

    def test_two_etags_never_meet(self) -> None:
        tags = {self.check(f"/site/{name}", 200).headers["etag"] for name in ("a.txt", "b.txt", "style.css")}
        self.assertEqual(len(tags), 3)


class RangeTests(FileCase):
    def range(self, value: str, **more: list[str]) -> Response:
        return self.get("/site/a.txt", headers={"Range": [value], **more})

    def test_one_range(self) -> None:
        response = self.range("bytes=2-4")
        self.assertEqual((response.status, response.text), (206, "234"))
        self.assertEqual(response.headers["content-range"], "bytes 2-4/10")
        self.assertEqual(response.headers["accept-ranges"], "bytes")
        self.assertEqual(self.range("bytes=-3").text, "789")
        self.assertEqual(self.range("bytes=7-").text, "789")

    def test_several_ranges(self) -> None:
        response = self.range("bytes=0-1,8-9")
        boundary = response.headers["content-type"].removeprefix("multipart/byteranges; boundary=")
        self.assertEqual(response.status, 206)
        self.assertEqual(
            response.text,
            f"\r\n--{boundary}\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
            f"\r\n--{boundary}\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Range: bytes 8-9/10\r\n\r\n89"
            f"\r\n--{boundary}--\r\n",
        )

    def test_a_range_outside_is_416_with_the_size(self) -> None:
        response = self.range("bytes=10-")
        self.assertEqual((response.status, response.headers["content-range"]), (416, "bytes */10"))

    def test_a_bad_range_is_ignored(self) -> None:
        self.assertEqual(self.range("bytes=x").text, "0123456789")

    def test_if_range_of_an_older_version_gives_the_whole_file(self) -> None:
        etag = self.check("/site/a.txt", 200).headers["etag"]
        self.assertEqual(self.range("bytes=0-1", **{"If-Range": [etag]}).status, 206)
        self.assertEqual(self.range("bytes=0-1", **{"If-Range": ['"old"']}).status, 200)

    def test_head_and_post_have_no_ranges(self) -> None:
        for method in ("HEAD", "POST"):
            response = self.request(method, "/site/a.txt", headers={"Range": ["bytes=0-1"]})
            self.assertEqual((response.status, response.headers["content-length"]), (200, "10"))


class Raw:
    """A response as it was sent: treq would unpack it."""

    def __init__(self, data: bytes) -> None:
        stream = SimpleNamespace(makefile=lambda mode: BytesIO(data))
        response = HTTPResponse(stream)  # type: ignore[arg-type]
        response.begin()
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()


class CompressionTests(FileCase):
    def raw(self, url: str, *headers: str) -> Raw:
        wire = Wire(self.app)
        wire.send("\r\n".join((f"GET {url} HTTP/1.1", "Host: x", "Connection: close", *headers, "", "")))
        return Raw(wire.received)

    def gzipped(self, url: str, *headers: str) -> Raw:
        return self.raw(url, "Accept-Encoding: gzip", *headers)

    def test_text_is_compressed_and_other_files_are_not(self) -> None:
        text = "compress me " * 500
        for name in ("site/x.txt", "site/x.bin"):
            self.write(name, text)
        packed, plain = self.gzipped("/site/x.txt"), self.raw("/site/x.txt")
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        self.assertEqual(packed.headers["vary"], "Accept-Encoding")
        self.assertEqual(gzip.decompress(packed.body), text.encode())
        self.assertEqual((plain.body, plain.headers["vary"]), (text.encode(), "Accept-Encoding"))
        self.assertNotEqual(plain.headers["etag"], packed.headers["etag"])
        again = self.gzipped("/site/x.txt", f"If-None-Match: {packed.headers['etag']}")
        self.assertEqual(again.status, 304)
        self.assertNotIn("content-encoding", self.gzipped("/site/x.bin").headers)
        self.assertNotIn("content-encoding", self.gzipped("/site/a.txt").headers)

    def test_a_range_is_one_of_the_plain_file(self) -> None:
        self.write("site/x.txt", "0123456789" * 500)
        response = self.gzipped("/site/x.txt", "Range: bytes=0-9")
        self.assertEqual((response.status, response.body), (206, b"0123456789"))
        self.assertNotIn("content-encoding", response.headers)

    def test_a_large_text_is_compressed_on_the_way(self) -> None:
        text = "".join(f"{number}\n" for number in range(300_000))
        self.write("site/x.csv", text)
        packed = self.gzipped("/site/x.csv")
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        self.assertNotIn("content-length", packed.headers)
        self.assertEqual(gzip.decompress(packed.body), text.encode())
        self.assertEqual(self.raw("/site/x.csv").headers["content-length"], str(len(text)))

    def test_a_compressed_copy_is_used_unless_it_is_older(self) -> None:
        copy = self.write("site/a.txt.gz", gzip.compress(b"copy"))
        packed = self.gzipped("/site/a.txt")
        self.assertEqual((packed.headers["content-encoding"], gzip.decompress(packed.body)), ("gzip", b"copy"))
        self.assertEqual(self.raw("/site/a.txt").body, b"0123456789")
        os.utime(copy, (1, 1))
        self.clock.advance(1)
        self.assertNotIn("content-encoding", self.gzipped("/site/a.txt").headers)

    def test_a_copy_of_a_large_file_is_used(self) -> None:
        self.write("site/x.bin", b"x" * 300_000)
        self.write("site/x.bin.br", b"brotli")
        response = self.raw("/site/x.bin", "Accept-Encoding: br")
        self.assertEqual((response.body, response.headers["content-encoding"]), (b"brotli", "br"))
        self.assertEqual(len(self.raw("/site/x.bin").body), 300_000)


class LargeFileTests(FileCase):
    def test_a_large_file_arrives_whole_and_in_parts(self) -> None:
        data = os.urandom(700_000)
        self.write("site/x.bin", data)
        self.assertEqual(self.get("/site/x.bin").body, data)
        response = self.get("/site/x.bin", headers={"Range": ["bytes=300000-600000"]})
        self.assertEqual((response.status, response.body), (206, data[300_000:600_001]))
        response = self.get("/site/x.bin", headers={"Range": ["bytes=0-9,-9"]})
        self.assertIn(data[:10], response.body)
        self.assertEqual(response.headers["content-length"], str(len(response.body)))
