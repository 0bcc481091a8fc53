"""What a request says to an API: its path, query, form, and a body of JSON, YAML or MessagePack."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from gramex_twisted.errors import HTTPError
from gramex_twisted.options import Arguments, OptionError
from gramex_twisted.resources.api.bodies import from_json, from_msgpack, from_yaml
from gramex_twisted.resources.api.errors import refusal
from gramex_twisted.web.arguments import clean_text
from gramex_twisted.web.forms import FORMS

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

#: Bytes of a body above which it is parsed in a thread.
LARGE = 16 << 10
#: Bytes of a query that is looked through for known arguments alone.
SHORT = 4000
#: Bytes of the longest body of data, unless the route says so: while it is parsed, nobody else is answered.
LONGEST = 10 << 20
_EMPTY: dict[str, Any] = {}
_MSGPACK = ("application/msgpack", "application/x-msgpack", "application/vnd.msgpack")
_YAML = ("application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml")

Parser = Callable[[bytes], Any]


def parser_of(media: str) -> tuple[str, str, Parser] | None:
    """How a body of the type ``media`` is read: what it is called, where its arguments are found, and the function."""
    if media == "application/json" or media.endswith("+json"):
        return "JSON", "json", from_json
    if media in _YAML or media.endswith("+yaml"):
        return "YAML", "yaml", from_yaml
    if media in _MSGPACK or media.endswith("+msgpack"):
        return "MessagePack", "json", from_msgpack  # it has the types that JSON has
    return None


def arguments_of(context: Context, known: Collection[str]) -> Arguments:
    """The arguments of a request that has no body.

    :param known: the names that matter: others need not even be UTF-8.
    :raises HTTPError: 400 for one that is not UTF-8.
    """
    uri = context.native.uri
    query: Mapping[str, list[str]] = _EMPTY
    if b"?" in uri:
        found = plain_texts(uri.partition(b"?")[2], known)
        query = _texts(context.request.query_arguments, known) if found is None else found
    return Arguments(context.path_args, context.path_kwargs, query)


def plain_texts(query: bytes, known: Collection[str]) -> dict[str, list[str]] | None:
    """The arguments of a short query in which nothing is encoded, as most are; None for others. A third of the time
    that parsing it for all names takes."""
    if len(query) > SHORT or b"%" in query or b"+" in query or not query.isascii():
        return None
    text = query.decode("ascii")
    if not text.isprintable():
        return None
    found: dict[str, list[str]] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if name in known:
            if name in found:
                found[name].append(value)
            else:
                found[name] = [value]
    return found


async def read_arguments(context: Context, known: Collection[str], longest: int) -> Arguments:
    """The arguments of a request with a body; ``context.payload`` becomes that, where it is data.

    :raises HTTPError: 400 for a body that is not what its Content-Type says, 413 for data of over ``longest`` bytes.
    """
    found: dict[str, Mapping[str, Any]] = {}
    form: Mapping[str, list[str]] = _EMPTY
    media = context.get_content_type()
    if media in FORMS:
        form = _texts(context.request.body_arguments, known)
    elif (parser := parser_of(media)) is not None:
        name, place, parse = parser
        if context.native.body_size > longest:
            raise HTTPError(413, f"the request body is over {longest} bytes (max_body_size)")
        context.payload = payload = await _parsed(context, name, parse)
        if isinstance(payload, dict):
            found[place] = payload
    sent = arguments_of(context, known)
    return Arguments(sent.path, sent.names, sent.query, form, **found)


async def _parsed(context: Context, name: str, parse: Parser) -> Any:
    body = context.request.body
    try:
        if len(body) > LARGE:
            return await context.route.services.threads.run(parse, body)
        return parse(body)
    except ValueError as error:
        raise HTTPError(400, reason=f"Invalid {name} body.") from error


def _texts(raw: Mapping[str, list[bytes]], known: Collection[str]) -> dict[str, list[str]]:
    texts = {}
    for encoded, values in raw.items():
        name = (
            encoded if encoded in known or encoded.isascii() else encoded.encode("latin-1").decode("utf-8", "replace")
        )
        if name in known:
            try:
                texts[name] = [clean_text(value) for value in values]
            except UnicodeDecodeError:
                raise refusal(OptionError(reason="Expect UTF-8.", keyword=name)) from None
    return texts
