"""Servers under load: an app in a process of its own, on uvicorn with uvloop and httptools.

An app of aiohttp runs on its own server. A module of apps is run as ``python -m benchmarks.MODULE CPU …``. It prints its port, and ends when
its standard input is closed, so it cannot outlive the benchmark.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from .load import drive

_BACKLOG = 4096


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    port: int
    process: subprocess.Popen[str]

    def tell(self, line: str) -> None:
        """Send it a line that its module understands."""
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    @property
    def spent(self) -> float:
        """How many seconds of processor time it has taken (Linux)."""
        # The clock of another process, as clock_getcpuclockid(3) numbers it.
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def load(
        self, requests: Iterable[bytes], *, status: int, connections: int, seconds: float = 60
    ) -> float:
        """Seconds of its processor time for each request of a load."""
        before = self.spent
        load = drive(
            requests, status=status, port=self.port, connections=connections, seconds=seconds
        )
        return (self.spent - before) / load.count

    @property
    def resident(self) -> int:
        """How many bytes of memory it occupies (Linux)."""
        told = Path(f"/proc/{self.process.pid}/statm").read_text("ascii")
        return int(told.split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def server(module: str, cpu: int | None, *arguments: str) -> Iterator[Server]:
    """Run ``benchmarks.<module>`` on that processor, or on any."""
    command = [sys.executable, "-m", f"benchmarks.{module}", str(-1 if cpu is None else cpu)]
    process = subprocess.Popen(
        [*command, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:  # closes its standard input, which ends it, and waits
        yield Server(int(process.stdout.readline()), process)


#: Serves an app at a socket while it is entered.
Running: TypeAlias = Callable[[Any, socket.socket], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def on_uvicorn(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    import uvicorn

    config = uvicorn.Config(app, http="httptools", log_level="warning", access_log=False)
    running = uvicorn.Server(config)
    serving = asyncio.create_task(running.serve(sockets=[listener]))
    yield
    running.should_exit = True
    await serving


@asynccontextmanager
async def on_aiohttp(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    from aiohttp import web

    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    yield
    await runner.cleanup()


async def _serve(
    opened: AbstractAsyncContextManager[Any], hear: Callable[[str], None], on: Running
) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    async with opened as app, on(app, listener):
        print(listener.getsockname()[1], flush=True)
        await asyncio.to_thread(_listen, hear)


def _listen(hear: Callable[[str], None]) -> None:
    for line in sys.stdin:
        hear(line.strip())


def serve(
    opened: AbstractAsyncContextManager[Any],
    *,
    hear: Callable[[str], None] = print,
    on: Running = on_uvicorn,
) -> None:
    """Serve an app until standard input is closed. ``hear`` is called with each line of it."""
    import uvloop

    cpu = int(sys.argv[1])
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(opened, hear, on))
