"""A cable between a client and a server that a test can cut, freeze and mend.

It is a TCP proxy on 127.0.0.1 in a thread of its own, so neither the client nor the server has to be
stopped. Each method returns when it is in effect. It forwards any protocol, TLS too; a client that
is told other addresses by its server (Kafka's) goes around it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from typing import Final
from urllib.parse import urlsplit

from .private_server import free_port

#: Closing such a socket is a reset.
_RESET: Final = struct.pack("ii", 1, 0)


class Outage:
    """The proxy in front of one server. Leave it by :meth:`close`, or use :func:`outage`."""

    def __init__(self, host: str, port: int) -> None:
        self.port = free_port()
        #: Connections that clients opened so far.
        self.accepted = 0
        self._target = (host, port)
        self._halves: set[_Half] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._holds_requests = self._holds_answers = False
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="outage", daemon=True)
        self._thread.start()
        self.resume()

    @property
    def open(self) -> int:
        """How many connections there are."""
        return sum(half.is_client for half in list(self._halves))

    def refuse(self) -> None:
        """Reset all connections, and refuse new ones, as if the server were not running."""
        self._do(self._stop_listening())
        self.reset()

    def reset(self) -> None:
        """Reset all connections. New ones are taken."""
        self._do(self._reset())

    def freeze(self) -> None:
        """Let no byte pass and say nothing of it, as if a cable were pulled out."""
        self._do(self._hold(requests=True, answers=True))

    def lose_answers(self) -> None:
        """Let the server hear and do what it is asked, and the client never hear of it."""
        self._do(self._hold(requests=False, answers=True))

    def resume(self) -> None:
        """Be a good cable again; what was held back passes."""
        self._do(self._hold(requests=False, answers=False))
        self._do(self._listen())

    def close(self) -> None:
        """Reset all connections and end."""
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, step: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, self._loop).result()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await self._loop.create_server(
                lambda: _Half(self), "127.0.0.1", self.port, backlog=256
            )

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _reset(self) -> None:
        for task in list(self._connecting):
            task.cancel()
        while self._halves or self._connecting:
            for half in list(self._halves):
                half.reset()
            await asyncio.sleep(0)

    async def _hold(self, *, requests: bool, answers: bool) -> None:
        self._holds_requests, self._holds_answers = requests, answers
        for half in self._halves:
            half.flow()

    def _holds(self, half: _Half) -> bool:
        return self._holds_requests if half.is_client else self._holds_answers

    def _connect_for(self, client: _Half) -> None:
        self.accepted += 1
        task = self._loop.create_task(self._connect(client))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, client: _Half) -> None:
        try:
            await self._loop.create_connection(lambda: _Half(self, client), *self._target)
        except OSError:
            client.reset()


class _Half(asyncio.Protocol):
    """One end of a connection: what is read here is written at the other end."""

    def __init__(self, cable: Outage, other: _Half | None = None) -> None:
        self.is_client = other is None
        self._cable = cable
        self._other = other
        self._transport: asyncio.Transport | None = None
        #: The other end cannot take more.
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._cable._halves.add(self)
        if self._other is None:
            self._cable._connect_for(self)
        elif self._other not in self._cable._halves:  # the client has gone
            transport.abort()
        else:
            self._other._other = self
            self._other.flow()
        self.flow()

    def flow(self) -> None:
        """Read from this end, or do not, as it is now."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._is_full or self._other is None or self._cable._holds(self):
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def reset(self) -> None:
        if self._transport is not None:
            self._transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _RESET
            )
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        assert self._other is not None
        assert self._other._transport is not None
        self._other._transport.write(data)

    def pause_writing(self) -> None:
        if self._other is not None:
            self._other._is_full = True
            self._other.flow()

    def resume_writing(self) -> None:
        if self._other is not None:
            self._other._is_full = False
            self._other.flow()

    def connection_lost(self, error: Exception | None) -> None:
        self._cable._halves.discard(self)
        if self._other is not None and self._other._transport is not None:
            if error is None:
                self._other._transport.close()
            else:
                self._other.reset()


@contextlib.contextmanager
def outage(url: str) -> Iterator[tuple[Outage, str]]:
    """A cable to the server of ``url``, and the same URL by way of the cable."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None:
        raise ValueError(f"{parts.scheme}: a URL with a host and a port is needed")
    cable = Outage(parts.hostname, parts.port)
    before, _, _ = parts.netloc.rpartition("@")
    netloc = f"{before}@" * bool(before) + f"127.0.0.1:{cable.port}"
    try:
        yield cable, parts._replace(netloc=netloc).geturl()
    finally:
        cable.close()
