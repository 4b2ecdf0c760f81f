"""The sandbox as one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from .admin import Admin
from .adyen.simulator import AdyenSimulator
from .bank.ledger import Bank
from .bank.simulator import BankSimulator
from .casso.simulator import CassoSimulator
from .checkoutcom.simulator import CheckoutComSimulator
from .config import SandboxConfig
from .deliveries import Deliveries, Send
from .faults import Faults
from .momo import MoMoSimulator
from .pages import STATIC, Pages
from .payos.simulator import PayOSSimulator
from .paypal.simulator import PayPalSimulator
from .sepay.simulator import SePaySimulator
from .sepaypg.simulator import SePayGatewaySimulator
from .stripe.simulator import StripeSimulator
from .summary import Simulator
from .vnpay import VNPaySimulator
from .zalopay.simulator import ZaloPaySimulator

#: In the order in which people read of them.
SIMULATORS: Final[tuple[type[Simulator], ...]] = (
    VNPaySimulator,
    MoMoSimulator,
    ZaloPaySimulator,
    PayPalSimulator,
    StripeSimulator,
    AdyenSimulator,
    CheckoutComSimulator,
    SePayGatewaySimulator,
)
#: Those that live on what arrives at a bank.
BANK_SIMULATORS: Final = (PayOSSimulator, SePaySimulator, CassoSimulator, BankSimulator)
#: What is mounted, by the name that it is mounted under.
TITLES: Final[dict[str, str]] = {
    **{kind.name: kind.title for kind in SIMULATORS},
    **{kind.name: kind.title for kind in BANK_SIMULATORS},
}


def create_app(config: SandboxConfig | None = None, *, send: Send | None = None) -> Starlette:
    """Build the sandbox. ``send`` performs the notices; by default they go out over HTTP.

    Notices are sent while the application's lifespan runs. Its parts are on ``app.state``:
    ``config``, ``deliveries`` and ``faults``.
    """
    config = config or SandboxConfig()
    outside = AsyncExitStack()
    if send is None:
        # Imported only here: a sandbox with a sender of its own needs no HTTP client.
        from ..transport import AsyncHttpxTransport

        transport = AsyncHttpxTransport()
        outside.push_async_callback(transport.aclose)
        send = transport.send
    faults = Faults()
    pages = Pages(config)
    deliveries = Deliveries(send, clock=config.clock, faults=faults, keep=config.keep)
    bank = Bank(config.bank, keep=config.keep)
    simulators: list[Simulator] = [
        kind(config, deliveries=deliveries, faults=faults, pages=pages) for kind in SIMULATORS
    ]
    simulators += [
        kind(config, deliveries=deliveries, faults=faults, pages=pages, bank=bank)
        for kind in BANK_SIMULATORS
    ]
    admin = Admin(config, simulators=simulators, deliveries=deliveries, faults=faults, pages=pages)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with outside:
            await deliveries.start()
            try:
                yield
            finally:
                await deliveries.stop()

    app = Starlette(
        routes=[
            *admin.routes(),
            *(Mount(f"/{one.name}", routes=one.routes()) for one in simulators),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        lifespan=lifespan,
    )
    app.state.config = config
    app.state.deliveries = deliveries
    app.state.faults = faults
    return app
