"""JSONHandler: GET, POST, PUT, PATCH and DELETE on any place of a JSON tree, kept in memory or in a file."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pydantic import Field

from gramex_twisted.config.model import Size
from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.base import Options, Resource, Setup
from gramex_twisted.resources.jsondata.places import MISSING, Keys, get, keys_of, put, remove
from gramex_twisted.services.documents import Documents, MemoryDocument
from gramex_twisted.services.jsontree import DEEPEST, depth, dumped, loaded
from gramex_twisted.web.conditional import precondition, strongly_matches, weakly_matches
from gramex_twisted.web.values import JSON

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

#: Bytes of a body, or of what is shown, above which JSON is read or written in a thread.
LARGE = 16 << 10
#: Bytes of the longest body, unless the route says so. Reading one of 60 MB takes the server ten seconds.
LONGEST = 10 << 20
#: How many answers are kept for the next time, and how many bytes of them, the last one aside.
KEPT, MOST = 200, 4 << 20


class JSONOptions(Options):
    """JSONHandler keeps a tree of JSON; the pattern's group is the place in it, with slashes between its keys."""

    path: str | None = Field(
        default=None, description="The file that holds the tree; without it, the tree is gone when the server stops."
    )
    data: Any = Field(default=None, description="The tree to begin with, where there is no `path`.")
    max_body_size: Size | None = Field(
        default=None,
        description="Longest request body in bytes, `100MB` works too; default: 10 MB, or app.listen.max_body_size "
        "where that is less. While JSON is read, nobody else is answered.",
    )


class JSONHandler(Resource):
    """Serves one tree."""

    options_model = JSONOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.redirects = setup.redirects(self.options.redirect)
        path = self.options.path
        if path is not None:
            file = Path(setup.services.root, path)
            if file.is_dir():
                raise setup.error(f"{path} is a folder, not a file", "path")
            self.document: Any = setup.services.part(Documents).file(file)
        else:
            self.document = MemoryDocument(self._initial(setup))
        self._shown = Shown(self)

    def _initial(self, setup: Setup) -> Any:
        try:
            return loaded(dumped(self.options.data))
        except ValueError as error:
            raise setup.error(f"is not JSON: {error}", "data") from None

    # Reading ----------------------------------------------------------------------------------------------------------

    async def on_GET(self, context: Context) -> Any:
        """What is at the place; null where there is nothing."""
        body, etag = await self._shown.of(await self.document.tree(), _keys(context))
        context.set_header("Content-Type", JSON)
        context.set_header("Etag", etag)
        status = precondition(context.native.requestHeaders, etag, None)
        if status == 304:
            context.set_status(304)
            return None
        if status == 412:
            raise _changed()
        return body

    # Writing ----------------------------------------------------------------------------------------------------------

    async def on_PUT(self, context: Context) -> Any:
        """Make the body what is at the place."""
        if not context.native.body_size:
            return await self._done(context, None)
        keys = _keys(context)
        value = await self._body(context, keys)
        return await self._change(context, keys, lambda tree: (put(tree, keys, value), value))

    async def on_POST(self, context: Context) -> Any:
        """Add the body under a new key of the object at the place, or to the list there; ``{"name": key}``."""
        if not context.native.body_size:
            return await self._done(context, None)
        keys = _keys(context)
        value = await self._body(context, [*keys, ""])

        def add(tree: Any) -> tuple[Any, Any]:
            found = get(tree, keys)
            name = str(len(found)) if isinstance(found, list) else str(uuid4())
            if found not in (MISSING, None) and not isinstance(found, (dict, list)):
                raise HTTPError(400, "only an object or a list can be added to")
            return put(tree, [*keys, name], value), {"name": name}

        return await self._change(context, keys, add)

    async def on_PATCH(self, context: Context) -> Any:
        """Set keys of the object at the place to those of the body; null, and nothing, where there is no object."""
        keys = _keys(context)
        value = await self._body(context, keys)

        def merge(tree: Any) -> tuple[Any, Any]:
            found = get(tree, keys)
            if found is MISSING or found is None:
                return tree, None
            if not isinstance(found, dict) or not isinstance(value, dict):
                raise HTTPError(400, "PATCH needs an object, at the place and as the body")
            return put(tree, keys, found | value), value

        return await self._change(context, keys, merge)

    async def on_DELETE(self, context: Context) -> Any:
        """Remove what is at the place; null."""
        keys = _keys(context)

        def delete(tree: Any) -> tuple[Any, Any]:
            return (tree if get(tree, keys) is MISSING else remove(tree, keys)), None

        return await self._change(context, keys, delete)

    async def _body(self, context: Context, keys: Keys) -> Any:
        longest = self.options.max_body_size or LONGEST
        if context.native.body_size > longest:
            raise HTTPError(413, f"the request body is over {longest} bytes (max_body_size)")
        try:
            if context.native.body_size > LARGE:
                return await self.services.threads.run(_checked, context.request.body, len(keys))
            return _checked(context.request.body, len(keys))
        except ValueError as error:
            raise HTTPError(400, f"the request body cannot be stored: {error}") from None

    async def _change(self, context: Context, keys: Keys, change: Any) -> Any:
        headers = context.native.requestHeaders
        conditional = headers.hasHeader(b"If-Match") or headers.hasHeader(b"If-None-Match")

        def guarded(tree: Any) -> tuple[Any, Any]:
            if conditional and not _allowed(headers, get(tree, keys)):
                raise _changed()
            result: tuple[Any, Any] = change(tree)
            return result

        return await self._done(context, await self.document.update(guarded))

    async def _done(self, context: Context, result: Any) -> Any:
        if self.redirects.active:
            self.redirects.follow(context)
            return None
        context.set_header("Content-Type", JSON)
        if context.native.body_size > LARGE:
            return await self.services.threads.run(dumped, result)
        return dumped(result)


