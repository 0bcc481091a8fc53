"""DriveHandler: people upload files, find them by a table, and download them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.defer import Deferred

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.base import Setup
from gramex_twisted.resources.drive import folder as files
from gramex_twisted.resources.drive.options import OWN, DriveOptions
from gramex_twisted.resources.drive.table import DriveTable, columns_of
from gramex_twisted.resources.form.handler import FormHandler
from gramex_twisted.services.filenames import safe_name
from gramex_twisted.web.disposition import attachment
from gramex_twisted.web.entity import Entity
from gramex_twisted.web.filebody import FileBody
from gramex_twisted.web.receiving import Received, Receiver

if TYPE_CHECKING:
    from gramex_twisted.config.model import Model
    from gramex_twisted.web.context import Context
    from gramex_twisted.web.request import Request

FIELD = "file"
"""The field of a form that holds files."""
PROTECTED = ("id", "file", "ext", "path", "size", "mime", "date")
"""Columns that come from the files, whatever a form says."""


class DriveHandler(FormHandler):
    """Keeps the files of one folder."""

    options_model: ClassVar[type[Model]] = DriveOptions
    checks_xsrf_field = True
    needs_session = True

    def written(self, setup: Setup) -> Mapping[str, Any]:
        """The kwargs of the table."""
        options: DriveOptions = self.options
        default = setup.services.data_dir / "drivehandler" / safe_name(setup.name)
        self.folder = Path(setup.services.root, options.path) if options.path else default
        if self.folder.exists() and not self.folder.is_dir():
            raise setup.error(f"{options.path} is no folder", "path")
        place = str(self.folder.absolute()).replace("{", "{{").replace("}", "}}")
        own = {key: value for key, value in setup.config.kwargs.items() if key not in OWN}
        own["url"] = own.get("url") or f"sqlite:///{place}/.meta.db"
        own["table"] = own.get("table") or "drive"
        return {**own, "id": "id", "columns": columns_of(options)}

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        [own] = self.sets.sets.values()
        self.table = DriveTable(own.source, self.folder)
        self._ready: Deferred[None] | None = None

    def streams_body(self, request: Request) -> bool:
        """A form with files goes straight to the folder."""
        return (request.getHeader(b"Content-Type") or b"").strip().lower().startswith(b"multipart/form-data")

    async def ready(self) -> None:
        """Make the folder and its table, and finish what a killed server has begun: once."""
        if self._ready is None:
            self._ready = self.datasets.run(str(self.folder), self.table.prepare)
            self._ready.addErrback(self._again)
        await self._ready

    def _again(self, failure: Any) -> Any:
        self._ready = None
        return failure

    # Answers ----------------------------------------------------------------------------------------------------------

    async def on_GET(self, context: Context) -> Any:
        """The table, or the file of `?_download=1&id=N`."""
        with self.failing():
            await self.ready()
        if "_download" in context.args and len(context.args.get("id", ())) == 1:
            return await self._download(context, context.args["id"][0])
        return await super().on_GET(context)

    async def _download(self, context: Context, key: str) -> FileBody:
        with self.failing():
            row = await self.datasets.run(str(self.folder), self.table.row, key)
        if row is None:
            raise HTTPError(404, f"there is no file with id={key}")
        file, found = await self.services.threads.run(files.opened, self.folder, str(row["path"]))
        headers = {"Content-Disposition": [attachment(str(row["file"] or row["path"]))]}
        etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
        kind = str(row["mime"] or "application/octet-stream")
        return FileBody([file], Entity(found.st_size, kind, etag, int(found.st_mtime), headers))

    async def on_POST(self, context: Context) -> Any:
        """Keep the files of a form, each with its row: all or none."""
        with self.failing():
            await self.ready()
        receiver = await self._received(context)
        try:
            if not receiver.files:
                raise HTTPError(400, f"the form has no file in its field {FIELD!r}")
            context.args = await self._published(context, receiver.files)
            return await super().on_POST(context)
        except BaseException:
            for each in receiver.files:
                await self.services.threads.run(each.staged.take_back)
            raise
        finally:
            await self.services.threads.run(receiver.close)

    async def on_PUT(self, context: Context) -> Any:
        """Change what is known of a file, and its content where the form has one."""
        _refuse_json(context)
        with self.failing():
            await self.ready()
        receiver = await self._received(context)
        try:
            said = context.args
            context.args = {name: said[name] for name in said if name == "id" or not _is_protected(name)}
            if receiver.files:
                return await self._replaced(context, receiver.files[0])
            return await super().on_PUT(context)
        finally:
            await self.services.threads.run(receiver.close)

    async def on_DELETE(self, context: Context) -> Any:
        """Delete files and their rows."""
        _refuse_json(context)
        with self.failing():
            await self.ready()
            paths = await self.datasets.run(str(self.folder), self.table.paths, dict(context.args))
        leaving = await self.services.threads.run(files.Leaving, self.folder, paths)
        try:
            result = await super().on_DELETE(context)
        except BaseException:
            await self.services.threads.run(leaving.stay)
            raise
        await self.services.threads.run(leaving.gone)
        return result

    # Files ------------------------------------------------------------------------------------------------------------

    async def _received(self, context: Context) -> Receiver:
        """The form of the request, its files on disk; its fields are `context.args` then."""
        threads, options = self.services.threads, self.options
        kind = context.request.headers.get("Content-Type", "")
        if context.native.streamed is None:
            return Receiver(self.folder, "multipart/form-data; boundary=none", (), None)
        receiver = Receiver(self.folder, kind, (FIELD,), options.max_file_size, self._check)
        try:
            async for piece in context.body:
                await threads.run(receiver.feed, piece)
            await threads.run(receiver.feed, b"")
            context.check_xsrf_field(receiver.fields.get("_xsrf", ()))
            context.set_form(receiver.fields, {})
        except BaseException:
            await threads.run(receiver.close)
            raise
        return receiver

    def _check(self, filename: str) -> None:
        """Refuse files by their extension."""
        extension = PurePath(filename).suffix.lower()
        options = self.options
        if extension in options.ignore or (options.allow and extension not in options.allow):
            raise HTTPError(415, f"{filename}: files with the extension {extension or 'of none'} are not kept here")

    async def _published(self, context: Context, received: Sequence[Received]) -> dict[str, list[Any]]:
        """Give each file its name; the arguments that are its row."""
        count = len(received)
        args = {
            name: ([*texts, *[""] * count])[:count] for name, texts in context.args.items() if name not in PROTECTED
        }
        args = {name: texts for name, texts in args.items() if not name.startswith("user_")}
        described: list[dict[str, Any]] = []
        for each in received:
            name, _ = await self.services.threads.run(each.staged.publish, safe_name(each.filename), "unique")
            described.append(self._described(context, each, name))
        for column in described[0]:
            args[column] = [row[column] for row in described]
        return args

    def _described(self, context: Context, received: Received, path: str) -> dict[str, Any]:
        """What is known of a file, by column."""
        name = safe_name(received.filename)
        kind = received.content_type
        if kind in ("", "application/unknown", "application/octet-stream"):
            kind = self.services.mimetypes.guess_type(name)[0] or kind or "application/octet-stream"
        found = {"file": name, "ext": PurePath(name).suffix.lower(), "path": path, "mime": kind}
        return {**found, **self._sized(context, received)}

    def _sized(self, context: Context, received: Received) -> dict[str, Any]:
        """What changes with the content."""
        user: Any = context.current_user or {}
        found: dict[str, Any] = {"size": str(received.staged.size), "date": str(int(time.time()))}
        for field in self.options.user_fields:
            value = user
            for part in field.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            found[f"user_{field.replace('.', '_')}"] = "" if value is None else str(value)
        return found

    async def _replaced(self, context: Context, received: Received) -> Any:
        """PUT with a file: its content replaces the one that the row names."""
        ids = context.args.get("id", [])
        with self.failing():
            row = await self.datasets.run(str(self.folder), self.table.row, ids[0] if len(ids) == 1 else "")
        if row is None:
            raise HTTPError(404 if ids else 400, f"there is no file with id={','.join(ids)}" if ids else "id: missing")
        args: dict[str, list[Any]] = {**context.args}
        args.update({column: [value] for column, value in self._sized(context, received).items()})
        context.args = args
        run = self.services.threads.run
        leaving = await run(files.Leaving, self.folder, [str(row["path"])])
        try:
            await run(received.staged.publish, str(row["path"]), "overwrite")
            result = await super().on_PUT(context)
        except BaseException:
            await run(leaving.stay)
            raise
        await run(leaving.replaced)
        return result


def _refuse_json(context: Context) -> None:
    """A JSON body would say what arguments are not let say, and name rows without their files."""
    if context.get_content_type() == "application/json" and context.native.body_size:
        raise HTTPError(415, "name files by arguments, such as ?id=1&id=2: JSON is not read here")


def _is_protected(column: str) -> bool:
    return column in PROTECTED or column.startswith("user_")
