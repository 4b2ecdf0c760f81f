"""Browsers that hold an event stream: the memory of each, and how soon all of them have the news.

One server process on one processor, the browsers on the other. The news is a transaction that pays
what they wait for; the time runs from its commit until the last browser has read of it.
"""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections.abc import Mapping, Sequence
from functools import partial

from paykit.status import StatusView

from . import stores
from .measure import Row, compare_to
from .serving import Server, server
from .status import prepare, read_views, request

#: What may be held open at once beside the connections.
_OTHER_FILES = 200
_OPENED_AT_ONCE = 100
_MEMORY = 15 * 1024
_SOON = 0.150
_PAID = b'"status":"succeeded"'
_SECONDS = 60


class _Browser(asyncio.Protocol):
    """Opens a stream, and notes when it was told the first state and that of a paid payment."""

    def __init__(self, asked: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._asked = asked
        self._received = b""
        self.opened: asyncio.Future[None] = loop.create_future()
        self.told: asyncio.Future[float] = loop.create_future()

    def connection_made(self, transport) -> None:
        self._transport = transport
        transport.write(self._asked)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self.opened.done() and b"data: " in self._received:
            self.opened.set_result(None)
        if not self.told.done() and _PAID in self._received:
            self.told.set_result(time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        for waited in (self.opened, self.told):
            if not waited.done():
                waited.set_exception(exc or ConnectionError(f"{self._received!r:.300}"))


async def open_streams(port: int, views: Sequence[StatusView]) -> list[_Browser]:
    loop = asyncio.get_running_loop()
    browsers: list[_Browser] = []
    for start in range(0, len(views), _OPENED_AT_ONCE):
        made = [
            await loop.create_connection(
                partial(_Browser, request(view, "Accept: text/event-stream")), "127.0.0.1", port
            )
            for view in views[start : start + _OPENED_AT_ONCE]
        ]
        browsers += [browser for _, browser in made]
        await asyncio.gather(*(browser.opened for _, browser in made))
    return browsers


async def hold(
    running: Server, first: Sequence[StatusView], watched: Sequence[StatusView], paid: int
) -> tuple[float, float]:
    """Bytes of the server's memory for each stream, and seconds until all had the news.

    ``first`` are the streams that do not count, for the server loads what it needs at the first.
    """
    spare = await open_streams(running.port, first)
    before = running.resident
    browsers = await open_streams(running.port, watched)
    each = (running.resident - before) / len(browsers)
    running.tell(str(paid))
    committed = float(await asyncio.to_thread(running.process.stdout.readline))
    async with asyncio.timeout(_SECONDS):
        told = await asyncio.gather(*(browser.told for browser in browsers))
        await asyncio.gather(*(browser.told for browser in spare), return_exceptions=True)
    return each, max(told) - committed


def measure(
    url: str, watched: Sequence[StatusView], paid: int, cpu: int | None
) -> tuple[float, float]:
    import uvloop

    with (
        server("status_app", cpu, "paykit", url) as running,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(hold(running, watched[:1], watched, paid))


def rows(*, cpu: int | None, rounds: int, count: int) -> list[Row]:
    """``count`` is how many streams are held."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(count + _OTHER_FILES, hard)), hard))
    held: Mapping[str, list[tuple[float, float]]] = {
        f"{count:,} streams of one payment": [],
        f"{count:,} streams, each of its own": [],
    }
    one, own = held
    with stores.sqlite(partial(prepare, count=count)) as store:
        views = read_views(store.url)
        for _ in range(rounds):
            for name in random.sample([one, own], 2):
                watched, paid = (views[:count], count) if name == own else ([views[0]] * count, 1)
                with store.copy() as url:
                    held[name].append(measure(url, watched, paid, cpu))
    return [
        row
        for name, found in held.items()
        for row in (
            compare_to(f"{name}: memory of each", "15 KiB", [each / _MEMORY for each, _ in found]),
            compare_to(f"{name}: all are told", "150 ms", [told / _SOON for _, told in found]),
        )
    ]
