"""FileHandler and DirectoryHandler: files as they are or as something is made of them, and indexes of folders."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from twisted.logger import Logger

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.base import Resource, Setup, response_headers
from gramex_twisted.resources.files import listing
from gramex_twisted.resources.files.answers import (
    Answer,
    FolderAnswer,
    Headers,
    JoinedAnswer,
    PlainAnswer,
    set_default_headers,
)
from gramex_twisted.resources.files.finder import Finder, Found, Identity, identity
from gramex_twisted.resources.files.options import FileOptions
from gramex_twisted.resources.files.paths import Globs, UnsafePathError, Visibility, inside, split_globs
from gramex_twisted.resources.files.places import Asked, FixedPlaces, FolderPlaces, Place, places
from gramex_twisted.resources.files.reading import StaleError
from gramex_twisted.resources.files.transforms import transforms
from gramex_twisted.web.values import HTML

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

log = Logger()

#: How often a file is looked for anew, when it changes while it is being read.
TRIES = 5


class Entry(NamedTuple):
    """An Answer, and the files as they were when it was made."""

    answer: Answer
    watched: tuple[tuple[str, Identity], ...]

    def is_current(self, now: float) -> bool:
        """Whether they still are."""
        try:
            for path, state in self.watched:
                if identity(os.stat(path)) != state:
                    return False
        except OSError:
            return False
        return self.answer.is_current(now)


class FileHandler(Resource):
    """Serves files."""

    options_model = FileOptions
    in_thread = True
    private: tuple[str, ...] = ()
    """Patterns that are ignored beside those of `ignore:`."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options, base = self.options, str(self.services.root)
        try:
            self.places = places(options.path, base, options.default)
        except ValueError as error:
            raise setup.error(str(error), "path") from None
        hidden = (*self.private, *_data_of(os.path.abspath(self.services.data_dir), options.path, base))
        visibility = Visibility([*_texts(options.ignore), *hidden], _texts(options.allow))
        self.finder = Finder(
            visibility, _texts(options.default_filename), index=options.index, links=options.follow_symlinks
        )
        self.headers: list[tuple[Globs, Headers]] = [
            (Globs(split_globs(name)), response_headers(value, setup, "headers", name))
            for name, value in options.headers.items()
            if isinstance(value, dict)
        ]
        self.transforms = list(transforms(self))
        self.index_template = self._index_template(options.index_template, base)
        self._warn(visibility)

    def _index_template(self, name: str | None, base: str) -> Path:
        path = listing.DEFAULT if name is None else Path(base, name)
        if path.is_file():
            return path
        log.warn(
            "{where}: no file {path}: using the default index", where=self.setup.where("index_template"), path=path
        )
        return listing.DEFAULT

    def _warn(self, visibility: Visibility) -> None:
        """Tell what will be 404, unless somebody makes the file later."""
        found = self.places
        paths = [place.path for place in found.places] if isinstance(found, FixedPlaces) else []
        for path in [*paths, *([found.folder] if isinstance(found, FolderPlaces) else [])]:
            if not os.path.exists(path):
                log.warn("{where}: there is no {path}", where=self.setup.where("path"), path=path)
        for path in paths:
            if visibility.hidden(os.path.basename(path), path):
                log.warn("{where}: {path} is ignored: name it in allow:", where=self.setup.where("path"), path=path)

    async def on_GET(self, context: Context) -> Any:
        """The file, or what is made of it."""
        match = context.native.match
        key = (self.name, "" if match is None else self.places.key(match.string))
        files, now = self.services.files, context.native.site.now
        user: Any = context
        for _ in range(TRIES):
            entry: Entry | None = files.get(key)
            if entry is None or not entry.is_current(now):
                entry = await self.services.threads.run(self._find, self._asked(context))
                files.put(key, entry, entry.answer.size)
            if not isinstance(entry.answer, PlainAnswer):
                user.root = self.places.root
                entry.answer.expose(context)
            size = entry.answer.size
            try:
                result = await entry.answer.respond(context)
            except StaleError:
                files.drop(key)
                continue
            if entry.answer.size != size:
                files.put(key, entry, entry.answer.size)
            return result
        raise HTTPError(503, "the file changes faster than it can be read")

    on_POST = on_PUT = on_DELETE = on_PATCH = on_OPTIONS = on_GET

    def _asked(self, context: Context) -> Asked:
        match = context.native.match
        if match is None:
            return Asked(context.native.path.decode("latin-1"))
        extensible = match.re.fullmatch(match.string + "/") is not None
        return Asked(match.string, match.group(1) if match.re.groups else None, extensible)

    # In a thread -----------------------------------------------------------------------------------------------------

    def _find(self, asked: Asked) -> Entry:
        for _ in range(TRIES):
            try:
                found = [self.finder.find(place) for place in self._places(asked)]
                answers = [self._answer(item) for item in found]
                watched = tuple(watch for item in found for watch in item.watched)
                if len(answers) == 1:
                    return Entry(answers[0], watched)
                return Entry(JoinedAnswer(answers, self._headers(found[0]), self.services), watched)
            except StaleError:
                continue
        raise HTTPError(503, "the file changes faster than it can be read")

    def _places(self, asked: Asked) -> list[Place]:
        try:
            return self.places.find(asked)
        except UnicodeDecodeError:
            raise HTTPError(400, "the path is not UTF-8") from None
        except UnsafePathError:
            raise HTTPError(404) from None

    def _answer(self, found: Found) -> Answer:
        headers = self._headers(found)
        if found.redirect:
            return FolderAnswer(found, headers)
        if found.is_folder:
            return IndexAnswer(found, headers, self)
        for transform in self.transforms:
            if transform.globs.match(found.relative, found.file):
                answer = transform.answer(self, found, headers)
                if answer is not None:
                    return answer
                break
        return PlainAnswer(found, headers, self.services)

    def _headers(self, found: Found) -> Headers:
        headers: dict[str, list[str]] = {}
        for globs, values in self.headers:
            if globs.match(found.relative, found.file):
                headers.update(values)
        return headers


class IndexAnswer(Answer):
    """The index of a folder, made anew for every request."""

    def __init__(self, found: Found, headers: Headers, handler: FileHandler) -> None:
        super().__init__(found, headers)
        self.handler = handler
        self.parent = found.place.relative != ""

    async def respond(self, context: Context) -> Any:
        set_default_headers(context, self.headers, HTML)
        return await self.content(context)

    async def content(self, context: Context) -> bytes:
        sort = context.get_arg("_sort", "name")
        path = context.xrequest_uri.partition("?")[0]
        body: bytes = await self.handler.services.threads.run(self._page, path, sort)
        return body

    def _page(self, path: str, sort: str) -> bytes:
        try:
            listed = listing.items(self.handler.finder, self.found)
            template = self.handler.index_template.read_text("utf-8")
        except FileNotFoundError:
            raise HTTPError(404) from None
        return listing.page(template, unquote(path), listed, sort, parent=self.parent)


DirectoryHandler = FileHandler


def _data_of(folder: str, path: Any, base: str) -> tuple[str, ...]:
    """What hides the folder of the server's own data, sessions and logs, unless `path:` names it or something in it."""
    named = path.values() if isinstance(path, dict) else _texts(path) if isinstance(path, (str, list)) else ()
    if any(inside(os.path.normpath(os.path.join(base, str(each))), folder) for each in named):
        return ()
    folders = {glob.escape(folder), glob.escape(os.path.realpath(folder))}
    return tuple(pattern for each in folders for pattern in (each, f"{each}/*"))


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