class Shown:
    """The answers to GET, kept until the tree is another."""

    def __init__(self, handler: JSONHandler) -> None:
        self._handler = handler
        self._tree: Any = MISSING
        self._answers: dict[tuple[str, ...], tuple[bytes, str]] = {}
        self._size = 0

    async def of(self, tree: Any, keys: Keys) -> tuple[bytes, str]:
        """The JSON at ``keys`` of ``tree``, and its ETag."""
        if tree is not self._tree:
            self._tree, self._answers, self._size = tree, {}, 0
        answers, place = self._answers, tuple(keys)
        answer = answers.get(place)
        if answer is None:
            found = get(tree, keys)
            if isinstance(found, (dict, list)) and found:
                answer = await self._handler.services.threads.run(_shown, found)
            else:
                answer = _shown(found)
            if len(answers) >= KEPT or self._size > MOST:
                answers.clear()
                self._size = 0
            answers[place] = answer
            self._size += len(answer[0])
        return answer


def _shown(value: Any) -> tuple[bytes, str]:
    body = dumped(None if value is MISSING else value)
    return body, f'"{blake2b(body, digest_size=12).hexdigest()}"'


def _keys(context: Context) -> list[str]:
    groups = context.path_args or list(context.path_kwargs.values())
    return keys_of(groups[0] or "") if groups else []


def _checked(body: bytes, above: int) -> Any:
    """The value of a body that goes below ``above`` keys."""
    value = loaded(body)
    dumped(value)
    if above + depth(value) > DEEPEST:
        raise ValueError(f"more than {DEEPEST} levels")
    return value


def _allowed(headers: Any, value: Any) -> bool:
    """Whether If-Match and If-None-Match hold for what is at a place (RFC 9110, 13.1)."""
    match, none_match = (headers.getRawHeaders(name) for name in (b"If-Match", b"If-None-Match"))
    etag = None if value is MISSING else _shown(value)[1]
    if match and (etag is None or not strongly_matches(_joined(match), etag)):
        return False
    return not none_match or etag is None or not weakly_matches(_joined(none_match), etag)


def _joined(values: list[bytes]) -> str:
    return b",".join(values).decode("latin-1")


def _changed() -> HTTPError:
    return HTTPError(412, "what is there is not what the If-Match or If-None-Match header says")
