"""A webhook endpoint in a process of its own, over a database or over none.

Run as ``python -m benchmarks.intake_app CPU GROUP [DATABASE]``. GROUP is how many deliveries a
commit may take together, 0 for what is usual. Without DATABASE nothing is stored.
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from functools import partial

from paykit.service import AsyncPaymentService, shared
from paykit.service.database import Database
from paykit.webhooks.asgi import PaykitApp

from .fixtures import momo
from .mounts_app import RETURN_TO, Forgetful
from .serving import serve


@asynccontextmanager
async def opened(group: int, database: str | None):
    if database is None:
        yield PaykitApp(Forgetful(), return_to=RETURN_TO)
        return
    if group:
        shared.Database = partial(Database, max_group=group)
    async with AsyncPaymentService([momo()], database=database, single_process=True) as service:
        yield PaykitApp(service, return_to=RETURN_TO)


if __name__ == "__main__":
    _, group, *rest = sys.argv[1:]
    serve(opened(int(group), rest[0] if rest else None))
