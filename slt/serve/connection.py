"""A connection of the server that nobody can hold for ever by sending, or reading, next to nothing.

uvicorn closes a connection that is idle after an answer. One whose request never gets whole, or whose answer is never
read, would keep its place, and there are only so many places.
"""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 30.0  # seconds for the first lines of a request; and between two looks whether an answer is read on


class Connection(H11Protocol):
    """uvicorn's connection for HTTP 1.1, with these limits. The body of an upload has limits of its own."""

    _listening: asyncio.TimerHandle | None = None
    _looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A request has to come in time."""
        super().connection_made(transport)
        self._listen()

    def data_received(self, data: bytes) -> None:
        """What is no whole request does not count as one."""
        super().data_received(data)
        if self._asked() and self._listening is not None:
            self._listening.cancel()

    def on_response_complete(self) -> None:
        """The answer has to be read, and the next request has to come, in time."""
        super().on_response_complete()
        self._look()
        if not self._asked():
            self._listen()

    def pause_writing(self) -> None:
        """More is to be sent than the system takes: the other side does not read, or is slow."""
        super().pause_writing()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more to wait for."""
        for timer in (self._listening, self._looking):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    @property
    def uploads(self) -> bool:
        """Whether a request is under way whose body is not all there."""
        return self._asked() and bool(self.cycle.more_body)

    def _asked(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _listen(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
        self._listening = self.loop.call_later(PATIENCE, self.transport.close)

    def _look(self, before: int | None = None) -> None:
        """Break off if nothing was read since the last look, when so many bytes were left to send."""
        if self._looking is not None:
            self._looking.cancel()
        left = self.transport.get_write_buffer_size()
        if before is not None and left >= before:
            self.transport.abort()
        elif left:
            self._looking = self.loop.call_later(PATIENCE, self._look, left)


class Server(uvicorn.Server):
    """uvicorn's server, which waits at the end for no upload, and for nobody who reads too slowly.

    What is still open when its time is up it cancels, and tells of each with a traceback.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn: called once, when the program is to end."""
        self._break_off(uploads=True)
        if self.config.timeout_graceful_shutdown is not None:
            asyncio.get_running_loop().call_later(self.config.timeout_graceful_shutdown / 2, self._break_off, False)
        await super().shutdown(sockets)

    def _break_off(self, uploads: bool) -> None:
        """Close the connections of uploads, or all."""
        for one in list(self.server_state.connections):
            if isinstance(one, Connection) and (one.uploads or not uploads):
                one.transport.abort()
