"""A request body that is stored before its handler is called: in memory, or in a file where it is long."""

from __future__ import annotations

import errno
from contextlib import suppress
from io import BytesIO
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from twisted.logger import Logger

from gramex_twisted.errors import HTTPError
from gramex_twisted.web.body import Body
from gramex_twisted.web.stream import SLICE

log = Logger()

#: Bytes of a body that are kept in memory.
IN_MEMORY = 1 << 20

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


async def stored(body: Body, threads: Any) -> BinaryIO:
    """The whole ``body``, to be read from its start. ``threads`` write what is over ``IN_MEMORY``.

    :raises ClientGone: see ``Body.read``; HTTPError too, which is 507 where the disk is full.
    """
    content: BinaryIO = BytesIO()
    in_file = False
    try:
        async for piece in body:
            if not in_file and body.received > IN_MEMORY:
                content = await threads.run(_to_file, content)
                in_file = True
            if in_file:
                await threads.run(content.write, piece)
            else:
                content.write(piece)
        await _rewind(content, threads if in_file else None)
    except OSError as error:
        _close(content)
        log.error("A request body of {size} bytes cannot be stored: {error}", size=body.received, error=error)
        raise _refusal(error) from None
    except BaseException:
        _close(content)
        raise
    return content


async def _rewind(content: BinaryIO, threads: Any) -> None:
    if threads is None:
        content.seek(0)
    else:
        await threads.run(content.seek, 0)  # writes what is buffered, for which there may be no room


def _to_file(content: BinaryIO) -> BinaryIO:
    file = TemporaryFile()  # noqa: SIM115 - closed with its request
    file.write(content.getvalue())  # type: ignore[attr-defined]
    return file


def _close(content: BinaryIO) -> None:
    with suppress(OSError):  # what could not be written is tried once more
        content.close()


def _refusal(error: OSError) -> HTTPError:
    if error.errno in _FULL:
        return HTTPError(507, "there is no room for the request body on the server's disk")
    return HTTPError(500, "the request body cannot be stored; the server's log says why")


class StoredBody(Body):
    """A body that was stored, read piece by piece. ``size`` in bytes; ``threads`` read a long one."""

    def __init__(self, content: BinaryIO, size: int, threads: Any) -> None:
        self.length = self.received = size
        self._content = content
        self._threads = threads
        self._position = 0

    async def read(self) -> bytes:
        """See ``Body.read``."""
        data: bytes = self._piece() if self.received <= IN_MEMORY else await self._threads.run(self._piece)
        self._position += len(data)
        return data

    def _piece(self) -> bytes:
        self._content.seek(self._position)
        return self._content.read(SLICE)
