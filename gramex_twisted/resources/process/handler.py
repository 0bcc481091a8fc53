"""ProcessHandler: runs a program for each request, and sends what it prints as it prints it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.config.model import Seconds
from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.base import Options, Resource, Setup
from gramex_twisted.resources.process.command import Command, ProgramMissingError, located
from gramex_twisted.resources.process.output import Files, Output
from gramex_twisted.resources.process.stdin import Stdin
from gramex_twisted.services.processes import Child, Processes
from gramex_twisted.web.stream import ClientGone
from gramex_twisted.web.values import HTML

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context
    from gramex_twisted.web.request import Request

log = Logger()

PIPE = "pipe"


def _targets(value: Any) -> Any:
    """One target as a list of it; false and null are none."""
    listed = value if isinstance(value, list) else [value]
    return tuple(item for item in listed if item not in (False, None, "", "false"))


Targets = Annotated[tuple[str, ...], BeforeValidator(_targets, json_schema_input_type=str | bool | list[str | bool])]


class ProcessOptions(Options):
    """ProcessHandler sends the output of a program."""

    args: str | list[Any] = Field(
        description="The program and its arguments, a list; with `shell`, one text. `{handler.args[x][0]}` is a value "
        "of the request: it is always within one argument, and quoted for a shell."
    )
    shell: bool = Field(default=False, description="true: `args` is for `/bin/sh`, with its pipes and wildcards.")
    cwd: str | None = Field(default=None, description="Folder to run it in; default: that of gramex.yaml.")
    env: dict[str, str] = Field(default={}, description="Environment variables, added to those of the server.")
    buffer: Annotated[int, Field(ge=0)] | Literal["line"] = Field(
        default=0, description="Bytes that are sent at once, at least; `line`: whole lines; 0: all as it comes."
    )
    stdout: Targets = Field(
        default=(PIPE,),
        description="Where the output goes: `pipe`, the response; `false`, nowhere; a file's name; or a list of them.",
    )
    stderr: Targets = Field(default=(PIPE,), description="The same for what it prints as errors.")
    stdin: Literal["body", False] = Field(
        default=False, description="`body`: the program reads the request's body while it arrives."
    )
    timeout: Seconds | None = Field(
        default=None, description="Seconds that it may run; then it is ended: 504, or a response that is cut off."
    )


class ProcessHandler(Resource):
    """Runs the route's program for every GET, POST and PUT."""

    options_model = ProcessOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options = self.options
        try:
            self.command = Command(options.args, shell=options.shell)
        except ValueError as error:
            raise setup.error(str(error), "args") from None
        self.folder = Path(setup.services.root, options.cwd or "")
        self.environment = {name: str(value) for name, value in options.env.items()}
        self.redirects = setup.redirects(options.redirect)
        self.processes = setup.services.part(Processes)

    def streams_body(self, request: Request) -> bool:
        """What the program reads is not stored before."""
        return bool(self.options.stdin)

    async def on_HEAD(self, context: Context) -> None:
        """The headers alone: nothing is run."""

    async def on_GET(self, context: Context) -> Any:
        """The output of a new process; with ``redirect:``, none of it, but where to go when it has ended."""
        command = self.command.of(context)
        if not self.redirects.active:
            return Printed(self, command)
        await self.execute(context, command)
        self.redirects.follow(context)
        return None

    on_POST = on_PUT = on_GET

    async def execute(self, context: Context, command: list[str]) -> None:
        """Run ``command`` to its end.

        :raises HTTPError: 500 where it cannot be started, 503 where the system has no room, 504 where it is too slow.
        """
        files = Files()
        try:
            command = await self._prepared(command, files)
            await self._run(context, command, files)
        finally:
            await self.services.threads.run(files.close)

    async def _prepared(self, command: list[str], files: Files) -> list[str]:
        try:
            prepared: list[str] = await self.services.threads.run(self._prepare, command, files)
            return prepared
        except (ProgramMissingError, OSError) as error:
            log.error("{route}: {error}", route=self.name, error=str(error))
            raise HTTPError(500, "the program cannot be started; the server's log says why") from None

    def _prepare(self, command: list[str], files: Files) -> list[str]:
        """In a thread: find the program, open the files."""
        found = located(command, self.folder, self.environment)
        for target in {*self.options.stdout, *self.options.stderr} - {PIPE}:
            files.open(str(Path(self.services.root, target)))
        return found

    def _output(self, context: Context, files: Files) -> Output:
        async def send(data: bytes) -> None:
            if context.stream is None and context.get_header("Content-Type") is None:
                context.set_header("Content-Type", HTML)
            await context.open_stream().write_all((data,))

        def target(name: str) -> Any:
            if name == PIPE:
                return send
            return partial(self.services.threads.run, files.write, str(Path(self.services.root, name)))

        written = {1: self.options.stdout, 2: self.options.stderr}
        return Output(
            self.options.buffer,
            {
                fd: [target(name) for name in names if name != PIPE or not self.redirects.active]
                for fd, names in written.items()
            },
        )

    async def _run(self, context: Context, command: list[str], files: Files) -> None:
        output = self._output(context, files)
        try:
            child = self.processes.start(
                command,
                output.receive,
                folder=str(self.folder),
                environment=self.environment,
                stdin=bool(self.options.stdin),
                outputs=[fd for fd, names in ((1, self.options.stdout), (2, self.options.stderr)) if names],
            )
        except OSError as error:
            log.error("{route}: {error}", route=self.name, error=str(error))
            raise HTTPError(503, "the program cannot be started now; the server's log says why") from None
        output.child = child
        await Watch(self, context, child, output).over()


