"""UploadHandler and bodies that were made to hurt: boundaries, names and parts."""

from __future__ import annotations

from typing import Any

from gramex_twisted.services.filenames import LONGEST
from tests.resources.test_upload import UploadCase, form

HEAD = b'Content-Disposition: form-data; name="file"; filename="%s"\r\n\r\n'


class HostileTests(UploadCase):
    def sent(self, body: bytes, kind: str = "multipart/form-data; boundary=xyz") -> Any:
        return self.post("/up", data=body, headers={"Content-Type": kind})

    def refused(self, body: bytes, kind: str = "multipart/form-data; boundary=xyz") -> None:
        response = self.sent(body, kind)
        self.assertEqual(response.status, 400, (body[:80], kind))
        self.assertEqual((self.kept(), self.get("/up").json()), ({}, {}), (body[:80], kind))

    def test_boundaries_may_be_written_in_many_ways(self) -> None:
        for number, (boundary, written) in enumerate(
            [
                ("a" * 70, "a" * 70),
                ("a b", '"a b"'),
                ("'()+_,-./:=?", '"\'()+_,-./:=?"'),
                ("--", "--"),
                ("X", "X; charset=utf-8"),
            ]
        ):
            body = form(("file", f"{number}.txt", b"--not-it\r\n"), boundary=boundary)
            response = self.sent(body, f"multipart/form-data; boundary={written}")
            self.assertEqual((response.status, self.kept()[f"{number}.txt"]), (200, b"--not-it\r\n"), written)

    def test_those_that_are_none_are_400(self) -> None:
        good = form(("file", "a.txt", b"1"))
        for kind in (
            "multipart/form-data; boundary=",
            'multipart/form-data; boundary=""',
            "multipart/form-data; boundary=xy",
            "multipart/form-data; boundry=xyz",
            "multipart/form-data; boundary=" + "x" * 5000,
        ):
            self.refused(good, kind)

    def test_a_body_ends_where_its_last_boundary_is(self) -> None:
        good = form(("file", "a.txt", b"1"))
        for body in (
            good.replace(b"--xyz--", b"--xyz-"),
            good.replace(b"--xyz--", b"--xyz"),
            good.replace(b"\r\n--xyz--", b"\n--xyz--"),
            good.replace(b"\r\n", b"\n"),
            b"--xyz\r\n" + good[:-9],
            b"--xyz--",
            b"",
        ):
            response = self.sent(body)
            self.assertEqual(self.kept(), {}, body)
            self.assertIn((response.status, response.json().get("upload")), [(400, None), (200, [])], body)

    def test_what_is_before_and_after_the_parts_is_dropped(self) -> None:
        self.sent(b"preamble\r\n" + form(("file", "a.txt", b"1")))
        self.sent(form(("file", "b.txt", b"2")) + b"epilogue")
        self.assertLessEqual(set(self.kept().items()), {("a.txt", b"1"), ("b.txt", b"2")})

    def test_parts_that_are_none_are_400(self) -> None:
        for part in (
            b"\r\n\r\nx",
            b"\r\nx",
            b'\r\nContent-Disposition: attachment; filename="a"\r\n\r\nx',
            b'\r\nContent-Disposition: form-data; name="file"; filename="a"',
            b'\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nno colon\r\n\r\nx',
            b"\r\n" + b"X: y\r\n" * 5000 + HEAD % b"a" + b"x",
            b"\r\n" + HEAD % (b"n" * 100_000) + b"x",
        ):
            self.refused(b"--xyz" + part + b"\r\n--xyz--\r\n")

    def test_a_part_without_a_name_is_nothing(self) -> None:
        body = b"--xyz\r\nContent-Disposition: form-data\r\n\r\nx\r\n--xyz--\r\n"
        self.assertEqual(self.sent(body).json(), {"upload": [], "delete": []})
        self.assertEqual(self.kept(), {})

    def test_ten_thousand_parts_are_400_and_nothing_is_left(self) -> None:
        for name in ("", "x.txt"):
            self.refused(
                b"".join(b"--xyz\r\n" + HEAD % name.encode() + b"1\r\n" for _ in range(10_000)) + b"--xyz--\r\n"
            )
        self.refused(form(*[("note", None, b"1")] * 10_000))

    def test_one_field_may_come_often(self) -> None:
        parts = [("file", "a.txt", b"1"), ("note", None, b"x"), ("file", "a.txt", b"2"), ("note", None, b"y")]
        files = [meta["file"] for meta in self.send("/up", *parts).json()["upload"]]
        self.assertEqual((files, self.kept()), (["a.txt", "a.1.txt"], {"a.txt": b"1", "a.1.txt": b"2"}))

    def test_names_are_one_part_of_a_path_that_any_system_takes(self) -> None:
        for sent, got in (
            (b"a\x00b.txt", "ab.txt"),
            (b"\x00", "data.bin"),
            (b"x" * 300, "x" * LONGEST),
            (b"..\\\\..\\\\win.ini", "win.ini"),
            (b"/etc/passwd", "passwd"),
            (b"%2e%2e%2fa.txt", "%2e%2e%2fa.txt"),
            (b".htaccess", "htaccess"),
            (b" . ", "data.1.bin"),
            (b"a\x7f\x1b[31m.txt", "a[31m.txt"),
        ):
            response = self.sent(b"--xyz\r\n" + HEAD % sent + b"1\r\n--xyz--\r\n")
            self.assertEqual(response.status, 200, (sent, response.text))
            [meta] = response.json()["upload"]
            self.assertEqual(meta["file"], got, sent)
            self.assertEqual((self.folder / "files" / meta["file"]).read_bytes(), b"1")
