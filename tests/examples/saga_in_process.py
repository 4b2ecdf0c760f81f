"""The saga's services, and the providers, in one event loop: no process has to be started."""

import asyncio
import contextlib
import socket

import attrs
import uvicorn
from examples.saga.notification import NotificationService
from examples.saga.order import OrderService
from examples.saga.payment import PaymentParty
from examples.saga.shipping import ShippingService
from examples.saga.stock import StockService

from paykit.sandbox import SandboxConfig, create_app


@contextlib.asynccontextmanager
async def shop(settings):
    """The settings of a shop that is open."""
    with (
        socket.create_server(("127.0.0.1", 0)) as calls,
        socket.create_server(("127.0.0.1", 0)) as providers,
    ):
        settings = attrs.evolve(settings, sandbox=url(providers), payments_port=port(calls))
        config = SandboxConfig.for_shop(f"{url(calls)}/pay/webhooks", public_url=settings.sandbox)
        async with contextlib.AsyncExitStack() as open_:
            await open_.enter_async_context(serving(create_app(config), providers))
            await open_.enter_async_context(serving(PaymentParty(settings).app(), calls))
            for kind in (OrderService, StockService, ShippingService, NotificationService):
                await open_.enter_async_context(kind(settings).running())
            yield settings


@contextlib.asynccontextmanager
async def serving(app, listener):
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    server.capture_signals = contextlib.nullcontext  # the signals are pytest's
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:
        assert not task.done(), task
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task


def port(listener):
    return listener.getsockname()[1]


def url(listener):
    return f"http://127.0.0.1:{port(listener)}"
