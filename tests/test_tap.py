"""``twist gramex``: its options in this process, its exits and its reactor in real ones."""

from __future__ import annotations

import io
import os
import socket
import sys
from pathlib import Path

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.daemon.source import Source
from gramex_twisted.tap import Options, install_reactor
from tests.processes import Client, ProcessTestCase, Server, short_folder

HELLO = """
url:
  hello: {pattern: /, handler: FunctionHandler, kwargs: {function: str("hello")}}
"""


class OptionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = short_folder(self)
        self.stderr = io.StringIO()
        self.patch(sys, "stderr", self.stderr)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)

    def parse(self, *args: str) -> Options:
        options = Options()
        options.parseOptions(args)
        return options

    def exits(self, *args: str) -> str:
        error = self.assertRaises(SystemExit, self.parse, *args)
        self.assertEqual(error.code, 64)
        return self.stderr.getvalue()

    def test_the_gramex_yaml_here_is_the_default(self) -> None:
        (self.folder / "gramex.yaml").write_text(HELLO)
        options = self.parse()
        self.assertEqual(options.source, Source(self.folder / "gramex.yaml"))
        self.assertEqual([route.name for route in options.config.routes], ["default", "hello"])

    def test_set_may_be_repeated_and_port_wins_over_the_file(self) -> None:
        (self.folder / "gramex.yaml").write_text("app: {listen: {port: 1, address: 127.0.0.1}}")
        options = self.parse("--set", "app.watch=true", "--set", "app.shutdown_timeout=3", "-p", "9000")
        app = options.config.app
        self.assertEqual((app.watch, app.shutdown_timeout), (True, 3))
        self.assertEqual((app.listen.port, app.listen.address), (9000, "127.0.0.1"))

    def test_port_replaces_endpoints_too(self) -> None:
        for listen in ("{endpoint: 'unix:/run/a.sock'}", "['tcp:80', 'tcp:81']", "unix:/run/a.sock", "8000"):
            (self.folder / "gramex.yaml").write_text(f"app: {{listen: {listen}}}")
            listen_options = self.parse("--port=9000").config.app.listen
            self.assertEqual((listen_options.port, listen_options.endpoint), (9000, ()), listen)

    def test_nonsense_on_the_command_line_is_a_usage_error(self) -> None:
        (self.folder / "gramex.yaml").write_text(HELLO)
        for args, text in {
            ("--port", "http"): "--port http: a TCP port is a number from 0 to 65535",
            ("--port", "70000"): "--port 70000: a TCP port is a number from 0 to 65535",
            ("--set", "app.watch"): "--set app.watch: write --set key=value",
            ("--log-format", "xml"): "--log-format xml: it is text or json",
        }.items():
            self.assertEqual(str(self.assertRaises(UsageError, self.parse, *args)), text)

    def test_without_a_configuration_it_says_what_to_do(self) -> None:
        self.assertEqual(
            self.exits(),
            f"there is no gramex.yaml in {self.folder}: name one with --config, or make one with gramex-twisted init\n",
        )

    def test_a_configuration_that_is_not_there_is_named(self) -> None:
        self.assertEqual(self.exits("-c", "app/x.yaml"), "app/x.yaml: there is no such file or folder\n")

    def test_every_error_is_on_a_line_with_its_place(self) -> None:
        (self.folder / "gramex.yaml").write_text("app:\n  listen: {port: many}\n  watch: 7\n")
        lines = self.exits().splitlines()
        self.assertEqual(len(lines), 2, lines)
        self.assertTrue(lines[0].startswith("gramex.yaml:2:"), lines)
        self.assertTrue(lines[1].startswith("gramex.yaml:3:"), lines)

    def test_a_route_that_cannot_be_served_stops_only_a_strict_start(self) -> None:
        (self.folder / "gramex.yaml").write_text(HELLO + "  bad: {handler: FunctionHandler}\n")
        self.assertEqual([route.name for route in self.parse().config.routes if route.errors], ["bad"])
        self.assertIn("gramex.yaml:4:", self.exits("--strict"))

    def test_a_folder_means_its_gramex_yaml_or_else_its_files(self) -> None:
        app, files = self.folder / "app", self.folder / "files"
        app.mkdir()
        files.mkdir()
        (app / "gramex.yaml").write_text(HELLO)
        self.assertEqual([route.name for route in self.parse("-c", "app").config.routes], ["default", "hello"])
        (route,) = self.parse("-c", "files").config.routes
        self.assertEqual((route.handler, route.pattern), ("FileHandler", "/(.*)"))
        self.assertEqual(Path(route.kwargs["path"]), files)

    def test_a_table_needs_no_configuration(self) -> None:
        (self.folder / "data.csv").write_text("a\n1\n")
        routes = self.parse("-c", "data.csv").config.routes
        self.assertEqual(
            [(route.name, route.handler) for route in routes], [("home", "FormHandler"), ("data", "FormHandler")]
        )
        self.assertEqual(Path(routes[0].kwargs["url"]), self.folder / "data.csv")

    def test_a_database_without_tables_is_an_error_that_says_so(self) -> None:
        (self.folder / "data.db").touch()
        self.assertIn("data.db: there are no tables in it", self.exits("-c", "data.db"))
        (self.folder / "data.db").write_text("no database" * 100)
        self.assertIn("data.db: cannot be read: file is not a database", self.exits("-c", "data.db"))

    def test_twist_lists_gramex(self) -> None:
        found = {plugin.tapname: plugin for plugin in getPlugins(IServiceMaker)}
        self.assertEqual(found["gramex"].description, "Serve what a gramex.yaml describes")
        self.assertIs(found["gramex"].options, Options)

    def test_a_reactor_that_was_asked_for_is_left_alone(self) -> None:
        twist = {"reactor": "epoll"}
        install_reactor(twist)
        self.assertEqual(twist, {"reactor": "epoll"})


