"""Forms that were stored: their files are read when they are asked for."""

from __future__ import annotations

import subprocess
from pathlib import Path

from twisted.internet.threads import deferToThread

from gramex_twisted.testing import AppTestCase
from tests.processes import ProcessTestCase

MODULE = """
def show(handler):
    [file] = handler.request.files["file"]
    return {
        "body": file.body.decode(), "again": file["body"].decode(), "got": file.get("body").decode(),
        "name": file.filename, "kind": file.content_type, "read": file.file.read().decode(), "none": file.get("none"),
        "note": handler.get_argument("note"),
    }


def name(handler):
    return handler.request.files["file"][0].filename + handler.get_argument("note")
"""
SAID = {200: "x", 400: "there are over 10000 arguments"}
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nn\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nabc\r\n--x--\r\n"
)


class CountTests(AppTestCase):
    config = """
    url:
      first: {pattern: /first, handler: FunctionHandler, kwargs: {function: 'handler.get_argument("a", "none")'}}
    """

    def test_ten_thousand_arguments_are_read_and_no_more(self) -> None:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        for body, status in ((b"&b=1" * 9_998 + b"&a=x", 200), (b"&b=1" * 10_000 + b"&a=x", 400), (b"&" * 10_000, 400)):
            response = self.post("/first", data=body, headers=headers)
            self.assertEqual(response.status, status)
            self.assertEqual(response.text if status == 200 else response.json()["error"], SAID[status])
        response = self.get("/first?" + "&" * 10_000)
        self.assertEqual((response.status, response.json()["error"]), (400, SAID[400]))


class FileTests(AppTestCase):
    files = {"forms.py": MODULE}
    config = "url: {show: {pattern: /show, handler: FunctionHandler, kwargs: {function: forms.show}}}"

    def test_a_file_has_its_bytes_in_every_way(self) -> None:
        response = self.post("/show", data=FORM, headers={"Content-Type": "multipart/form-data; boundary=x"})
        self.assertEqual(
            response.json(),
            {
                "body": "abc",
                "again": "abc",
                "got": "abc",
                "name": "a.txt",
                "kind": "text/plain",
                "read": "abc",
                "none": None,
                "note": "n",
            },
        )


class MemoryTests(ProcessTestCase):
    timeout = 240

    async def test_a_long_file_that_nobody_reads_is_not_held_in_memory(self) -> None:
        yaml = (
            "app: {settings: {xsrf_cookies: false}, listen: {max_body_size: 300MB}}\n"
            "url: {name: {pattern: /name, handler: FunctionHandler, kwargs: {function: forms.name}}}\n"
        )
        self.write({"gramex.yaml": yaml, "forms.py": MODULE})
        server = await self.serve()
        big = self.folder / "big.bin"
        with big.open("wb") as file:
            file.truncate(200_000_000)
        pid = server.transport.pid  # type: ignore[attr-defined]

        def held() -> int:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

        before = held()
        url = f"http://127.0.0.1:{server.port}/name"
        done = await deferToThread(
            subprocess.run,
            ["curl", "-sS", "--max-time", "200", "-F", f"file=@{big}", "-F", "note=!", url],
            check=True,
            capture_output=True,
        )
        self.assertEqual(done.stdout, b"big.bin!")
        self.assertLess(held() - before, 50_000)
