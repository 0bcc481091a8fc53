"""DriveHandler: a folder of files, and a table of what is known of them."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from typing import Any

from gramex_twisted.services.uploadfolder import Staged
from gramex_twisted.testing import AppTestCase, Response

Files = list[tuple[str, bytes]]


class DriveTestCase(AppTestCase):
    config = """
        app: {session: {type: memory}}
        url:
          drive:
            pattern: /drive
            handler: DriveHandler
            kwargs:
              path: $YAMLPATH/files
              user_fields: [id, org.unit]
              tags: [tag]
              ignore: [.exe]
              max_file_size: 1000
          only:
            pattern: /only
            handler: DriveHandler
            kwargs: {path: $YAMLPATH/only, allow: [.TXT]}
          redirected:
            pattern: /redirected
            handler: DriveHandler
            kwargs: {path: $YAMLPATH/files, redirect: /thanks}
          home: {pattern: /home, handler: DriveHandler}
          in: {pattern: /in, handler: FunctionHandler, kwargs: {function: users.sign_in}}
    """
    files = {
        "users.py": """\
            def sign_in(handler):
                handler.session["user"] = {"id": "ann", "org": {"unit": "X"}}
        """
    }

    def upload(self, files: Files, url: str = "/drive", method: str = "POST", **fields: str) -> Response:
        sent: list[Any] = [("file", (name, "application/octet-stream", io.BytesIO(data))) for name, data in files]
        return self.request(method, url, data=list(fields.items()), files=sent)

    def rows(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/drive?{query}").json()
        return found

    def names(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "files").iterdir() if not path.name.startswith(".meta"))


class DriveTests(DriveTestCase):
    def test_a_new_drive_is_empty(self) -> None:
        response = self.get("/drive")
        self.assertEqual((response.status, response.json()), (200, []))

    def test_a_file_and_its_row(self) -> None:
        self.get("/in")
        response = self.upload([("My Notes.txt", b"hello")], tag="new")
        self.assertEqual(response.status, 200, response.text)
        self.assertEqual(response.json()["data"]["inserted"], [{"id": 1}])
        [row] = self.rows()
        date = row.pop("date")
        self.assertGreater(date, 1_700_000_000)
        self.assertEqual(
            row,
            {
                "id": 1,
                "file": "My Notes.txt",
                "ext": ".txt",
                "path": "My Notes.txt",
                "size": 5,
                "mime": "text/plain",
                "user_id": "ann",
                "user_org_unit": "X",
                "tag": "new",
            },
        )
        self.assertEqual((self.folder / "files" / "My Notes.txt").read_bytes(), b"hello")

    def test_download(self) -> None:
        self.upload([("å.txt", b"hello")])
        response = self.get("/drive?_download=1&id=1")
        self.assertEqual((response.status, response.body), (200, b"hello"))
        self.assertEqual(response.headers["content-type"], "text/plain")
        self.assertEqual(
            response.headers["content-disposition"], "attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%A5.txt"
        )
        part = self.request("GET", "/drive?_download=1&id=1", headers={"Range": "bytes=1-2"})
        self.assertEqual((part.status, part.body), (206, b"el"))

    def test_download_of_what_is_not_there(self) -> None:
        self.upload([("a.txt", b"hello")])
        self.assertEqual(self.get("/drive?_download=1&id=2").status, 404)
        (self.folder / "files" / "a.txt").unlink()
        self.assertEqual(self.get("/drive?_download=1&id=1").status, 404)
        self.assertEqual(self.get("/drive?_download=1&id=x").status, 400)

    def test_several_files_get_names_of_their_own(self) -> None:
        self.upload([("a.txt", b"1"), ("../a.txt", b"2"), (".hidden", b"3")], tag="x")
        self.assertEqual([row["path"] for row in self.rows("_sort=id")], ["a.txt", "a.1.txt", "hidden"])
        self.assertEqual([row["tag"] for row in self.rows("_sort=id")], ["x", None, None])

    def test_the_table_is_filtered_like_any_other(self) -> None:
        self.upload([("a.txt", b"1"), ("b.csv", b"22")])
        self.assertEqual([row["file"] for row in self.rows("ext=.csv")], ["b.csv"])
        self.assertEqual([row["file"] for row in self.rows("size%3E=1")], ["b.csv"])

    def test_what_is_not_allowed(self) -> None:
        for response, status, text in (
            (self.upload([("a.txt", b"1"), ("b.EXE", b"2")]), 415, "b.EXE"),
            (self.upload([("a.csv", b"1")], "/only"), 415, ".csv"),
            (self.upload([("a.txt", b"x" * 1001)]), 413, "over 1000 bytes"),
            (self.upload([]), 400, "no file in its field 'file'"),
            (self.request("POST", "/drive", data={"tag": "x"}), 400, "no file in its field 'file'"),
        ):
            self.assertEqual(response.status, status, response.text)
            self.assertIn(text, response.json()["error"])
        self.assertEqual(self.rows(), [])
        self.assertEqual(self.names(), [])
        self.assertEqual(self.upload([("a.txt", b"1")], "/only").status, 200)

    def test_a_form_cannot_say_what_only_the_file_knows(self) -> None:
        self.upload([("a.txt", b"1")], path="../../etc/passwd", size="9", user_id="root", id="77")
        [row] = self.rows()
        self.assertEqual((row["id"], row["path"], row["size"], row["user_id"]), (1, "a.txt", 1, None))

    def test_delete_takes_the_file_and_its_row(self) -> None:
        self.upload([("a.txt", b"1"), ("b.txt", b"2")])
        response = self.request("DELETE", "/drive?id=1")
        self.assertEqual((response.status, response.headers["count-data"]), (200, "1"))
        self.assertEqual(([row["id"] for row in self.rows()], self.names()), ([2], ["b.txt"]))

    def test_a_delete_that_is_refused_keeps_the_files(self) -> None:
        self.upload([("a.txt", b"1")])
        for query in ("", "tag=x", "id=1&oops=1", "id=", "id=x"):
            self.assertEqual(self.request("DELETE", f"/drive?{query}").status, 400, query)
        self.assertEqual(self.names(), ["a.txt"])

    def test_put_changes_tags(self) -> None:
        self.upload([("a.txt", b"1")])
        response = self.request("PUT", "/drive?id=1&tag=old&path=x&size=7")
        self.assertEqual(response.status, 200, response.text)
        [row] = self.rows()
        self.assertEqual((row["tag"], row["path"], row["size"]), ("old", "a.txt", 1))

    def test_put_replaces_the_content(self) -> None:
        self.upload([("a.txt", b"1")], tag="x")
        response = self.upload([("other.txt", b"longer")], "/drive?id=1", "PUT")
        self.assertEqual(response.status, 200, response.text)
        [row] = self.rows()
        self.assertEqual((row["path"], row["size"], row["tag"]), ("a.txt", 6, "x"))
        self.assertEqual((self.folder / "files" / "a.txt").read_bytes(), b"longer")
        self.assertEqual(self.names(), ["a.txt"])
        self.assertEqual(self.upload([("a.txt", b"2")], "/drive?id=9", "PUT").status, 404)

    def test_redirect(self) -> None:
        response = self.upload([("a.txt", b"1")], "/redirected")
        self.assertEqual((response.status, response.headers["location"]), (302, "/thanks"))

    def test_without_path_it_is_in_the_data_folder(self) -> None:
        self.upload([("a.txt", b"1")], "/home")
        self.assertTrue((self.folder / "data" / "drivehandler" / "home" / "a.txt").is_file())

    def test_json_neither_moves_nor_deletes_a_row_without_its_file(self) -> None:
        self.upload([("a.txt", b"1"), ("b.txt", b"2")])
        for method, body in (
            ("DELETE", [{"id": 1}]),
            ("DELETE", {"id": 1}),
            ("PUT", [{"id": 1, "path": "b.txt"}]),
            ("PUT", {"id": 1, "path": "b.txt"}),
        ):
            response = self.request(method, "/drive", json=body)
            self.assertEqual(response.status, 415, response.text)
        self.assertEqual([row["path"] for row in self.rows("_sort=id")], ["a.txt", "b.txt"])

    def test_other_sites_cannot_upload(self) -> None:
        sent: Any = [("file", ("a.txt", "text/plain", io.BytesIO(b"1")))]
        response = self.request("POST", "/drive", xsrf=False, files=sent, headers={"Cookie": "sid=x"})
        self.assertEqual(response.status, 403)
        self.assertEqual((self.rows(), self.names()), ([], []))

    def test_where_the_row_cannot_be_kept_neither_is_the_file(self) -> None:
        self.get("/drive")
        with closing(sqlite3.connect(self.folder / "files" / ".meta.db")) as connection:
            connection.execute("CREATE TRIGGER t BEFORE INSERT ON drive BEGIN SELECT RAISE(ABORT, 'no'); END")
        self.assertEqual(self.upload([("a.txt", b"1")]).status, 409)
        self.assertEqual(self.names(), [])

    def test_where_the_row_cannot_be_deleted_the_file_stays(self) -> None:
        self.upload([("a.txt", b"1")])
        with closing(sqlite3.connect(self.folder / "files" / ".meta.db")) as connection:
            connection.execute("CREATE TRIGGER t BEFORE DELETE ON drive BEGIN SELECT RAISE(ABORT, 'no'); END")
            connection.execute("CREATE TRIGGER u BEFORE UPDATE ON drive BEGIN SELECT RAISE(ABORT, 'no'); END")
        self.assertEqual(self.request("DELETE", "/drive?id=1").status, 409)
        self.assertEqual(self.upload([("a.txt", b"22")], "/drive?id=1", "PUT").status, 409)
        self.assertEqual(self.names(), ["a.txt"])
        self.assertEqual((self.folder / "files" / "a.txt").read_bytes(), b"1")


class OldFolderTests(DriveTestCase):
    """A folder that Gramex 1.9 made."""

    def setUp(self) -> None:
        super().setUp()
        folder = self.folder / "files"
        folder.mkdir()
        (folder / "old.txt").write_bytes(b"old")
        with closing(sqlite3.connect(folder / ".meta.db")) as connection:
            connection.execute(
                "CREATE TABLE drive (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, file TEXT, ext TEXT, path TEXT, "
                "size INTEGER, mime TEXT, date INTEGER, user_id TEXT)"
            )
            connection.execute(
                "INSERT INTO drive VALUES (7, 'old.txt', '.txt', 'old.txt', 3, 'text/plain', 1700000000, 'bob')"
            )
            connection.commit()

    def test_its_files_are_there_and_new_ones_beside(self) -> None:
        [row] = self.rows()
        self.assertEqual((row["id"], row["file"], row["user_id"], row["tag"]), (7, "old.txt", "bob", None))
        self.assertEqual(self.get("/drive?_download=1&id=7").body, b"old")
        self.assertEqual(self.upload([("old.txt", b"new")]).json()["data"]["inserted"], [{"id": 8}])
        self.assertEqual(self.names(), ["old.1.txt", "old.txt"])


class CrashTests(AppTestCase):
    """What a server that was killed has begun."""

    config = DriveTestCase.config
    files = DriveTestCase.files

    def test_is_finished_by_the_next_one(self) -> None:
        folder = self.folder / "files"
        known, unknown, replaced = (Staged(folder) for _ in range(3))
        for staged, name in ((known, "known.txt"), (unknown, "unknown.txt")):
            staged.write(b"1")
            staged.whole()
            staged.publish(name, "unique")
            staged._file.close()
        replaced._file.close()
        with closing(sqlite3.connect(folder / ".meta.db")) as connection:
            connection.execute("CREATE TABLE drive (id INTEGER PRIMARY KEY, path TEXT)")
            connection.execute("INSERT INTO drive VALUES (1, 'known.txt')")
            connection.commit()
        self.assertEqual([row["path"] for row in self.get("/drive").json()], ["known.txt"])
        self.assertEqual(sorted(path.name for path in folder.iterdir()), [".meta.db", "known.txt"])