class TwistTests(ProcessTestCase):
    async def fails(self, code: int, *args: str) -> str:
        server = self.spawn(*args)
        self.assertEqual(await server.exited(), code, server.output)
        self.assertNotIn("Traceback", server.output)
        return server.output

    async def test_a_broken_configuration_exits_with_64_and_its_place(self) -> None:
        self.write({"gramex.yaml": "url: {a: [}\n"})
        output = await self.fails(64)
        self.assertTrue(output.startswith("gramex.yaml:1:"), output)
        self.assertEqual(len(output.splitlines()), 1, output)

    async def test_a_busy_port_is_one_line_and_exits_with_1(self) -> None:
        self.write({"gramex.yaml": HELLO})
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            output = await self.fails(1, "--port", str(port))
        self.assertEqual(
            output, f"port {port} is in use on 0.0.0.0; stop what listens there, or choose another with --port\n"
        )

    def app(self) -> None:
        self.write(
            {
                "gramex.yaml": """
                url:
                  who: {pattern: /, handler: FunctionHandler, kwargs: {function: probe.who}}
                  garbage: {pattern: /garbage, handler: FunctionHandler, kwargs: {function: probe.garbage}}
                  child: {pattern: /child, handler: FunctionHandler, kwargs: {function: probe.child}}
                """,
                "probe.py": """
                import gc
                import sys

                HEAVY = "pandas polars numpy sqlalchemy treq klein autobahn watchfiles tornado.web".split()

                async def who():
                    import asyncio
                    from twisted.internet import reactor
                    try:
                        loop = type(asyncio.get_running_loop()).__module__
                    except RuntimeError:
                        loop = "none"
                    return [type(reactor).__name__, loop, [name for name in HEAVY if name in sys.modules]]

                async def child():
                    from twisted.internet.utils import getProcessValue
                    return await getProcessValue("/bin/sh", ["-c", "exec <&- >&- 2>&-; sleep 0.2; exit 3"])

                def garbage():
                    return [gc.isenabled(), gc.get_freeze_count() > 10_000]
                """,
            }
        )

    async def who(self, server: Server, path: str = "/") -> bytes:
        response = await (await Client.connect(server.port)).get(path)
        self.assertEqual(response.status, 200, response)
        return response.body

    async def test_it_runs_on_asyncio_and_uvloop_and_imports_nothing_heavy(self) -> None:
        self.app()
        self.assertEqual(await self.who(await self.serve()), b'["Reactor","uvloop",[]]')

    async def test_a_child_that_closes_its_pipes_before_it_ends_is_noticed(self) -> None:
        self.app()
        self.assertEqual(await self.who(await self.serve(), "/child"), b"3")

    async def test_a_reactor_given_to_twist_is_used(self) -> None:
        self.app()
        server = await self.serve(twist=("--reactor=epoll",))
        self.assertEqual(await self.who(server), b'["EPollReactor","none",[]]')

    async def test_once_it_runs_garbage_is_collected_but_not_looked_for_in_what_start_up_made(self) -> None:
        self.app()
        self.assertEqual(await self.who(await self.serve(), "/garbage"), b"[true,true]")
