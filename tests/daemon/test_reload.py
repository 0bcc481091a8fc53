"""Reloads of real processes: under load, into a broken file and back, of modules and of ports."""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.trial.unittest import TestCase

from gramex_twisted.daemon.reload import Reloader
from tests.processes import Client, ProcessTestCase, Server, free_port


def config(text: str = "one", extra: str = "") -> str:
    return f"url:\n  hello: {{pattern: /, handler: FunctionHandler, kwargs: {{function: str({text!r})}}}}\n{extra}"


def module(name: str) -> str:
    return f"""
import os, time

def name():
    return {name!r}

def slow():
    print("slow has begun", flush=True)
    while not os.path.exists("gate"):
        time.sleep(0.01)
    return name()
"""


class ReloadTests(ProcessTestCase):
    async def get(self, server: Server, path: str = "/") -> str:
        client = await Client.connect(server.port)
        body = (await client.get(path, Connection="close")).body.decode()
        await client.closed
        return body

    def replace(self, name: str, text: str) -> None:
        """Change a file as an editor does: under another name first."""
        draft = self.folder / f"{name}.new"
        draft.write_text(text)
        os.replace(draft, self.folder / name)

    async def test_no_request_fails_while_sighup_reloads_under_load(self) -> None:
        self.write({"gramex.yaml": config("0")})
        server = await self.serve()
        seen: list[set[str]] = [set(), set(), set(), set()]
        running = True

        async def kept(answers: set[str]) -> None:
            client = await Client.connect(server.port)
            while running:
                answers.add((await client.get("/")).body.decode())

        async def fresh(answers: set[str]) -> None:
            while running:
                answers.add(await self.get(server))

        load = [
            Deferred.fromCoroutine(loop(answers))
            for loop, answers in zip((kept, kept, fresh, fresh), seen, strict=True)
        ]
        for number in range(1, 6):
            self.replace("gramex.yaml", config(str(number)))
            server.signal(signal.SIGHUP)
            await server.line("reloaded ")
            self.assertEqual(await self.get(server), str(number))
        running = False
        results = await DeferredList(load, consumeErrors=True)
        self.assertEqual([result for success, result in results if not success], [])
        for answers in seen:
            self.assertEqual(answers, {"0", "1", "2", "3", "4", "5"})

    async def test_a_broken_edit_is_reported_with_its_line_and_the_mended_one_takes_over(self) -> None:
        self.write({"gramex.yaml": config("one", "app: {watch: true}\n")})
        server = await self.serve()
        self.replace("gramex.yaml", config("two", "app: {watch: true, shutdown_timeout: soon}\n"))
        await server.line(r"gramex.yaml:3:\d+: .*shutdown_timeout")
        await server.line("the app goes on as it was")
        self.assertEqual(await self.get(server), "one")
        self.replace("gramex.yaml", config("three", "app: {watch: true}\n"))
        await server.line("reloaded ")
        self.assertEqual(await self.get(server), "three")

    async def test_a_route_that_broke_keeps_the_old_app_but_one_that_was_broken_before_does_not(self) -> None:
        broken = "  bad: {pattern: /bad, handler: FunctionHandler, kwargs: {function: no.such.thing}}\n"
        self.write({"gramex.yaml": config("one", broken)})
        server = await self.serve()
        self.replace("gramex.yaml", config("two", broken))
        server.signal(signal.SIGHUP)
        await server.line("reloaded ")
        self.assertEqual(await self.get(server), "two")
        self.replace("gramex.yaml", config("three", broken + broken.replace("bad", "worse")))
        server.signal(signal.SIGHUP)
        await server.line(r"gramex.yaml:4:\d+: url.worse")
        await server.line("the app goes on as it was")
        self.assertEqual(await self.get(server), "two")

    async def test_an_edited_module_takes_over_a_broken_one_does_not_and_old_requests_end_in_the_old_one(self) -> None:
        self.write(
            {
                "gramex.yaml": """
                app: {watch: true}
                url:
                  hello: {pattern: /, handler: FunctionHandler, kwargs: {function: "user.name"}}
                  slow: {pattern: /slow, handler: FunctionHandler, kwargs: {function: "user.slow"}}
                """,
            }
        )
        self.replace("user.py", module("one"))
        server = await self.serve()
        client = await Client.connect(server.port)
        response = client.send("/slow")
        await server.line("slow has begun")
        self.replace("user.py", module("two"))
        await server.line(r"user.py has changed(?s:.*?)reloaded ")
        self.assertEqual(await self.get(server), "two")
        self.replace("user.py", "def name(:\n")
        await server.line(r"gramex.yaml:4:\d+: url.hello.*SyntaxError.*user.py:1")
        await server.line("the app goes on as it was")
        self.assertEqual(await self.get(server), "two")
        (self.folder / "gate").touch()
        self.assertEqual((await response).body, b"one")
        self.replace("user.py", module("three"))
        await server.line("reloaded ")
        self.assertEqual(await self.get(server), "three")

    async def test_a_module_that_is_missing_is_waited_for(self) -> None:
        self.write(
            {
                "gramex.yaml": """
                app: {watch: true}
                url:
                  hello: {pattern: /, handler: FunctionHandler, kwargs: {function: "user.name"}}
                """,
                "user.py": "def name():\n    return 'one'\n",
            }
        )
        server = await self.serve()
        self.replace("user.py", "import helper\ndef name():\n    return helper.NAME\n")
        await server.line("No module named 'helper'")
        await server.line("the app goes on as it was")
        self.replace("helper.py", "NAME = 'helped'\n")
        await server.line("helper.py has changed(?s:.*?)reloaded ")
        self.assertEqual(await self.get(server), "helped")

    async def test_changed_listen_settings_open_new_ports_and_close_old_ones(self) -> None:
        path = str(self.folder / "a.sock")
        self.write({"gramex.yaml": config("one", "app: {listen: ['tcp:0']}\n")})
        server = await self.spawn().started()
        first, second = server.port, free_port()
        self.replace("gramex.yaml", config("two", f"app: {{listen: ['tcp:{second}', 'unix:{path}']}}\n"))
        server.signal(signal.SIGHUP)
        await server.line("reloaded ")
        for line in (
            f"listening on http://0.0.0.0:{second}",
            f"listening on http+unix:{path}",
            f"closed http://0.0.0.0:{first}",
        ):
            self.assertIn(line, server.output)
        client = await Client.connect(path=path)
        self.assertEqual((await client.get("/")).body, b"two")
        self.replace("gramex.yaml", config("three", f"app: {{listen: ['tcp:{second}', 'unix:/nowhere/a.sock']}}\n"))
        server.signal(signal.SIGHUP)
        await server.line("cannot listen on unix:/nowhere/a.sock")
        self.assertEqual((await client.get("/")).body, b"two")


class CoalescingTests(TestCase):
    """Many triggers, few reloads: on a daemon that only counts."""

    async def test_triggers_during_a_reload_become_one_more(self) -> None:
        reasons: list[str] = []
        gates: list[Deferred[None]] = [Deferred(), Deferred()]
        reloader = Reloader(Any, reactor)  # type: ignore[arg-type]

        async def reload(reason: str) -> None:
            reasons.append(reason)
            await gates[len(reasons) - 1]

        self.patch(reloader, "_reload", reload)
        for reason in ("first", "second", "third", "fourth"):
            reloader.request(reason)
        self.assertEqual(reasons, ["first"])
        gates[0].callback(None)
        self.assertEqual(reasons, ["first", "fourth"])
        gates[1].callback(None)
        await reloader.stop()
        reloader.request("too late")
        self.assertEqual(reasons, ["first", "fourth"])
