"""UploadHandler: what is kept, how it is named, what is refused, and that nothing is left of that."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.filenames import LONGEST, numbered, safe_name, safe_path
from gramex_twisted.testing import AppTestCase
from gramex_twisted.web.channel import Limits
from tests.wire import Wire

MODULE = """
def more(content, handler):
    content["extra"] = [content["size"], handler.get_argument("note", "none")]
    return content


def wrong(content, handler):
    return "text"


def change(content):
    content["changed"] = True
"""
Part = tuple[str, str | None, bytes]


def form(*parts: Part, boundary: str = "xyz", kind: str = "") -> bytes:
    """A multipart body of (name, filename, content)."""
    lines = []
    for name, filename, content in parts:
        file = "" if filename is None else f'; filename="{filename}"'
        typed = f"Content-Type: {kind}\r\n" if kind and filename is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{typed}\r\n'
        lines.append(head.encode() + content + b"\r\n")
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


class UploadCase(AppTestCase):
    files = {"ups.py": MODULE}
    limits = Limits(max_body_size=50_000_000)
    config = """
    app: {session: {type: memory}}
    url:
      page: {pattern: /page, handler: FunctionHandler, kwargs: {function: handler.xsrf_token}}
      up: {pattern: /up, handler: UploadHandler, kwargs: {path: files, methods: get, max_file_size: 1000}}
      own:
        pattern: /own
        handler: UploadHandler
        kwargs:
          path: own
          keys: {file: [a, b], delete: gone, save: as}
          store: {type: json, path: own.json}
          methods: [get]
          transform: {function: ups.more}
          redirect: {query: next}
      plain:
        pattern: /plain
        handler: UploadHandler
        kwargs: {path: plain, keys: [upload, file], store: {type: memory}}
      over: {pattern: /over, handler: UploadHandler, kwargs: {path: files, if_exists: overwrite, methods: get}}
      error: {pattern: /error, handler: UploadHandler, kwargs: {path: files, if_exists: error}}
      backup: {pattern: /backup, handler: UploadHandler, kwargs: {path: files, if_exists: backup}}
      wrong:
        pattern: /wrong
        handler: UploadHandler
        kwargs: {path: wrong, transform: {function: ups.wrong}, methods: get}
      private: {pattern: /private, handler: UploadHandler, kwargs: {path: private, auth: true}}
    """

    def send(self, url: str, *parts: Part, xsrf: bool = True, kind: str = "") -> Any:
        headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
        return self.post(url, data=form(*parts, kind=kind), headers=headers, xsrf=xsrf)

    def kept(self, folder: str = "files") -> dict[str, bytes]:
        """The files of a folder, its database aside."""
        found = Path(self.folder, folder)
        return {
            path.relative_to(found).as_posix(): path.read_bytes()
            for path in found.rglob("*")
            if path.is_file() and not path.name.startswith(".meta.db")
        }


class KeepTests(UploadCase):
    def test_a_file_is_kept_with_what_is_known_of_it(self) -> None:
        response = self.send("/up?x=1", ("file", "Résumé.csv", b"a,b\n"), ("note", None, "é".encode()), kind="text/csv")
        self.assertEqual(response.headers["content-type"], "application/json; charset=UTF-8")
        [meta] = response.json()["upload"]
        self.assertEqual(self.kept(), {"Résumé.csv": b"a,b\n"})
        created = meta.pop("created")
        self.assertGreater(created, 1.7e12)
        expected = {
            "filename": "Résumé.csv",
            "file": "Résumé.csv",
            "key": "Résumé.csv",
            "size": 4,
            "mime": "text/csv",
            "user": None,
            "data": {"x": ["1"], "note": ["é"]},
        }
        self.assertEqual(meta, expected)
        self.assertEqual(response.json()["delete"], [])
        self.assertEqual(self.get("/up").json(), {"Résumé.csv": {**expected, "created": created}})

    def test_several_files_and_fields(self) -> None:
        response = self.send("/up", ("file", "a.txt", b"1"), ("other", "b.txt", b"2"), ("file", "c.txt", b"3"))
        self.assertEqual([meta["file"] for meta in response.json()["upload"]], ["a.txt", "c.txt"])
        self.assertEqual(self.kept(), {"a.txt": b"1", "c.txt": b"3"})

    def test_a_form_without_a_chosen_file_keeps_nothing(self) -> None:
        response = self.send("/up", ("file", "", b""))
        self.assertEqual(response.json(), {"upload": [], "delete": []})
        self.assertEqual(self.kept(), {})

    def test_names_are_made_unique(self) -> None:
        for content in (b"1", b"2", b"3"):
            self.send("/up", ("file", "x.tar", content))
        self.assertEqual(self.kept(), {"x.tar": b"1", "x.1.tar": b"2", "x.2.tar": b"3"})
        self.assertEqual(sorted(self.get("/up").json()), ["x.1.tar", "x.2.tar", "x.tar"])

    def test_other_ways_with_a_name_that_exists(self) -> None:
        self.send("/up", ("file", "x.csv", b"1"))
        response = self.send("/error", ("file", "x.csv", b"2"))
        self.assertEqual((response.status, response.json()["error"]), (403, "there is a file 'x.csv' already"))
        self.send("/over", ("file", "x.csv", b"34"))
        self.assertEqual(self.kept(), {"x.csv": b"34"})
        self.assertEqual(self.get("/over").json()["x.csv"]["size"], 2)
        [meta] = self.send("/backup", ("file", "x.csv", b"5")).json()["upload"]
        self.assertRegex(meta["backup"], r"^x\.\d{8}-\d{6}\.csv$")
        self.assertEqual(self.kept(), {"x.csv": b"5", meta["backup"]: b"34"})

    def test_a_form_may_name_its_files_in_folders_too(self) -> None:
        self.send("/up", ("file", "a.txt", b"1"), ("file", "b.txt", b"2"), ("save", None, b"sub/new name.txt"))
        self.assertEqual(self.kept(), {"sub/new name.txt": b"1", "b.txt": b"2"})

    def test_files_are_removed_by_their_keys(self) -> None:
        self.send("/up", ("file", "a.txt", b"1"), ("file", "b.txt", b"2"))
        response = self.send(
            "/up", ("delete", None, b"a.txt"), ("delete", None, b"none.txt"), ("delete", None, b"../ups.py")
        )
        self.assertEqual(
            response.json()["delete"],
            [
                {"success": True, "key": "a.txt"},
                {"success": False, "key": "none.txt"},
                {"success": False, "key": "../ups.py"},
            ],
        )
        self.assertEqual(self.post("/up?delete=b.txt").json()["delete"], [{"success": True, "key": "b.txt"}])
        self.assertEqual((self.kept(), self.get("/up").json()), ({}, {}))
        self.assertTrue((self.folder / "ups.py").exists())

    def test_own_fields_store_transform_and_redirect(self) -> None:
        response = self.send(
            "/own?next=/done",
            ("b", "x.txt", b"123"),
            ("as", None, b"y.txt"),
            ("note", None, b"n"),
            ("gone", None, b"z"),
        )
        self.assertEqual((response.status, response.headers["location"]), (302, "/done"))
        self.assertEqual(self.kept("own"), {"y.txt": b"123"})
        self.assertEqual(self.get("/own").json()["y.txt"]["extra"], [3, "n"])
        self.assertEqual(json.loads((self.folder / "own.json").read_text())["y.txt"]["filename"], "x.txt")

    def test_keys_may_be_a_list_and_there_may_be_no_list_of_files(self) -> None:
        self.send("/plain", ("upload", "x.txt", b"1"))
        self.assertEqual(self.kept("plain"), {"x.txt": b"1"})
        self.assertEqual(self.get("/plain").status, 405)


class NameTests(UploadCase):
    def test_names_cannot_leave_the_folder_or_hide(self) -> None:
        for sent, got in [
            ("../../etc/passwd", "passwd"),
            ("C:\\\\Users\\\\me\\\\a.txt", "a.txt"),
            (".meta.db", "meta.db"),
            ("..", "data.bin"),
            ("a/b/", "data.bin"),
            ("tab\tname.txt", "tabname.txt"),
        ]:
            [meta] = self.send("/over", ("file", sent, b"1")).json()["upload"]
            self.assertEqual(meta["file"], got, sent)
        self.assertEqual(set(self.kept()), {"passwd", "a.txt", "meta.db", "data.bin", "tabname.txt"})

    def test_a_long_name_is_shortened(self) -> None:
        [meta] = self.send("/up", ("file", "é" * 300 + ".csv", b"1")).json()["upload"]
        self.assertTrue(meta["file"].endswith("é.csv"))
        self.assertLessEqual(len(meta["file"].encode()), LONGEST)

    def test_a_chosen_name_that_is_bad_is_403_and_nothing_is_kept(self) -> None:
        for wanted in (b"../x", b"/etc/passwd", b".meta.db", b"a/../../x", b"a//b", b"a\\b", b"sub/.x", b"a/"):
            response = self.send(
                "/up",
                ("file", "good.txt", b"1"),
                ("file", "a.txt", b"1"),
                ("save", None, b"ok"),
                ("save", None, wanted),
            )
            self.assertEqual(response.status, 403, wanted)
            self.assertEqual((self.kept(), self.get("/up").json()), ({}, {}), wanted)

    def test_a_link_out_of_the_folder_is_not_followed(self) -> None:
        (self.folder / "files").mkdir()
        (self.folder / "files" / "out").symlink_to(self.folder)
        self.assertEqual(self.send("/up", ("file", "a.txt", b"1"), ("save", None, b"out/a.txt")).status, 403)
        self.assertFalse((self.folder / "a.txt").exists())


class RefusalTests(UploadCase):
    def check_nothing(self, response: Any, status: int, text: str, folder: str = "files") -> None:
        self.assertEqual((response.status, text in response.json()["error"]), (status, True), response.text)
        self.assertEqual(self.kept(folder), {})

    def test_one_file_that_is_too_long_keeps_the_others_out(self) -> None:
        response = self.send("/up", ("file", "a.txt", b"1"), ("file", "big.txt", b"x" * 1001))
        self.check_nothing(response, 413, "the file 'big.txt' is over 1000 bytes")

    def test_bodies_that_are_no_form(self) -> None:
        good = form(("file", "a.txt", b"1"))
        for body, kind, text in [
            (good[:-8], "multipart/form-data; boundary=xyz", "cannot be read"),
            (good, "multipart/form-data", "no boundary"),
            (good, "multipart/form-data; boundary=other", "cannot be read"),
            (b"--xyz\r\nBad\r\n\r\n", "multipart/form-data; boundary=xyz", "cannot be read"),
            (b"--xyz\r\n" + b"X" * 10_000 + b": y\r\n\r\n", "multipart/form-data; boundary=xyz", "cannot be read"),
        ]:
            response = self.post("/up", data=body, headers={"Content-Type": kind})
            self.check_nothing(response, 400, text)

    def test_too_many_parts_and_too_long_fields(self) -> None:
        self.check_nothing(self.send("/up", *[("file", f"{n}.txt", b"1") for n in range(1001)]), 400, "cannot be read")
        self.check_nothing(self.send("/up", ("file", "a", b"1"), ("x", None, b"y" * (1 << 21))), 413, "'x' is too long")

    def test_a_boundary_in_the_content_is_content(self) -> None:
        content = b"a--xyz\r\n\r\n--xy\r\n-\r--xyz"
        self.send("/up", ("file", "a.bin", content))
        self.assertEqual(self.kept(), {"a.bin": content})

    def test_an_aborted_upload_leaves_nothing(self) -> None:
        wire = Wire(self.app)
        body = form(("file", "a.txt", b"1" * 900))
        head = (
            "POST /up HTTP/1.1\r\nHost: x\r\nX-Requested-With: XMLHttpRequest\r\n"
            f"Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        wire.send(head, body[:500])
        self.assertEqual(len(self.kept()), 1)
        wire.leave()
        self.assertEqual(self.kept(), {})

    def test_a_transform_that_fails_keeps_nothing(self) -> None:
        response = self.send("/wrong", ("file", "a.txt", b"1"))
        self.assertEqual(response.status, 500)
        self.assertEqual((self.kept("wrong"), self.get("/wrong").json()), ({}, {}))
        self.flushLoggedErrors()

    def test_who_may_not_is_refused_before_the_body(self) -> None:
        wire = Wire(self.app)
        self.addCleanup(wire.leave)
        wire.send(
            "POST /private HTTP/1.1\r\nHost: x\r\nX-Requested-With: XMLHttpRequest\r\n"
            "Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 1000000\r\n\r\n"
        )
        self.assertTrue(wire.status.startswith("HTTP/1.1 401"), wire.status)
        self.assertFalse((self.folder / "private").exists())

    def test_the_token_may_be_a_field_also_after_the_files(self) -> None:
        token = self.get("/page").text
        self.assertEqual(self.send("/up", ("file", "a.txt", b"1"), xsrf=False).status, 403)
        self.assertEqual(self.kept(), {})
        self.assertEqual(
            self.send("/up", ("file", "a.txt", b"1"), ("_xsrf", None, token.encode()), xsrf=False).status, 200
        )
        self.assertEqual(self.kept(), {"a.txt": b"1"})
        self.assertEqual(self.get("/up").json()["a.txt"]["data"], {})

    def test_mistakes_in_the_configuration(self) -> None:
        app = self.make_app(
            "url:\n"
            "  a: {pattern: /a, handler: UploadHandler, kwargs: {path: ups.py}}\n"
            "  b: {pattern: /b, handler: UploadHandler, kwargs: {path: b, transform: {fn: ups.more}}}\n"
            "  c: {pattern: /c, handler: UploadHandler, kwargs: {path: c, if_exists: ask}}\n"
        )
        messages = sorted(str(error).partition(": ")[2] for error in app.gramex.errors)
        self.assertEqual(messages[0], "url.a.kwargs.path: ups.py is no folder")
        self.assertEqual(messages[1], "url.b.kwargs.transform: needs function:")
        self.assertIn("url.c.kwargs.if_exists: ", messages[2])


class UpstreamTests(UploadCase):
    META = {
        "filename": "old.txt",
        "file": "old.txt",
        "size": 3,
        "mime": "text/plain",
        "created": 1.7e12,
        "key": "old.txt",
    }

    def test_a_folder_that_gramex_made_is_read_and_gramex_reads_ours(self) -> None:
        self.write("files/old.txt", "old")
        database = self.folder / "files" / ".meta.db"
        with closing(sqlite3.connect(database)) as connection:
            connection.execute('CREATE TABLE IF NOT EXISTS "store" (key TEXT PRIMARY KEY, value BLOB)')
            row = 'REPLACE INTO "store" (key, value) VALUES (?,?)'
            connection.execute(row, ("old.txt", json.dumps(self.META)))
            connection.execute(row, ("deleted.txt", "null"))
            connection.commit()
        self.assertEqual(self.get("/up").json(), {"old.txt": self.META})
        self.send("/up", ("file", "old.txt", b"new"))
        self.assertEqual(set(self.get("/up").json()), {"old.txt", "old.1.txt"})
        with closing(sqlite3.connect(database)) as connection:
            rows = dict(connection.execute('SELECT key, value FROM "store" WHERE value IS NOT NULL'))
        self.assertEqual(json.loads(rows["old.1.txt"])["filename"], "old.txt")
        self.assertEqual(self.post("/up?delete=old.txt").json()["delete"], [{"success": True, "key": "old.txt"}])
        self.assertEqual(set(self.kept()), {"old.1.txt"})


class FilenameTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=300)
    @given(st.text())
    def test_a_safe_name_is_one_part_and_fits(self, sent: str) -> None:
        name = safe_name(sent)
        self.assertNotRegex(name, r"[\x00-\x1f/\\]")
        self.assertFalse(name.startswith("."))
        self.assertTrue(0 < len(name.encode()) <= LONGEST)
        self.assertEqual(safe_name(name), name)

    @settings(deadline=None, max_examples=300)
    @given(st.text("ab./\\ \0é"))
    def test_a_safe_path_stays_in_the_folder(self, wanted: str) -> None:
        try:
            path = safe_path(wanted)
        except ValueError:
            return
        self.assertTrue(Path("/root", path).resolve().is_relative_to("/root"))
        self.assertTrue(all(part and not part.startswith(".") for part in path.split("/")))

    def test_numbers(self) -> None:
        names: Sequence[str] = [name for name, _ in zip(numbered("sub/x.tar.gz"), range(3), strict=False)]
        self.assertEqual(names, ["sub/x.tar.gz", "sub/x.tar.1.gz", "sub/x.tar.2.gz"])
