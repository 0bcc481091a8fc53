"""A value becomes a response: bytes, headers, ETag and compression, or a stream."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from twisted.internet.defer import CancelledError, Deferred

from gramex_twisted.web.compress import SMALLEST, compressible
from gramex_twisted.web.events import encoded as encoded_event
from gramex_twisted.web.reply import header_value
from gramex_twisted.web.run import as_deferred, is_awaitable
from gramex_twisted.web.stream import SLICE, ClientGone, slices
from gramex_twisted.web.values import HTML, Encoded, encode

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

#: Bytes above which compressing or encoding goes to a thread.
LARGE = 64 << 10

_PLAIN = (str, bytes, dict, list, int, float, type(None))

#: What a resource returns that has answered by itself.
HANDLED = object()


@runtime_checkable
class Body(Protocol):
    """A resource's own way to answer: ``await body.respond(context)`` sends the whole response."""

    async def respond(self, context: Context) -> None:
        """Send the response."""


async def respond(context: Context, value: Any) -> None:
    """Send ``value``, after what ``handler.write`` has gathered, as the response of ``context``."""
    if value is HANDLED:
        return
    await context.save_session()
    # What most functions return is neither, and asking a protocol costs more than all else here.
    if not isinstance(value, _PLAIN) and isinstance(value, Body):
        await value.respond(context)
    elif not isinstance(value, _PLAIN) and _streams(value) and not context.finished:
        await _stream(context, value)
    else:
        encoded = Encoded(b"", None) if context.finished else await _encode(context, value)
        await _finish(context, encoded)


async def _encode(context: Context, value: Any) -> Encoded:
    # A string or a small container costs less than the hop; DataFrames and long lists do not.
    if isinstance(value, (str, bytes, int, float, type(None))) or (
        isinstance(value, (list, dict)) and len(value) < 100
    ):
        return encode(value)
    result: Encoded = await context.route.services.threads.run(encode, value)
    return result


async def _finish(context: Context, encoded: Encoded) -> None:
    body = context.take_written() + encoded.body if context._chunks else encoded.body
    stream = context.stream
    if stream is not None:
        await stream.write_all(slices(body))
        await _end(context)
    else:
        await send(context, body, encoded.content_type)


async def _end(context: Context) -> None:
    """End a stream well."""
    await context.save_session()
    stream = context.open_stream()
    if context.recorder is not None:
        context.recorder.whole(context.get_status(), context._own_headers, b"")
    stream.finish()


async def send(context: Context, body: bytes, content_type: str | None) -> None:
    """Send a whole body with its length, ETag, and compressed where the client likes that.

    :param content_type: used where the context has none.
    """
    native, status = context.native, context._status
    if context.recorder is not None:
        context._own_headers.setdefault("Content-Type", [content_type or HTML])
        context.recorder.whole(status, context._own_headers, body)
    lines = [b" %d %s\r\n" % (status, header_value("reason", context.reason).encode("latin-1", "replace"))]
    headers = context._headers
    lines.append(native.site.head if headers is None or "Date" not in headers else b"")
    if headers is None and context.route.plain_head is not None:
        kind = content_type or HTML
        lines.append(context.route.plain_head)
        lines.append(b"Content-Type: " + kind.encode("latin-1") + b"\r\n")
        own = None
    else:
        own = context._own_headers
        if body or status == 200:
            own.setdefault("Content-Type", [content_type or HTML])
        kind = (own.get("Content-Type") or [""])[0]
    if len(body) >= SMALLEST and context.route.services.compressors is not None:
        body = await _compressed(context, body, kind, lines, own)
    if status == 200 and context.method in ("GET", "HEAD") and (own is None or "Etag" not in own):
        etag = b'"' + blake2b(body, digest_size=12).hexdigest().encode() + b'"'
        lines.append(b"Etag: " + etag + b"\r\n")
        if _matches(native.requestHeaders, etag):
            lines[0] = b" 304 Not Modified\r\n"
            status, body = 304, b""
    if own is not None:
        lines.append(_head(own))
    if context._cookies is not None:
        lines.extend(b"Set-Cookie: " + cookie.encode("utf-8") + b"\r\n" for cookie in context.cookie_headers())
    if status not in (204, 304) and status >= 200:
        lines.append(b"Content-Length: %d\r\n" % len(body))
    context._status = status
    if len(body) > SLICE and not native._disconnected:
        await _send_slices(context, lines, body)
    else:
        native.send(status, b"".join(lines), body)


