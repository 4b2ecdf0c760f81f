"""How a payment stands, over HTTP: the plain endpoint that a shop would write, and paykit's.

Run as ``python -m benchmarks.status_app CPU plain|paykit DATABASE``. A line ``N`` on its standard
input pays the first N payments that are open; it prints when that was on disk.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Collection
from contextlib import asynccontextmanager

from sqlalchemy import Connection, make_url, select, update

from paykit.service import AsyncPaymentService, changes, rows
from paykit.service.schema import payments
from paykit.webhooks.asgi import PaykitApp

from .fixtures import momo
from .serving import serve

#: What the plain endpoint reads: the least that says how a payment stands.
PLAIN_TABLE = (
    (
        "CREATE TABLE plain (payment_id TEXT PRIMARY KEY, status TEXT, amount INTEGER,"
        " currency TEXT, version INTEGER)"
    ),
    "INSERT INTO plain SELECT payment_id, status, amount, currency, 1 FROM paykit_payments",
)
_ROW = "SELECT status, amount, currency, version FROM plain WHERE payment_id = ?"


@asynccontextmanager
async def plain(url: str):
    """Starlette, and one row read by its key, in the event loop: that is faster than a thread."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    connection = sqlite3.connect(make_url(url).database, isolation_level=None)

    async def status(request: Request) -> Response:
        payment_id = request.path_params["payment_id"]
        said, amount, currency, version = connection.execute(_ROW, (payment_id,)).fetchone()
        headers = {"etag": f'"{version}"', "cache-control": "private, no-cache"}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        body = {"payment_id": payment_id, "status": said, "amount": amount, "currency": currency}
        return Response(json.dumps(body), headers=headers, media_type="application/json")

    yield Starlette(routes=[Route("/payments/{payment_id}/status", status)])
    connection.close()


class Shop:
    """Payments over paykit's service, and a way to pay many of them at once."""

    def __init__(self, url: str) -> None:
        self.service = AsyncPaymentService([momo()], database=url, single_process=True)
        self._database = self.service._database  # noqa: SLF001 - no shop pays thousands at once
        self._database.on_change = self._tell
        self.app = PaykitApp(self.service, return_to="https://shop.example/thanks")

    def pay(self, line: str) -> None:
        """Pay so many in one transaction."""

        def body(conn: Connection) -> None:
            asked = (
                select(*rows.COLUMNS)
                .where(payments.c.status == "requires_action")
                .order_by(payments.c.payment_id)
                .limit(int(line))
            )
            records = [rows.to_record(row) for row in conn.execute(asked)]
            conn.execute(
                update(payments)
                .where(payments.c.payment_id.in_([one.payment_id for one in records]))
                .values(status="succeeded", captured=payments.c.amount)
            )
            changes.note(conn, records)

        self._database.transact(body).result()

    def _tell(self, changed: Collection[changes.Changed]) -> None:
        print(time.perf_counter(), flush=True)
        self.service.statuses.changed(changed)


@asynccontextmanager
async def paykit(shop: Shop):
    async with shop.service:
        yield shop.app


if __name__ == "__main__":
    name, url = sys.argv[2:]
    if name == "plain":
        serve(plain(url))
    else:
        shop = Shop(url)
        serve(paykit(shop), hear=shop.pay)
