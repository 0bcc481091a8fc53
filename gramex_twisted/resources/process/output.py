"""What a program prints, on its way to where it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from twisted.internet.defer import Deferred

from gramex_twisted.services.processes import Child

#: Bytes that wait to be sent before the program has to, and the longest line that is waited for.
ENOUGH, LONGEST_LINE = 1 << 18, 1 << 20


class Buffer:
    """Cuts one stream into the pieces that are sent.

    :param size: bytes of a piece at least, 0 for whatever comes; or "line" for whole lines.
    """

    def __init__(self, size: int | str) -> None:
        self._lines = size == "line"
        self._size = 0 if self._lines else int(size)
        self._rest = b""

    def cut(self, data: bytes) -> bytes:
        """What may be sent now that ``data`` has come."""
        if not self._lines and not self._size:
            return data
        data = self._rest + data if self._rest else data
        if self._lines:
            end = data.rfind(b"\n") + 1 or (len(data) if len(data) > LONGEST_LINE else 0)
        else:
            end = len(data) if len(data) >= self._size else 0
        self._rest = data[end:]
        return data[:end]

    def end(self) -> bytes:
        """What is left."""
        rest, self._rest = self._rest, b""
        return rest


class Output:
    """Takes what a program prints and gives it to its targets, one piece at a time.

    While ``ENOUGH`` bytes wait, the program does.

    :param targets: by descriptor, 1 and 2, coroutine functions of what to do with bytes.
    """

    def __init__(self, buffer: int | str, targets: dict[int, Sequence[Callable[[bytes], Any]]]) -> None:
        self.child: Child | None = None
        self._targets = targets
        self._buffers = {fd: Buffer(buffer) for fd in targets}
        self._pieces: list[tuple[int, bytes]] = []
        self._size = 0
        self._held = False
        self._ended = False
        self._waiting: Deferred[None] | None = None

    def receive(self, fd: int, data: bytes) -> None:
        """The program has printed."""
        if self._ended:
            return
        piece = self._buffers[fd].cut(data)
        if piece:
            self._pieces.append((fd, piece))
            self._size += len(piece)
            if self._size >= ENOUGH and not self._held and self.child is not None:
                self._held = True
                self.child.pause()
            self._wake()

    def end(self) -> None:
        """The program prints no more."""
        self._pieces += [(fd, rest) for fd, buffer in self._buffers.items() if (rest := buffer.end())]
        self._ended = True
        self._wake()

    def abandon(self) -> None:
        """Nobody wants the rest: it is read to nowhere, so that the program can end."""
        self._targets = dict.fromkeys(self._targets, ())
        self._pieces.clear()
        self._ended = True
        self._go_on()
        self._wake()

    def _go_on(self) -> None:
        if self._held and self.child is not None:
            self._held = False
            self.child.resume()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def run(self) -> None:
        """Pass everything on, to the end."""
        while self._pieces or not self._ended:
            if not self._pieces:
                self._waiting = Deferred()
                await self._waiting
                continue
            pieces, self._pieces, self._size = self._pieces, [], 0
            self._go_on()
            for fd, data in _joined(pieces):
                for target in self._targets[fd]:
                    await target(data)


def _joined(pieces: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """``pieces`` with neighbours of one stream made one."""
    joined: list[tuple[int, list[bytes]]] = []
    for fd, data in pieces:
        if joined and joined[-1][0] == fd:
            joined[-1][1].append(data)
        else:
            joined.append((fd, [data]))
    return [(fd, b"".join(parts)) for fd, parts in joined]


class Files:
    """The files that a program's output goes to, each opened once. Used in threads."""

    def __init__(self) -> None:
        self._files: dict[str, BinaryIO] = {}

    def open(self, path: str) -> BinaryIO:
        """The empty file ``path``.

        :raises OSError: when it cannot be written.
        """
        if path not in self._files:
            self._files[path] = open(path, "wb", buffering=0)  # noqa: SIM115 - close() does
        return self._files[path]

    def write(self, path: str, data: bytes) -> None:
        """Add ``data``."""
        view = memoryview(data)
        while view:
            view = view[self._files[path].write(view) :]

    def close(self) -> None:
        """Close them all."""
        for file in self._files.values():
            file.close()
