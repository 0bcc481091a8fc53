"""The reactor of ``twist gramex``: Twisted's on asyncio, without a log context for every event."""

from __future__ import annotations

from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import installReactor
from twisted.logger import Logger

log = Logger()


class Reactor(AsyncioSelectorReactor):
    """Twisted's, but what a socket is told of is called without ``twisted.python.log.callWithLogger``.

    That copies the log's context each time, so that a line can say which transport it is about. Our log does not show
    it, and it takes a twentieth of a short request.
    """

    def addReader(self, reader: Any) -> None:
        """See IReactorFDSet."""
        if reader not in self._readers:
            super().addReader(reader)
            if reader in self._readers:  # else it is polled
                self._asyncioEventloop.add_reader(self._readers[reader], self._event, reader, True)

    def addWriter(self, writer: Any) -> None:
        """See IReactorFDSet."""
        if writer not in self._writers:
            super().addWriter(writer)
            if writer in self._writers:
                self._asyncioEventloop.add_writer(self._writers[writer], self._event, writer, False)

    def _event(self, selectable: Any, read: bool) -> None:
        try:
            self._readOrWrite(selectable, read)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - the loop would end
            log.failure("{selectable} failed", selectable=selectable)


def install(loop: Any) -> None:
    """Make it the reactor of this process, on an event loop of asyncio."""
    installReactor(Reactor(loop))
