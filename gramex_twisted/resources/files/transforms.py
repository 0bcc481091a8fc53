"""Transforms: user functions and compilers that files go through before they are sent."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.base import Resource, response_headers
from gramex_twisted.resources.files.answers import Answer, Headers, TemplateAnswer, set_default_headers
from gramex_twisted.resources.files.finder import Found
from gramex_twisted.resources.files.paths import Globs, split_globs
from gramex_twisted.resources.files.reading import content_type, read_found
from gramex_twisted.services.compilers import KINDS, CompileError
from gramex_twisted.web.blob import Blob
from gramex_twisted.web.compress import compressible
from gramex_twisted.web.response import HANDLED
from gramex_twisted.web.values import encode

if TYPE_CHECKING:
    from gramex_twisted.functions import Function
    from gramex_twisted.web.context import Context

log = Logger()

VARIABLES = ("content", "handler")
KEYS = ("function", "args", "kwargs", "encoding", "headers")


class Transform:
    """One entry of ``transform:``, or one of ``template: sass: scss: ts:``.

    ``function`` is a compiled user function, or the name of what is built in.
    """

    def __init__(
        self, globs: Globs, function: Function | str, encoding: str | None = None, headers: Headers | None = None
    ) -> None:
        self.globs = globs
        self.function = function
        self.encoding = encoding
        self.headers = headers or {}

    def answer(self, resource: Resource, found: Found, headers: Headers) -> Answer | None:
        """What is sent for a file that ``globs`` match; None to send it as it is."""
        headers = {**headers, **self.headers}
        if self.function == "template":
            return TemplateAnswer(found, headers, resource.services)
        if isinstance(self.function, str):
            return CompileAnswer(found, headers, self.function, resource)
        return TransformAnswer(found, headers, self, resource)


class TextTemplates(Transform):
    """``template: true``: every file that is text."""

    def answer(self, resource: Resource, found: Found, headers: Headers) -> Answer | None:
        """A rendered template, or None for pictures and the like."""
        kind = (headers.get("Content-Type") or [content_type(found.file, resource.services.mimetypes)])[0]
        return super().answer(resource, found, headers) if compressible(kind) else None


def transforms(resource: Resource) -> Iterator[Transform]:
    """The transforms of a route, in the order in which they are tried.

    :raises ConfigError: naming the key.
    """
    options = resource.options
    for key, entry in options.transform.items():
        yield _transform(resource, key, entry)
    for kind in ("template", *KINDS):
        globs = getattr(options, kind)
        if globs is True:
            yield TextTemplates(Globs(["*"]), kind) if kind == "template" else Transform(Globs([f"*.{kind}"]), kind)
        elif globs:
            texts = [globs] if isinstance(globs, str) else globs
            yield Transform(Globs(glob for text in texts for glob in split_globs(text)), kind)


def _transform(resource: Resource, key: str, entry: Any) -> Transform:
    setup = resource.setup
    if isinstance(entry, str):
        entry = {"function": entry}
    if not isinstance(entry, Mapping) or "function" not in entry:
        raise setup.error("needs function: with a function of content and handler", "transform", key)
    for name in entry:
        if name not in KEYS:
            raise setup.error(f"unknown key {name!r}; use {', '.join(KEYS)}", "transform", key)
    encoding = entry.get("encoding")
    try:
        codecs.lookup(encoding or "utf-8")
    except (LookupError, TypeError):
        raise setup.error(f"{encoding!r} is no encoding", "transform", key, "encoding") from None
    headers = response_headers(entry.get("headers") or {}, setup, "transform", key, "headers")
    function = entry["function"]
    if function not in ("template", *KINDS):
        spec = {name: entry[name] for name in ("function", "args", "kwargs") if name in entry}
        function = setup.function(spec if len(spec) > 1 else function, VARIABLES, "transform", key)
    return Transform(Globs(split_globs(key)), function, encoding, headers)


class TransformAnswer(Answer):
    """What a user function makes of a file. Kept where the function does not ask for the ``handler``."""

    def __init__(self, found: Found, headers: Headers, transform: Transform, resource: Resource) -> None:
        super().__init__(found, headers)
        self.transform = transform
        self.resource = resource
        self.kind = content_type(found.file, resource.services.mimetypes)
        self.blob: Blob | None = None

    async def respond(self, context: Context) -> Any:
        if self.blob is None:
            set_default_headers(context, self.headers, self.kind)
            result = await self._run(context)
            if "handler" in self._function.uses or context.finished or not _is_plain(result):
                return self._typed(context, result)
            context._headers = None
            await self._keep(result)
        if self.blob is not None:
            await self.blob.respond(context)
        return HANDLED

    @property
    def _function(self) -> Function:
        function = self.transform.function
        assert not isinstance(function, str)
        return function

    def _typed(self, context: Context, result: Any) -> Any:
        """Data goes out as JSON, unless the headers say otherwise."""
        own = context._own_headers
        if not isinstance(result, (str, bytes)) and own.get("Content-Type") == [self.kind]:
            own.pop("Content-Type")
        return result

    async def _run(self, context: Context) -> Any:
        content = await self.resource.services.threads.run(self._read)
        return await self.resource.run(self._function, context, content, context)

    def _read(self) -> str | bytes:
        data, encoding = read_found(self.found), self.transform.encoding
        return data.decode(encoding) if encoding else data

    async def _keep(self, result: Any) -> None:
        encoded = await self.resource.services.threads.run(encode, result)
        kind = self.kind if isinstance(result, (str, bytes)) else encoded.content_type or self.kind
        self.blob = Blob(encoded.body, kind, None, None, self.headers)
        self.size = self.blob.size

    async def content(self, context: Context) -> bytes:
        if self.blob is not None:
            return self.blob.plain.body
        result = await self._run(context)
        written = context.take_written()
        encoded = await self.resource.services.threads.run(encode, result)
        return written + encoded.body  # type: ignore[no-any-return]


def _is_plain(result: Any) -> bool:
    """Whether a result is data, and not something that is sent piece by piece."""
    return not (hasattr(result, "__next__") or hasattr(result, "__anext__") or hasattr(result, "respond"))


class CompileAnswer(Answer):
    """The CSS or JavaScript that a SASS, SCSS or TypeScript file compiles to."""

    def __init__(self, found: Found, headers: Headers, kind: str, resource: Resource) -> None:
        super().__init__(found, headers)
        self.kind = kind
        self.resource = resource
        self._dressed: tuple[Blob, Blob] | None = None

    async def respond(self, context: Context) -> Any:
        try:
            blob = await self._compile()
        except CompileError as error:
            return self._failed(context, error)
        await self._with_headers(blob).respond(context)
        return HANDLED

    async def _compile(self) -> Blob:
        blob: Blob = await self.resource.services.compilers.compile(self.kind, self.found.file)
        return blob

    def _failed(self, context: Context, error: CompileError) -> bytes:
        log.error("{route}: {error}", route=self.resource.name, error=str(error))
        if not self.resource.services.settings.debug:
            raise HTTPError(500, f"{os.path.basename(error.path)} does not compile; the log of the server says why")
        context.set_status(500)
        context.set_header("Content-Type", error.content_type)
        context.error = f"{os.path.basename(error.path)} does not compile"
        return error.comment

    def _with_headers(self, blob: Blob) -> Blob:
        """``blob`` with the headers of this route; it is shared with others."""
        if not self.headers:
            return blob
        if self._dressed is None or self._dressed[0] is not blob:
            dressed = Blob(blob.plain.body, blob.content_type, blob.etag, None, self.headers)
            self._dressed = blob, dressed
        return self._dressed[1]

    async def content(self, context: Context) -> bytes:
        try:
            return (await self._compile()).plain.body
        except CompileError as error:
            return self._failed(context, error)
