"""The reactor of ``twist gramex``: Twisted's on asyncio, without a log context for every event, and with an eye on what
uvloop has given up."""

from __future__ import annotations

from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import installReactor
from twisted.logger import Logger

log = Logger()

#: Seconds between looks at the descriptors of which there has been news.
LOOK = 0.5


class Reactor(AsyncioSelectorReactor):
    """Twisted's, but what a socket is told of is called without ``twisted.python.log.callWithLogger``.

    That copies the log's context each time, so that a line can say which transport it is about. Our log does not show
    it, and it takes a twentieth of a short request.

    uvloop stops watching a descriptor at its first error (https://github.com/MagicStack/uvloop/issues/552): when a
    client resets its connection, what it has sent before is read, and that it has gone is never told. So a descriptor
    of which there has been news is looked at a moment later, and watched anew where uvloop has given it up.
    """

    def __init__(self, loop: Any) -> None:
        self._news: set[Any] = set()
        super().__init__(loop)

    def addReader(self, reader: Any) -> None:
        """See IReactorFDSet."""
        if reader not in self._readers:
            self._twice(super().addReader, reader)
            if reader in self._readers:  # else it is polled
                self._asyncioEventloop.add_reader(self._readers[reader], self._event, reader, True)

    def addWriter(self, writer: Any) -> None:
        """See IReactorFDSet."""
        if writer not in self._writers:
            self._twice(super().addWriter, writer)
            if writer in self._writers:
                self._asyncioEventloop.add_writer(self._writers[writer], self._event, writer, False)

    def _event(self, selectable: Any, read: bool) -> None:
        if not self._news:
            self._asyncioEventloop.call_later(LOOK, self._look)
        self._news.add(selectable)
        try:
            self._readOrWrite(selectable, read)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - the loop would end
            log.failure("{selectable} failed", selectable=selectable)

    # What uvloop has given up -----------------------------------------------------------------------------------------

    def _twice(self, add: Any, selectable: Any) -> None:
        """``add`` it, again if uvloop says that it has given its descriptor up."""
        try:
            add(selectable)
        except RuntimeError:
            self._forget(selectable.fileno())
            self._watch(selectable)
            add(selectable)

    def _look(self) -> None:
        """Watch anew what has been given up since there was news of it. No news, no timer."""
        news, self._news = self._news, set()
        for selectable in news:
            try:
                self._watch(selectable)
            except RuntimeError:
                self._forget(self._readers.get(selectable, self._writers.get(selectable, -1)))
                self._watch(selectable)

    def _watch(self, selectable: Any) -> None:
        """Do what has been asked for once more, which changes nothing where it is done.

        :raises RuntimeError: where uvloop has given the descriptor up.
        """
        if selectable in self._readers:
            self._asyncioEventloop.add_reader(self._readers[selectable], self._event, selectable, True)
        if selectable in self._writers:
            self._asyncioEventloop.add_writer(self._writers[selectable], self._event, selectable, False)

    def _forget(self, descriptor: int) -> None:
        self._asyncioEventloop.remove_reader(descriptor)
        self._asyncioEventloop.remove_writer(descriptor)


def install(loop: Any) -> None:
    """Make it the reactor of this process, on an event loop of asyncio."""
    installReactor(Reactor(loop))
