"""The shop as an ASGI application: its services, wired together, and the routes to them."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ..dashboard import Dashboard
from ..service import AsyncPaymentService
from ..transport import AsyncHttpxTransport, AsyncTransport
from ..webhooks.asgi import PaykitApp
from .bank_feed import BankFeed
from .bus import Bus
from .feed import Feed
from .order_store import OrderStore
from .orders import OrderService
from .pages import STATIC
from .settings import DemoSettings
from .shipping import ShippingService
from .stock import StockService
from .storefront import Storefront
from .worker import PaymentWorker

if TYPE_CHECKING:
    from ..providers.vietqr import VietQR


def from_here(scope: Scope) -> bool:
    """Whether a request comes from this machine; a real shop asks who it is from."""
    client = scope.get("client")
    return client is not None and ipaddress.ip_address(client[0]).is_loopback


def create_shop(settings: DemoSettings, *, transport: AsyncTransport | None = None) -> Starlette:
    """Build the shop. ``transport`` replaces the HTTP client towards the providers.

    Events are handled while the application's lifespan runs. ``app.state.service`` is its
    :class:`~paykit.service.AsyncPaymentService`, ``app.state.orders`` its order service and
    ``app.state.bank_feed`` what reads its bank's statement.
    """
    bus = Bus()
    feed = Feed(bus, clock=settings.clock)  # first, so that it notes causes before effects
    store = OrderStore(settings.database)
    orders = OrderService(store, bus, clock=settings.clock, new_id=settings.new_id)
    shipping = ShippingService(settings.database, bus, clock=settings.clock, new_id=settings.new_id)
    service = AsyncPaymentService(
        settings.providers(),
        database=f"sqlite:///{settings.database}",
        transport=transport,
        clock=settings.clock,
        new_id=settings.new_id,
    )
    stock = StockService(settings.database, bus, clock=settings.clock)
    worker = PaymentWorker(settings.database, bus, service=service)
    storefront = Storefront(settings, service=service, orders=orders, feed=feed)

    statement = transport or AsyncHttpxTransport()
    feed_of_bank = BankFeed(
        service,
        cast("VietQR", service.providers["vietqr"]),
        statement_url=settings.statement_url,
        transport=statement,
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        orders.give_up_lost_attempts()
        # The only line between payments and orders: every event goes over the bus.
        await service.subscribe(bus.publish)
        tasks = [
            asyncio.create_task(feed_of_bank.read_forever(), name="bank-feed"),
            asyncio.create_task(worker.work_forever(), name="payment-worker"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await service.close()
            if transport is None:
                await statement.aclose()
            worker.close()
            stock.close()
            shipping.close()
            store.close()

    app = Starlette(
        routes=[
            *storefront.routes(),
            Mount("/pay", PaykitApp(service, return_to="/thank-you")),
            Mount("/dashboard", Dashboard(service, authorize=from_here, clock=settings.clock)),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={404: storefront.not_found},
        lifespan=lifespan,
    )
    app.state.service = service
    app.state.orders = orders
    app.state.bank_feed = feed_of_bank
    return app
