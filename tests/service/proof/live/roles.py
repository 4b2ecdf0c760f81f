"""What the processes of a shop do: take webhooks, publish, move money, ask what became of it.

Each runs until it is killed, and says by its pipe when its work has begun. ``face`` chooses
``PaymentService`` or ``AsyncPaymentService``.
"""

import asyncio
import contextlib
import os
import random
import threading
import time
from datetime import timedelta

import uvicorn

from paykit import InvalidRequest, OutcomeUnknown, RequestInProgress, StoreUnavailable
from paykit.publishing import publisher_from_url
from paykit.service import AsyncPaymentService, PaymentService, RelaySettings
from paykit.webhooks.asgi import PaykitApp

from ...shop import vnpay
from .gateway import PART, accounts, order

#: As short as a lease may be where a broker answers at once, so that the dead are soon replaced.
SETTINGS = RelaySettings(batch=50, lease=timedelta(seconds=1), max_attempts=None)
#: Seconds after which a relay that has published nothing counts as at work.
_IDLE = 0.2
#: Seconds between two rounds of a worker or a sweeper.
_PAUSE = 0.02
#: Another one is at it, or nobody knows yet, or the database is away.
_COME_AGAIN = (InvalidRequest, OutcomeUnknown, RequestInProgress, StoreUnavailable)


def providers(gateway):
    return [vnpay(), *accounts(gateway)]


def intake(ready, *, face, database, gateway, listener):
    """The endpoints for webhooks, under uvicorn."""
    asyncio.run(_intake(ready, face, database, gateway, listener))


async def _intake(ready, face, database, gateway, listener):
    service = face(providers(gateway), database=database)
    app = PaykitApp(service, return_to="https://shop.example/thanks")
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            ready()

    await Server(config).serve(sockets=[listener])


class Watched:
    """A publisher that tells when it has first published, and writes how many each time."""

    def __init__(self, publisher, ready):
        self.is_async = publisher.is_async
        self.publish = self._publish_async if publisher.is_async else self._publish
        self.close = publisher.close
        self._publisher = publisher
        self._ready = ready

    def _publish(self, messages):
        return self._told(self._publisher.publish(messages))

    async def _publish_async(self, messages):
        return self._told(await self._publisher.publish(messages))

    def _told(self, results):
        os.write(1, b"%d\n" % results.count(None))
        self._ready()
        return results


def relay(ready, *, face, database, gateway, broker, settings=SETTINGS):
    """A relay to ``broker``. It has begun once something is out, or when there was nothing."""
    publisher = Watched(publisher_from_url(broker), ready)
    if face is AsyncPaymentService:
        asyncio.run(_relay(publisher, database, gateway, settings, ready))
    service = PaymentService(providers(gateway), database=database, relay=settings)
    service.publish_to(publisher)
    time.sleep(_IDLE)
    ready()
    threading.Event().wait()


async def _relay(publisher, database, gateway, settings, ready):
    service = AsyncPaymentService(providers(gateway), database=database, relay=settings)
    await service.publish_to(publisher)
    await asyncio.sleep(_IDLE)
    ready()
    await asyncio.Event().wait()


def worker(ready, *, face, database, gateway, orders, seed):
    """Takes the money of orders, and gives a part of it back, in any order, until all is done."""
    left = list(orders)
    random.Random(seed).shuffle(left)
    if face is AsyncPaymentService:
        asyncio.run(_work(ready, database, gateway, left))
    with PaymentService(providers(gateway), database=database) as service:
        ready()
        while True:
            left = [number for number in left if not take(service, number)]
            time.sleep(_PAUSE)


def take(service, number):
    """Take the money of an order and give a part of it back; whether that is done."""
    try:
        record = service.handle_order_placed(order(number)).record
        if record.captured:
            return bool(service.refund(record.payment_id, PART).record.refunded)
    except _COME_AGAIN:
        pass
    return False


async def _work(ready, database, gateway, left):
    async with AsyncPaymentService(providers(gateway), database=database) as service:
        ready()
        while True:
            done = []
            for start in range(0, len(left), 4):
                some = left[start : start + 4]
                done += await asyncio.gather(*(_take(service, number) for number in some))
            left = [number for number, is_done in zip(left, done, strict=True) if not is_done]
            await asyncio.sleep(_PAUSE)


async def _take(service, number):
    try:
        record = (await service.handle_order_placed(order(number))).record
        if record.captured:
            return bool((await service.refund(record.payment_id, PART)).record.refunded)
    except _COME_AGAIN:
        pass
    return False


def sweeper(ready, *, face, database, gateway):
    """Asks what became of everything that is open."""
    if face is AsyncPaymentService:
        asyncio.run(_sweep(ready, database, gateway))
    with PaymentService(providers(gateway), database=database) as service:
        ready()
        while True:
            with contextlib.suppress(StoreUnavailable):
                service.reconcile()
            time.sleep(_PAUSE)


async def _sweep(ready, database, gateway):
    async with AsyncPaymentService(providers(gateway), database=database) as service:
        ready()
        while True:
            with contextlib.suppress(StoreUnavailable):
                await service.reconcile()
            await asyncio.sleep(_PAUSE)