async def _send_slices(context: Context, lines: list[bytes], body: bytes) -> None:
    """A large body goes out as the client reads it, so that a slow one does not fill the memory."""
    from gramex_twisted.web.stream import Stream

    native = context.native
    status, _, reason = lines[0].strip().partition(b" ")
    pairs = [line.split(b": ", 1) for line in b"".join(lines[2:]).split(b"\r\n") if line]
    native.begin(int(status), reason, [(pair[0], pair[1]) for pair in pairs])
    context._stream = stream = Stream(native)
    await stream.write_all(slices(body))
    stream.finish()


def _head(headers: dict[str, list[str]]) -> bytes:
    text = "".join([f"{name}: {value}\r\n" for name, values in headers.items() for value in values])
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8")


async def _compressed(
    context: Context, body: bytes, kind: str, lines: list[bytes], own: dict[str, list[str]] | None
) -> bytes:
    if not compressible(kind) or (own is not None and "Content-Encoding" in own):
        return body
    lines.append(b"Vary: Accept-Encoding\r\n")
    accept = context.native.getHeader(b"Accept-Encoding")
    services = context.route.services
    encoding = services.compressors.choose(accept.decode("latin-1")) if accept else None
    if encoding is None:
        return body
    lines.append(b"Content-Encoding: " + encoding.encode() + b"\r\n")
    if len(body) < LARGE:
        return services.compressors.compress(encoding, body)  # type: ignore[no-any-return]
    compressed: bytes = await services.threads.run(services.compressors.compress, encoding, body)
    return compressed


def _matches(headers: Any, etag: bytes) -> bool:
    """If-None-Match (RFC 9110, 13.1.2): weak comparison."""
    wanted = headers.getRawHeaders(b"If-None-Match")
    if not wanted:
        return False
    tags = b",".join(wanted).split(b",")
    return any(tag.strip() == b"*" or tag.strip().removeprefix(b"W/") == etag for tag in tags)


# Streams --------------------------------------------------------------------------------------------------------------


def _streams(value: Any) -> bool:
    return inspect.isgenerator(value) or inspect.isasyncgen(value) or isinstance(value, (Iterator, AsyncIterator))


async def _stream(context: Context, value: Any) -> None:
    """Send each value of an iterator at once, waiting for a slow client between them."""
    if context.sends_events:
        open_events(context)
    if isinstance(value, AsyncIterator):
        await _stream_async(context, value)
    elif context.route.resource.in_thread:
        await context.route.services.threads.run(_stream_in_thread, context, value)
    else:
        await _stream_here(context, value)
    await _end(context)


async def _stream_async(context: Context, values: AsyncIterator[Any]) -> None:
    services = context.route.services
    try:
        while True:
            step = as_deferred(values.__anext__(), services.reactor, context.route.held)
            if context._events is not None:
                context._events.step = step  # cancelled when there is nobody to send to
            await send_part(context, await step)
    except StopAsyncIteration:
        return
    except (asyncio.CancelledError, CancelledError):
        if context._events is None or not context._events.over:
            raise
        raise ClientGone from None
    finally:
        close = getattr(values, "aclose", None)
        if close is not None:
            await as_deferred(close(), services.reactor, context.route.held)


async def _stream_here(context: Context, values: Iterator[Any]) -> None:
    try:
        for value in values:
            await send_part(context, value)
    finally:
        _close(values)


def _stream_in_thread(context: Context, values: Iterator[Any]) -> None:
    """The whole iteration stays in one thread, since what a generator opened (SQLite, say) may be bound to it."""
    threads = context.route.services.threads
    try:
        for value in values:
            threads.call_in_reactor(lambda value=value: Deferred.fromCoroutine(send_part(context, value)))
    finally:
        _close(values)


def _close(values: Iterator[Any]) -> None:
    close = getattr(values, "close", None)
    if close is not None:
        close()


def open_events(context: Context) -> None:
    """Begin a stream of server-sent events, unless it has begun."""
    if context._events is None:
        from gramex_twisted.services.eventstreams import EventStreams

        context._events = context.route.services.part(EventStreams).open(context)


async def send_part(context: Context, value: Any) -> None:
    """Send one value of a stream, after what has been written; wait while the client is slow."""
    if is_awaitable(value):
        value = await as_deferred(value, context.route.services.reactor, context.route.held)
    if context.sends_events:
        open_events(context)
        await context.open_stream().write_all([encoded_event(value)])
        return
    encoded = await _encode(context, value)
    if context.stream is None and context.get_header("Content-Type") is None:
        context.set_header("Content-Type", encoded.content_type or HTML)
    await context.open_stream().write_all([context.take_written() + encoded.body])
