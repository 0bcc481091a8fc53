"""The admin of real processes: its port or socket, its token, reloads, and the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from pathlib import Path

from twisted.internet.error import ConnectError
from twisted.internet.ssl import Certificate, optionsForClientTLS

from tests.certificates import make_certificate
from tests.processes import ROOT, Client, ProcessTestCase, Response, Server, free_port

TOKEN = "a-token-of-the-tests"
URL = """
url:
  hello: {pattern: /, handler: FunctionHandler, kwargs: {function: str("hello")}}
  slow: {pattern: /slow, handler: FunctionHandler, kwargs: {function: slow.slow}}
"""
SLOW = """
import os, time

def slow():
    print("slow has begun", flush=True)
    while not os.path.exists("gate"):
        time.sleep(0.01)
    return "slow but sure"
"""


class AdminProcessTests(ProcessTestCase):
    def configure(self, admin: str | None, url: str = URL) -> None:
        section = "" if admin is None else f"\n  admin: {admin}"
        self.write({"gramex.yaml": f"app:\n  listen: {{port: 0, address: 127.0.0.1}}{section}\n{url}", "slow.py": SLOW})

    async def begin(self, admin: str | None) -> Server:
        self.configure(admin)
        return await self.spawn().started()

    async def ask(self, port: int, path: str = "/live", token: str = "", *, unix: str | None = None) -> Response:
        """The admin's answer."""
        client = await Client.connect(port, path=unix)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = await client.get(path, **headers, Connection="close")
        await client.closed
        return response

    async def assert_shut(self, port: int) -> None:
        try:
            await Client.connect(port)
        except ConnectError:
            return
        self.fail(f"port {port} is open")

    async def reload(self, server: Server, line: str = "reloaded ") -> None:
        server.signal(signal.SIGHUP)
        await server.line(line)

    async def test_a_token_is_made_once_and_kept_where_only_its_owner_reads_it(self) -> None:
        port = free_port()
        server = await self.begin(str(port))
        path = self.folder / "data" / "admin.token"
        token = path.read_text()
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertTrue(len(token) >= 43)
        self.assertIn(f"admin on http://127.0.0.1:{port}; its token is in {path}", server.output)
        self.assertNotIn(token, server.output)
        self.assertEqual((await self.ask(port, "/admin/config", token)).status, 200)
        await server.stop()
        again = await self.begin(str(port))
        self.assertEqual(path.read_text(), token)
        self.assertEqual((await self.ask(port, "/metrics", token)).status, 200)
        self.assertNotIn(token, again.output)

    async def test_without_a_word_there_is_none(self) -> None:
        server = await self.begin(None)
        self.assertNotIn("admin", server.output)
        self.assertFalse((self.folder / "data" / "admin.token").exists())
        self.assertEqual((await self.ask(server.port, "/metrics")).status, 404)

    async def test_a_port_in_use_is_named_with_its_line(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.configure(f"{{listen: {port}, token: {TOKEN}}}")
            server = self.spawn()
            self.assertEqual(await server.exited(), 1)
        told = f"app.admin.listen: port {port} is in use on 127.0.0.1; stop what listens there, or choose another"
        self.assertIn(f"gramex.yaml:3:11: {told}\n", server.output)
        self.assertNotIn("Traceback", server.output)

    async def test_the_port_of_the_app_itself_is_in_use(self) -> None:
        server = await self.begin(f"{{listen: {free_port()}, token: {TOKEN}}}")
        port = int(server.output.partition("admin on http://127.0.0.1:")[2].split(";")[0])
        self.configure(f"{{listen: {server.port}, token: {TOKEN}}}")
        await self.reload(server, f"port {server.port} is in use on 127.0.0.1")
        await server.line("the app goes on as it was")
        self.assertEqual((await self.ask(port, "/ready")).body, b"ready\n")
        metrics = (await self.ask(port, "/metrics", TOKEN)).body
        self.assertIn(b'gramex_reloads_total{result="failed"} 1.0\n', metrics)

    async def test_a_short_token_is_told_with_its_line_and_not_repeated(self) -> None:
        self.configure("{token: s3cr3t}")
        server = self.spawn()
        self.assertEqual(await server.exited(), 64)
        self.assertIn("gramex.yaml:3:11: app.admin.token: must have at least 16 characters", server.output)
        self.assertNotIn("s3cr3t", server.output)

    async def test_a_unix_socket_is_its_owners(self) -> None:
        path = str(self.folder / "admin.sock")
        server = await self.begin(f"{{listen: 'unix:{path}', token: {TOKEN}}}")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual((await self.ask(0, unix=path)).body, b"live\n")
        self.assertEqual((await self.ask(0, "/metrics", unix=path)).status, 401)
        self.assertEqual((await self.ask(0, "/metrics", TOKEN, unix=path)).status, 200)
        self.configure(f"{{listen: 'unix:{path}:mode=660', token: {TOKEN}}}")
        await self.reload(server)
        self.assertEqual((await self.ask(0, unix=path)).body, b"live\n")
        server.signal(signal.SIGTERM)
        self.assertEqual(await server.exited(), 0)
        self.assertFalse(Path(path).exists())

    async def test_a_reload_changes_the_token_the_port_and_whether_there_is_one(self) -> None:
        one, two = free_port(), free_port()
        server = await self.begin(f"{{listen: {one}, token: {TOKEN}}}")
        kept = await Client.connect(one)
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        self.assertEqual((await kept.get("/metrics", **bearer)).status, 200)
        self.configure(f"{{listen: {one}, token: another-{TOKEN}}}")
        await self.reload(server)
        self.assertEqual((await kept.get("/live")).body, b"live\n")
        self.assertEqual((await kept.get("/metrics", **bearer)).status, 401)
        self.assertEqual((await self.ask(one, "/metrics", f"another-{TOKEN}")).status, 200)

        self.configure(f"{{listen: {two}, token: {TOKEN}}}")
        await self.reload(server)
        self.assertEqual((await self.ask(two, "/metrics", TOKEN)).status, 200)
        await self.assert_shut(one)

        self.configure(None)
        await self.reload(server)
        await self.assert_shut(two)
        await kept.closed

        self.configure(f"{{listen: {one}, token: {TOKEN}}}")
        await self.reload(server)
        client = await Client.connect(server.port)
        self.assertEqual((await client.get("/")).body, b"hello")
        metrics = (await self.ask(one, "/metrics", TOKEN)).body
        self.assertIn(b'gramex_requests_total{method="GET",route="hello",status="200"} 1.0\n', metrics)
        self.assertIn(b'gramex_reloads_total{result="done"} 4.0\n', metrics)

    async def test_while_the_server_drains_it_is_live_and_not_ready_and_then_gone(self) -> None:
        port = free_port()
        server = await self.begin(f"{{listen: {port}, token: {TOKEN}}}")
        self.assertEqual((await self.ask(port, "/ready")).status, 200)
        client = await Client.connect(server.port)
        answer = client.send("/slow")
        await server.line("slow has begun")
        server.signal(signal.SIGTERM)
        await server.line("SIGTERM: stopping")
        ready = await self.ask(port, "/ready")
        self.assertEqual((ready.status, ready.body), (503, b"draining: the server stops\n"))
        self.assertEqual((await self.ask(port, "/live")).body, b"live\n")
        metrics = (await self.ask(port, "/metrics", TOKEN)).body
        self.assertIn(b"gramex_ready 0.0\n", metrics)
        self.assertIn(b"gramex_requests_in_flight 1.0\n", metrics)
        idle = await Client.connect(port)
        self.write({"gate": ""})
        self.assertEqual((await answer).body, b"slow but sure")
        self.assertEqual(await server.exited(), 0)
        await idle.closed
        self.assertNotIn("Traceback", server.output)

    async def test_over_tls_its_cookie_is_for_tls_alone(self) -> None:
        port = free_port()
        certfile, keyfile = make_certificate(self.folder, "one")
        listen = f"'ssl:{port}:interface=127.0.0.1:privateKey={keyfile}:certKey={certfile}'"
        await self.begin(f"{{listen: {listen}, token: {TOKEN}}}")
        tls = optionsForClientTLS("localhost", trustRoot=Certificate.loadPEM(certfile.read_bytes()))
        client = await Client.connect(port, tls=tls)
        self.assertEqual((await client.get("/live")).body, b"live\n")
        body = f"token={TOKEN}".encode()
        form = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        done = await client._send("POST", "/admin/login", body, form)
        self.assertEqual(done.status, 303)
        self.assertIn("Secure", done.headers["set-cookie"])

    async def test_the_example_app_has_one_for_the_asking(self) -> None:
        port = free_port()
        example = ("--config", str(ROOT / "etc" / "gramex.yaml"), "--set", "app.watch=false")
        server = await self.serve(*example, "--set", f"app.admin={port}")
        token = (self.folder / "data" / "admin.token").read_text()
        self.assertEqual((await self.ask(port, "/ready")).body, b"ready\n")
        client = await Client.connect(server.port)
        self.assertEqual((await client.get("/", Connection="close")).status, 200)
        found = json.loads((await self.ask(port, "/admin/", token)).body)
        self.assertEqual((found["ready"], found["requests"]["count"]), (True, 1))
        self.assertEqual([route["name"] for route in found["busiest"]], ["home"])

    async def test_the_log_of_a_process_is_in_its_admin(self) -> None:
        port = free_port()
        server = await self.begin(f"{{listen: {port}, token: {TOKEN}}}")
        client = await Client.connect(server.port)
        await client.get("/?x=<b>")
        await server.line("200 GET /")
        self.configure(f"{{listen: {port}, token: {TOKEN}}}", URL + "log: {root: {level: WARNING}}\n")
        await self.reload(server, "reloading")
        body = b""
        while b"reloading" not in body or b"200 GET" not in body:
            body = (await self.ask(port, "/admin/log", TOKEN)).body
        self.assertIn(b"SIGHUP", body)
