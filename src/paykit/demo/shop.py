"""The shop as an ASGI application: its services, wired together, and the routes to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from ..service import AsyncPaymentService
from ..transport import AsyncTransport
from ..webhooks.asgi import PaykitApp
from .bus import Bus
from .feed import Feed
from .order_store import OrderStore
from .orders import OrderService
from .pages import STATIC
from .settings import DemoSettings
from .shipping import ShippingService
from .storefront import Storefront


def create_shop(settings: DemoSettings, *, transport: AsyncTransport | None = None) -> Starlette:
    """Build the shop. ``transport`` replaces the HTTP client towards the providers.

    Events are handled while the application's lifespan runs. ``app.state.service`` is its
    :class:`~paykit.service.AsyncPaymentService`, ``app.state.orders`` its order service.
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
    storefront = Storefront(settings, service=service, orders=orders, feed=feed)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        # The only line between payments and orders: every event goes over the bus.
        await service.subscribe(bus.publish)
        try:
            yield
        finally:
            await service.close()
            shipping.close()
            store.close()

    app = Starlette(
        routes=[
            *storefront.routes(),
            Mount("/pay", PaykitApp(service, return_to="/thank-you")),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={404: storefront.not_found},
        lifespan=lifespan,
    )
    app.state.service = service
    app.state.orders = orders
    return app
