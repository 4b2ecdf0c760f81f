"""A load of prepared requests over a fixed number of connections, one request at a time on each.

It must not be what is measured: the requests are bytes that are ready, an answer is looked at only
as far as to know that it has the right status and where it ends. Any other status ends the run with
an error.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from .measure import no_garbage_collection

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Load:
    """What a load came to: so many requests were answered, and the time of each in seconds."""

    seconds: float
    latencies: list[float]

    @property
    def count(self) -> int:
        return len(self.latencies)

    @property
    def each(self) -> float:
        """Seconds per request: the inverse of the rate."""
        return self.seconds / self.count

    def within(self, share: float) -> float:
        """So long or shorter took this share of the requests."""
        ordered = sorted(self.latencies)
        return ordered[ceil(share * len(ordered)) - 1]


class _Run:
    def __init__(self, requests: Iterable[bytes], status: int, seconds: float) -> None:
        self._requests = iter(requests)
        self.right = b"HTTP/1.1 %d " % status
        self.taken = 0
        self.until = time.perf_counter() + seconds
        self.latencies: list[float] = []
        self.failure: bytes | None = None

    def take(self) -> bytes | None:
        # One at least, or on a machine that is too busy to connect in time there is nothing to tell.
        if self.failure or (self.taken > 0 and time.perf_counter() > self.until):
            return None
        request = next(self._requests, None)
        if request is not None:
            self.taken += 1
        return request


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
        if not self.run.right.startswith(self.received[: len(self.run.right)]):
            self.run.failure = self.received
            self.transport.close()
        elif is_whole(self.received):
            self.run.latencies.append(time.perf_counter() - self.began)
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(exc)


def is_whole(answer: bytes) -> bool:
    """Whether that is all of an answer. Without a length it has no body."""
    head, end, body = answer.partition(_END_OF_HEAD)
    length = _LENGTH.search(head)
    return bool(end) and len(body) == (int(length[1]) if length else 0)


async def _drive(run: _Run, port: int, connections: int) -> None:
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Sender(run), "127.0.0.1", port)
        for _ in range(connections)
    ]
    for _, sender in made:
        await sender.closed


def drive(
    requests: Iterable[bytes], *, status: int, port: int, connections: int, seconds: float
) -> Load:
    """Send these requests, until all have an answer of this status or the time is over."""
    import uvloop

    run = _Run(requests, status, seconds)
    with no_garbage_collection(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        began = time.perf_counter()
        runner.run(_drive(run, port, connections))
        taken = time.perf_counter() - began
    if run.failure is not None or len(run.latencies) != run.taken:
        raise AssertionError(f"not the right answer: {run.failure!r:.300}")
    return Load(taken, run.latencies)
