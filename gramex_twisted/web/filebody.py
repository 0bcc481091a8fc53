"""FileBody: files that go out as the client reads them, never whole in memory."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gramex_twisted.web.entity import Entity, send_small

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context
    from gramex_twisted.web.stream import Stream

#: Bytes that are read at once, and that a slow client holds: twice what Twisted's transport sends in one go.
CHUNK = 256 << 10

_PROBE = getattr(os, "RWF_NOWAIT", None)


class FileCutError(OSError):
    """A file became shorter while it was being sent."""


class OpenFile:
    """A file that is open for reading. Closed by ``close``."""

    def __init__(self, fd: int, size: int, path: str) -> None:
        self.fd = fd
        self.size = size
        self.path = path

    def read(self, position: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``position`` on. It may wait for the disk.

        :raises FileCutError: when the file ends there.
        """
        data = os.pread(self.fd, count, position)
        if not data:
            raise FileCutError(errno.EIO, f"the file was cut to {position} bytes while it was sent", self.path)
        return data

    def cached(self, position: int, count: int) -> bool:
        """Whether the first and last of these bytes are in the system's memory, so that reading does not wait."""
        if _PROBE is None:
            return False
        probe = [bytearray(1)]
        try:
            return bool(
                os.preadv(self.fd, probe, position + count - 1, _PROBE) and os.preadv(self.fd, probe, position, _PROBE)
            )
        except OSError:
            return False  # not in memory (EAGAIN), or a file system that cannot tell

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)


class FileBody:
    """One or more files, one after the other.

    :param files: open files; closed when the response ends.
    :param gzip: compress on the way. The length is not known then, and there are no ranges.
    """

    def __init__(self, files: Sequence[OpenFile], entity: Entity, *, gzip: bool = False) -> None:
        self.files = files
        self.entity = entity
        self.gzip = gzip

    async def respond(self, context: Context) -> None:
        """Send the response."""
        try:
            parts = self.entity.answer(context)
            if context._status == 304:
                send_small(context, b"")
                return
            if self.gzip:
                context.clear_header("Content-Length")
                context.clear_header("Accept-Ranges")
            stream = context.open_stream()
            if context.native.method != b"HEAD":
                await self._send(stream, context.route.services.threads, parts)
            stream.finish()
        finally:
            for file in self.files:
                file.close()

    async def _send(self, stream: Stream, threads: Any, parts: Sequence[bytes | range]) -> None:
        if self.gzip:
            await self._send_packed(stream, threads)
            return
        for part in parts:
            if isinstance(part, bytes):
                await stream.write_all([part])
            else:
                for file, piece in self._pieces(part):
                    await _send_piece(stream, threads, file, piece)

    def _pieces(self, part: range) -> Iterator[tuple[OpenFile, range]]:
        """The positions in each file of ``part`` of all of them together."""
        begin = 0
        for file in self.files:
            piece = range(max(part.start - begin, 0), min(part.stop - begin, file.size))
            if piece:
                yield file, piece
            begin += file.size

    async def _send_packed(self, stream: Stream, threads: Any) -> None:
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        for file in self.files:
            for position in range(0, file.size, CHUNK):
                data = await threads.run(_pack, packer, file, position)
                if data:
                    await stream.write_all([data])
        await stream.write_all([packer.flush()])


async def _send_piece(stream: Stream, threads: Any, file: OpenFile, piece: range) -> None:
    position = piece.start
    while position < piece.stop:
        count = min(CHUNK, piece.stop - position)
        # What is in memory costs less to read here than the way to a thread and back.
        data = (
            file.read(position, count)
            if file.cached(position, count)
            else await threads.run(file.read, position, count)
        )
        position += len(data)
        wait = stream.write(data)
        if wait is not None:
            await wait


def _pack(packer: Any, file: OpenFile, position: int) -> bytes:
    wanted, parts = min(CHUNK, file.size - position), []
    while wanted:
        data = file.read(position, wanted)
        position, wanted = position + len(data), wanted - len(data)
        parts.append(packer.compress(data))
    return b"".join(parts)
