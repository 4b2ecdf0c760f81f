"""A payment API on loopback that gives every request one and the same answer, as fast as it can.

Run as ``python -m benchmarks.server CPU``; prints its port. CPU is the processor to stay on, or -1.
It ends when its standard input is closed, so it cannot outlive the benchmark.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys

from .fixtures import CREATED

ANSWER = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: application/json;charset=UTF-8\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(CREATED), CREATED)
)
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


class Api(asyncio.Protocol):
    """Reads requests only as far as to know where each ends."""

    def connection_made(self, transport):
        self.transport = transport
        self.received = b""

    def data_received(self, data):
        self.received += data
        while (head := self.received.find(_END_OF_HEAD)) >= 0:
            length = _LENGTH.search(self.received, 0, head)
            end = head + len(_END_OF_HEAD) + (int(length[1]) if length else 0)
            if len(self.received) < end:
                return
            self.received = self.received[end:]
            self.transport.write(ANSWER)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Api, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    cpu = int(sys.argv[1])
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})
    asyncio.run(serve())
