"""Answers: what is sent for one file. Kept in the FileCache for as long as the file stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.files.finder import Found, Identity
from gramex_twisted.resources.files.reading import (
    content_type,
    open_found,
    open_identical,
    packed_copies,
    read_copies,
    read_found,
)
from gramex_twisted.web.blob import Blob
from gramex_twisted.web.compress import SMALLEST, compressible
from gramex_twisted.web.entity import Entity
from gramex_twisted.web.filebody import FileBody
from gramex_twisted.web.response import HANDLED

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

#: Bytes up to which a file is kept in memory, and up to which one that can be compressed is.
SMALL = 64 << 10
SMALL_TEXT = 1 << 20

Headers = Mapping[str, list[str]]


class Answer:
    """What is sent for one file. ``size``: bytes of memory that it takes."""

    size = 0

    def __init__(self, found: Found, headers: Headers) -> None:
        self.found = found
        self.headers = headers

    async def respond(self, context: Context) -> Any:
        """The value to return from the handler."""
        raise NotImplementedError

    async def content(self, context: Context) -> bytes:
        """The body alone, to be sent with those of others."""
        raise NotImplementedError

    def expose(self, context: Context) -> None:
        """Tell user code what is served: ``handler.path``, without a default filename, and ``handler.file``."""
        user: Any = context
        user.path, user.file = Path(self.found.place.path), Path(self.found.file)

    def is_current(self, now: float) -> bool:
        """Whether the answer, besides its file, is still what it was. ``now``: the site's clock, in whole steps."""
        return True


class PlainAnswer(Answer):
    """A file as it is: from memory when it is small, else as the client reads it. Made in a thread."""

    def __init__(self, found: Found, headers: Headers, services: Any) -> None:
        super().__init__(found, headers)
        self.services = services
        self.kind = content_type(found.file, services.mimetypes)
        self.copies = packed_copies(found)
        self.looked = 0.0
        shown = (headers.get("Content-Type") or [self.kind])[0]
        self.packs = services.compressors is not None and compressible(shown) and found.size >= SMALLEST
        self.blob = self._blob() if found.size <= (SMALL_TEXT if self.packs else SMALL) else None
        self.size = self.blob.size if self.blob else 0

    def _blob(self) -> Blob:
        found = self.found
        data, copies = read_found(found), read_copies(self.copies)
        return Blob(data, self.kind, found.etag, found.modified, self.headers, copies)

    def is_current(self, now: float) -> bool:
        if now == self.looked:
            return True
        self.looked = now
        return packed_copies(self.found) == self.copies

    async def respond(self, context: Context) -> Any:
        if self.blob is not None:
            await self.blob.respond(context)
        else:
            await self._large(context).respond(context)
        return HANDLED

    def _large(self, context: Context) -> FileBody:
        copies: dict[str, tuple[str, Identity]] = {name: (path, state) for name, path, state in self.copies}
        encoding = self._encoding(context, copies)
        copy = copies.get(encoding) if encoding else None
        file = open_identical(*copy) if copy else open_found(self.found)
        etag = f'"{self.found.etag}-{encoding}"' if encoding else f'"{self.found.etag}"'
        entity = Entity(
            file.size,
            self.kind,
            etag,
            self.found.modified,
            self.headers,
            encoding,
            varies=self.packs or bool(copies),
        )
        return FileBody([file], entity, gzip=encoding is not None and copy is None)

    def _encoding(self, context: Context, copies: Mapping[str, Any]) -> str | None:
        """How to send a large file: a copy that is there, or gzip on the way; as it is where a range is wanted."""
        headers, compressors = context.native.requestHeaders, self.services.compressors
        accept = headers.getRawHeaders(b"Accept-Encoding")
        if not accept or compressors is None or headers.hasHeader(b"Range"):
            return None
        header = b",".join(accept).decode("latin-1")
        encoding: str | None = compressors.choose(header, copies, only_ready=True)
        if encoding is None and self.packs:
            encoding = compressors.choose(header, ("gzip",), only_ready=True)
        return encoding

    async def content(self, context: Context) -> bytes:
        if self.blob is not None:
            return self.blob.plain.body
        data: bytes = await self.services.threads.run(read_found, self.found)
        return data


class JoinedAnswer(Answer):
    """Several files, one after the other, with the Content-Type of the first."""

    def __init__(self, answers: Sequence[Answer], headers: Headers, services: Any) -> None:
        super().__init__(answers[0].found, headers)
        self.answers = answers
        self.kind = content_type(self.found.file, services.mimetypes)
        self.plain = all(isinstance(answer, PlainAnswer) for answer in answers)
        self.total = sum(answer.found.size for answer in answers)
        self.blob: Blob | None = None
        if self.plain and self.total <= SMALL_TEXT:
            body = b"".join(read_found(answer.found) for answer in answers)
            self.blob = Blob(body, self.kind, None, self.modified, headers)
        self.size = self.blob.size if self.blob else sum(answer.size for answer in answers)

    @property
    def modified(self) -> int:
        """When the newest of the files was changed."""
        return max(answer.found.modified for answer in self.answers)

    async def respond(self, context: Context) -> Any:
        if self.blob is not None:
            await self.blob.respond(context)
            return HANDLED
        if self.plain:
            await self._large().respond(context)
            return HANDLED
        bodies = []
        for answer in self.answers:
            answer.expose(context)
            bodies.append(await answer.content(context))
        set_default_headers(context, self.headers, self.kind)
        return b"".join(bodies)

    def _large(self) -> FileBody:
        files = []
        try:
            for answer in self.answers:
                files.append(open_found(answer.found))
        except BaseException:
            for file in files:
                file.close()
            raise
        etag = '"' + ".".join(answer.found.etag for answer in self.answers) + '"'
        return FileBody(files, Entity(self.total, self.kind, etag, self.modified, self.headers))


class FolderAnswer(Answer):
    """Sends a folder's URL to the one with a slash."""

    async def respond(self, context: Context) -> Any:
        path, mark, query = context.xrequest_uri.partition("?")
        context.redirect(f"/{path.strip('/')}/{mark}{query}")
        return None

    async def content(self, context: Context) -> bytes:
        raise HTTPError(404)


class TemplateAnswer(Answer):
    """A file rendered as a template, in a thread."""

    def __init__(self, found: Found, headers: Headers, services: Any) -> None:
        super().__init__(found, headers)
        self.services = services
        self.kind = content_type(found.file, services.mimetypes)

    async def respond(self, context: Context) -> Any:
        set_default_headers(context, self.headers, self.kind)
        return await self.content(context)

    async def content(self, context: Context) -> bytes:
        body: bytes = await self.services.threads.run(self._render, context)
        return body

    def _render(self, context: Context) -> bytes:
        names: dict[str, Any] = {
            "handler": context,
            "request": context.request,
            "current_user": context.current_user,
        }
        xsrf = getattr(context, "xsrf_form_html", None)
        if xsrf is not None:
            names["xsrf_form_html"] = xsrf
        try:
            rendered: bytes = self.services.templates.render(self.found.file, names)
        except FileNotFoundError:
            raise HTTPError(404) from None
        return rendered


def set_default_headers(context: Context, headers: Headers, kind: str) -> None:
    """Set the headers of a file before user code runs, which may set others."""
    own = context._own_headers
    own.update({name: list(values) for name, values in headers.items()})
    own.setdefault("Content-Type", [kind])
