"""A load of prepared requests over a fixed number of connections, one request at a time on each.

It must not be what is measured: the requests are bytes that are ready, an answer is looked at only
as far as to know that it is the provider's acknowledgement and where it ends. What is no 204 ends
the run with an error.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from .measure import no_garbage_collection
from .notices import Notice

_ACKNOWLEDGED = b"HTTP/1.1 204"
_END_OF_HEAD = b"\r\n\r\n"  # and of the answer, for a 204 has no body


@dataclass(frozen=True)
class Load:
    """What a load came to: the notices that were acknowledged, and the time of each in seconds."""

    sent: Sequence[Notice]
    seconds: float
    latencies: list[float]

    @property
    def each(self) -> float:
        """Seconds per request: the inverse of the rate."""
        return self.seconds / len(self.sent)

    def within(self, share: float) -> float:
        """So long or shorter took this share of the requests."""
        ordered = sorted(self.latencies)
        return ordered[ceil(share * len(ordered)) - 1]


class _Run:
    def __init__(self, notices: Sequence[Notice], seconds: float) -> None:
        self.requests = [notice.request for notice in notices]
        self.taken = 0
        self.until = time.perf_counter() + seconds
        self.latencies: list[float] = []
        self.failure: bytes | None = None

    def take(self) -> bytes | None:
        # One at least, or on a machine that is too busy to connect in time there is nothing to tell.
        is_over = self.taken > 0 and time.perf_counter() > self.until
        if self.taken == len(self.requests) or self.failure or is_over:
            return None
        self.taken += 1
        return self.requests[self.taken - 1]


class _Sender(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self.run = run
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        request = self.run.take()
        if request is None:
            self.transport.close()
            return
        self.received = b""
        self.began = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.received.endswith(_END_OF_HEAD):
            if not _ACKNOWLEDGED.startswith(self.received[: len(_ACKNOWLEDGED)]):
                self.run.failure = self.received
                self.transport.close()
            return
        if not self.received.startswith(_ACKNOWLEDGED):
            self.run.failure = self.received
        self.run.latencies.append(time.perf_counter() - self.began)
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(exc)


async def _drive(run: _Run, port: int, connections: int) -> None:
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Sender(run), "127.0.0.1", port)
        for _ in range(connections)
    ]
    for _, sender in made:
        await sender.closed


def drive(notices: Sequence[Notice], *, port: int, connections: int, seconds: float) -> Load:
    """Send these notices, until all are acknowledged or the time is over."""
    import uvloop

    run = _Run(notices, seconds)
    with no_garbage_collection(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        began = time.perf_counter()
        runner.run(_drive(run, port, connections))
        taken = time.perf_counter() - began
    if run.failure is not None or len(run.latencies) != run.taken:
        raise AssertionError(f"no acknowledgement: {run.failure!r:.300}")
    return Load(notices[: run.taken], taken, run.latencies)