class Printed:
    """The response: what the program of a request prints."""

    def __init__(self, handler: ProcessHandler, command: list[str]) -> None:
        self.handler = handler
        self.command = command

    async def respond(self, context: Context) -> None:
        """Run it, and send its output to the end."""
        await self.handler.execute(context, self.command)
        if context.stream is None and context.get_header("Content-Type") is None:
            context.set_header("Content-Type", HTML)
        context.open_stream().finish()


class Watch:
    """One run of a program: its output, its input, its client and its deadline, whichever ends first."""

    def __init__(self, handler: ProcessHandler, context: Context, child: Child, output: Output) -> None:
        self.handler = handler
        self.context = context
        self.child = child
        self.output = output
        self.error: BaseException | None = None

    async def over(self) -> None:
        """Wait for the end; what goes wrong ends the program.

        :raises ClientGone: and HTTPError 504 for a program that takes too long.
        """
        options = self.handler.options
        timer = None
        if options.timeout is not None:
            timer = self.handler.services.reactor.callLater(options.timeout, self._late)
        self.child.ended.addCallback(self._ended)
        self.context.native.notifyFinish().addErrback(self._left)
        if options.stdin:
            feeding = Stdin(self.child, self.context.body).feed()
            Deferred.fromCoroutine(feeding).addErrback(self._not_fed)
        try:
            await self.output.run()
        except Exception as error:
            self._fail(error)
            raise
        finally:
            if timer is not None and timer.active():
                timer.cancel()
        if self.error is not None:
            raise self.error

    def _ended(self, code: int) -> None:
        if code and self.error is None:
            log.warn("{route}: the program ended with {code}", route=self.handler.name, code=code)
        self.output.end()

    def _left(self, _: object) -> None:
        self._fail(ClientGone())

    def _not_fed(self, failure: Failure) -> None:
        assert failure.value is not None
        self._fail(failure.value)

    def _late(self) -> None:
        self._fail(HTTPError(504, f"the program took longer than {self.handler.options.timeout:g} s"))

    def _fail(self, error: BaseException) -> None:
        if self.error is None:
            self.error = error
            self.child.stop()
            self.output.abandon()
            if self.context.stream is not None and not self.context.native._disconnected:
                self.context.stream.abort()  # a client that does not read would hold it up
