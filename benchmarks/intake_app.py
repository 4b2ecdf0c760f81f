"""A webhook endpoint in a process of its own, over a database or over none.

Run as ``python -m benchmarks.intake_app CPU GROUP [DATABASE]``; prints its port. CPU is the
processor to stay on, or -1; GROUP is how many deliveries a commit may take together, 0 for what is
usual. Without DATABASE nothing is stored. It ends when its standard input is closed, so it cannot
outlive the benchmark.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import asynccontextmanager
from functools import partial

import uvicorn

from paykit.flow import run
from paykit.http import Delivery
from paykit.provider import Outcome
from paykit.service import AsyncPaymentService, Receipt, shared
from paykit.service.database import Database
from paykit.webhooks.asgi import PaykitApp

from .fixtures import momo
from .webhooks import no_io


class Forgetful:
    """In the place of a service: proves and reads a delivery, and stores nothing."""

    def __init__(self) -> None:
        self.providers = {"momo": momo()}

    async def receive(self, delivery: Delivery, *, provider: str) -> Receipt:
        adapter = self.providers[provider]
        adapter.parse(run(adapter.verify(delivery), no_io))
        return Receipt(Outcome.ACCEPTED, adapter.reply(Outcome.ACCEPTED))


@asynccontextmanager
async def service(database: str | None, group: int):
    if database is None:
        yield Forgetful()
        return
    if group:
        shared.Database = partial(Database, max_group=group)
    async with AsyncPaymentService([momo()], database=database, single_process=True) as made:
        yield made


async def serve(database: str | None, group: int) -> None:
    async with service(database, group) as made:
        app = PaykitApp(made, return_to="https://shop.example/thanks")
        config = uvicorn.Config(app, http="httptools", log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        print(listener.getsockname()[1], flush=True)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.to_thread(sys.stdin.read)
        server.should_exit = True
        await serving


def main() -> None:
    import uvloop

    cpu, group, *rest = sys.argv[1:]
    if int(cpu) >= 0:
        os.sched_setaffinity(0, {int(cpu)})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(rest[0] if rest else None, int(group)))


if __name__ == "__main__":
    main()
