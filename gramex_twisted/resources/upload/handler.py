"""UploadHandler: keeps the files of forms in a folder, and tells what is there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from mimetypes import MimeTypes
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from twisted.logger import Logger

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.config.model import Model, Size
from gramex_twisted.config.settings import StoreOptions
from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.base import Options, Resource, Setup
from gramex_twisted.services.filenames import safe_name, safe_path
from gramex_twisted.services.uploadfolder import Exists
from gramex_twisted.services.uploads import Library, Meta, Uploads
from gramex_twisted.web.receiving import Received, Receiver
from gramex_twisted.web.values import JSON, dump_json

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context
    from gramex_twisted.web.request import Request

log = Logger()


def _keys(value: Any) -> Any:
    """``file`` or ``[upload, file]`` as ``{file: ...}``."""
    return {"file": value} if isinstance(value, (str, list)) else value


def _names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _methods(value: Any) -> Any:
    listed = value.replace(",", " ").split() if isinstance(value, str) else list(value or ())
    return [*listed, "POST"]


Names = Annotated[tuple[str, ...], BeforeValidator(_names, json_schema_input_type=str | list[str])]


class Keys(Model):
    """Which fields of the form mean what."""

    file: Names = Field(default=("file",), description="Fields that hold files.")
    delete: Names = Field(default=("delete",), description="Fields that name files to remove.")
    save: Names = Field(default=("save",), description="Fields that name the files, in their order.")


class UploadOptions(Options):
    """UploadHandler keeps uploaded files in a folder."""

    path: str = Field(description="The folder of the files.")
    keys: Annotated[Keys, BeforeValidator(_keys, json_schema_input_type=str | list[str] | Keys)] = Field(
        default=Keys(), description="The form's fields: `{file, delete, save}`, or those of files alone."
    )
    store: StoreOptions | None = Field(
        default=None, description="Where it is kept what is known of the files; default: SQLite in `<path>/.meta.db`."
    )
    if_exists: Literal["unique", "overwrite", "error", "backup"] = Field(
        default="unique", description="What to do where a file of that name is: `x.1.csv`, replace it, 403, or move it."
    )
    transform: dict[str, Any] = Field(
        default={},
        description="`{function}` gets `content`, what is known of a file, and `handler`; it may return another.",
    )
    methods: Annotated[list[str], BeforeValidator(_methods, json_schema_input_type=str | list[str])] = Field(
        default=["POST"], description="`get`: GET lists the files. POST is always there."
    )
    max_file_size: Size | None = Field(default=None, description="Longest file in bytes, `1GB` works too (413 above).")


class UploadHandler(Resource):
    """Keeps the files of one folder."""

    options_model = UploadOptions
    checks_xsrf_field = True
    needs_session = True

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options = self.options
        self.folder = Path(setup.services.root, options.path)
        if self.folder.exists() and not self.folder.is_dir():
            raise setup.error(f"{options.path} is no folder", "path")
        self.library: Library = setup.services.part(Uploads).library(self.folder, options.store, setup.where("store"))
        self.transform = self._transform(setup)
        self.redirects = setup.redirects(options.redirect)
        self.mimetypes: MimeTypes = setup.services.mimetypes

    def _transform(self, setup: Setup) -> Any:
        written = self.options.transform
        if not written:
            return None
        if "function" not in written:
            raise setup.error("needs function:", "transform")
        return setup.function(written, {"content": None, "handler": None}, "transform")

    def streams_body(self, request: Request) -> bool:
        """A form with files goes straight to the folder."""
        return (request.getHeader(b"Content-Type") or b"").strip().lower().startswith(b"multipart/form-data")

    # Answers ----------------------------------------------------------------------------------------------------------

    async def on_GET(self, context: Context) -> bytes:
        """What is known of every file, by its path in the folder."""
        await self.library.ready()
        context.set_header("Content-Type", JSON)
        found = await self.library.all()
        body: bytes = await self.services.threads.run(dump_json, found)
        return body

    async def on_POST(self, context: Context) -> Any:
        """Keep the files of the form, then remove those that it names."""
        await self.library.ready()
        upload = await self._upload(context) if context.native.streamed is not None else []
        delete = [
            {"success": await self.library.remove(key), "key": key}
            for field in self.options.keys.delete
            for key in context.args.get(field, ())
        ]
        if self.redirects.active:
            self.redirects.follow(context)
            return None
        context.set_header("Content-Type", JSON)
        return dump_json({"upload": upload, "delete": delete})

    # Files ------------------------------------------------------------------------------------------------------------

    async def _upload(self, context: Context) -> list[Meta]:
        threads = self.services.threads
        kind = context.request.headers.get("Content-Type", "")
        receiver = Receiver(self.folder, kind, self.options.keys.file, self.options.max_file_size)
        try:
            async for piece in context.body:
                await threads.run(receiver.feed, piece)
            await threads.run(receiver.feed, b"")
            context.check_xsrf_field(receiver.fields.get("_xsrf", ()))
            context.set_form(receiver.fields, _files(receiver.files))
            return await self._publish(context, receiver.files)
        finally:
            await threads.run(receiver.close)

    async def _publish(self, context: Context, files: Sequence[Received]) -> list[Meta]:
        names = [name for field in self.options.keys.save for name in context.args.get(field, ())]
        if len(names) > len(files):
            raise HTTPError(400, f"the form names {len(names)} files and has {len(files)}")
        kept: list[tuple[Received, Meta]] = []
        try:
            for index, received in enumerate(files):
                name = _name(received, names[index] if index < len(names) else "")
                kept.append((received, await self._keep(context, received, name)))
        except BaseException:
            await self._take_back(kept, files)
            raise
        return [meta for _, meta in kept]

    async def _keep(self, context: Context, received: Received, name: str) -> Meta:
        try:
            got, backup = await self.services.threads.run(received.staged.publish, name, self.options.if_exists)
        except Exists:
            raise HTTPError(403, f"there is a file {name!r} already") from None
        except ValueError as error:
            raise HTTPError(403, str(error)) from None
        meta: Meta = {"filename": received.filename}
        if backup is not None:
            meta["backup"] = backup
        meta |= {
            "file": got,
            "size": received.staged.size,
            "mime": received.content_type or self.mimetypes.guess_type(got)[0] or "application/octet-stream",
            "created": time.time() * 1000,
            "key": got,
            "user": context.current_user,
            "data": {key: value for key, value in context.args.items() if key != "_xsrf"},
        }
        if self.transform is not None:
            meta = await self._transformed(context, meta)
        await self.library.keep(got, meta)
        return meta

    async def _transformed(self, context: Context, meta: Meta) -> Meta:
        result = await self.run(self.transform, context, AttrDict(meta), context)
        if result is None:
            return meta
        if not isinstance(result, Mapping):
            raise TypeError(f"transform returned {type(result).__name__}, not a dict")
        return dict(result)

    async def _take_back(self, kept: Sequence[tuple[Received, Meta]], files: Sequence[Received]) -> None:
        """One file of the form could not be kept: none of it is."""
        for received, meta in kept:
            if not received.staged.replaced:
                await self.library.store.delete(meta["key"])
        for received in files:
            await self.services.threads.run(received.staged.take_back)


def _name(received: Received, wanted: str) -> str:
    if not wanted:
        return safe_name(received.filename)
    try:
        return safe_path(wanted)
    except ValueError as error:
        raise HTTPError(403, str(error)) from None


def _files(files: Sequence[Received]) -> dict[str, list[AttrDict]]:
    """``handler.request.files``; the content is in the folder already."""
    found: dict[str, list[AttrDict]] = {}
    for received in files:
        described = AttrDict(
            filename=received.filename,
            content_type=received.content_type,
            size=received.staged.size,
            path=str(received.staged.path),
        )
        found.setdefault(received.field, []).append(described)
    return found
