"""The payment service: paykit, listening to the saga.

paykit keeps the payments, and publishes ``PaymentProcessed`` through its own outbox. What is here
only says what an event means for a payment. Each call may be repeated: paykit sends it under the
same idempotency key, so it takes, releases or gives back the money once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterable
from datetime import timedelta
from typing import Any, ClassVar, Final

import attrs
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from paykit import (
    CaptureMode,
    Declined,
    MoMo,
    Money,
    PaykitError,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    Redirect,
    Stripe,
    orders,
)
from paykit.provider import Provider, utc_now
from paykit.service import AsyncPaymentService, RelaySettings
from paykit.webhooks.asgi import PaykitApp

from .brokers import Bus, log
from .messages import (
    Event,
    OrderPlaced,
    OutOfStock,
    PaymentNotNeeded,
    PaymentStarted,
    ShopEvent,
    StockReserved,
)
from .party import Party
from .settings import Settings

#: Seconds between two sweeps.
_SWEEP: Final = 10.0
#: After a crash, what was being published waits for so long.
_LEASE: Final = timedelta(seconds=2)
#: The sandbox's own keys, which are public.
_STRIPE: Final = {
    "secret_key": "sk_test_paykit_sandbox_0001",
    "webhook_secret": "whsec_paykit_sandbox_stripe_0001",
}
_MOMO: Final = {
    "partner_code": "MOMO",
    "access_key": "F8BBA842ECF85",
    "secret_key": "K951B6PE1waDMi640xX08PD3vg6EkVlz",
}


def accounts(settings: Settings) -> list[Provider]:
    """The shop's accounts at the providers."""
    here = f"http://127.0.0.1:{settings.payments_port}/pay/webhooks"
    return [
        Stripe.from_dict({**_STRIPE, "base_url": f"{settings.sandbox}/stripe"}),
        MoMo.from_dict(
            {**_MOMO, "base_url": f"{settings.sandbox}/momo", "notify_url": f"{here}/momo"}
        ),
    ]


class PaymentParty(Party):
    """Money, as one party of the saga. It knows nothing of goods."""

    name: ClassVar = "payment"
    reads: ClassVar = ("orders", "stock")
    writes: ClassVar = "payments"

    def __init__(self, settings: Settings, bus: Bus | None = None) -> None:
        super().__init__(settings, bus)
        self.payments = AsyncPaymentService(
            accounts(settings),
            database=f"sqlite:///{settings.folder}/paykit.db",
            relay=RelaySettings(lease=_LEASE),
        )

    def handle(self, event: Event) -> Iterable[ShopEvent]:  # noqa: ARG002
        """All is done by then: paykit has a database of its own."""
        return []

    async def act(self, event: Event) -> Iterable[ShopEvent]:
        """Ask for money, take it, let go of it, or give it back."""
        with contextlib.suppress(Declined):  # of which PaymentProcessed tells
            match event:
                case OrderPlaced(pay_by="stored card"):
                    await self._charge(event)
                case OrderPlaced(pay_by="card"):
                    await self._hold(event)
                case OrderPlaced(pay_by="momo"):
                    return await self._send_to_momo(event)
                case StockReserved():
                    await self._take(event.payment_id)
                case OutOfStock() | PaymentNotNeeded():
                    await self._give_back(event.payment_id)
        return []

    async def _charge(self, order: OrderPlaced) -> None:
        """Take the money at once: the card was stored at an earlier order."""
        await self.payments.handle_order_placed(
            orders.OrderPlaced(
                event_id=order.event_id,
                order_id=order.order_id,
                occurred_at=utc_now(),
                amount=Money(order.minor, order.currency),
                provider="stripe",
                token=PaymentToken(provider="stripe", value=order.token or ""),
                off_session=True,
            )
        )

    async def _hold(self, order: OrderPlaced) -> None:
        """Hold the money until the goods are set aside."""
        token = PaymentToken(provider="stripe", value=order.token or "")
        request = attrs.evolve(
            self._request(order, "stripe"), token=token, capture=CaptureMode.MANUAL
        )
        await self.payments.create(request, provider="stripe")

    async def _send_to_momo(self, order: OrderPlaced) -> list[ShopEvent]:
        """Let the customer pay on MoMo's page."""
        session = await self.payments.create(self._request(order, "momo"), provider="momo")
        if not isinstance(session.next, Redirect) or session.payment_id is None:
            return []  # a repeat, and it is paid already
        page, payment_id = session.next.url, session.payment_id
        return [PaymentStarted.because_of(order, payment_id=payment_id, pay_at=page)]

    def _request(self, order: OrderPlaced, provider: str) -> PaymentRequest:
        return PaymentRequest(
            reference=order.order_id,
            order_id=order.order_id,
            amount=Money(order.minor, order.currency),
            description=f"Order {order.order_id}",
            return_url=f"http://127.0.0.1:{self.settings.payments_port}/pay/returns/{provider}",
        )

    async def _take(self, payment_id: str) -> None:
        record = await self.payments.status(payment_id)
        if record is not None and record.status is PaymentStatus.AUTHORIZED:
            await self.payments.capture(payment_id)

    async def _give_back(self, payment_id: str) -> None:
        record = await self.payments.status(payment_id)
        if record is not None and record.status is PaymentStatus.AUTHORIZED:
            await self.payments.void(payment_id)
        elif record is not None and record.captured > record.refunded:
            await self.payments.refund(payment_id)

    def background(self) -> Iterable[Coroutine[Any, Any, None]]:
        """Besides the usual: ask the providers about what was not told for too long."""
        return (*super().background(), self._reconcile_forever())

    async def _reconcile_forever(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            try:
                await self.payments.reconcile()
            except PaykitError as error:
                log.warning("payment: the next sweep will try again: %s", error)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Besides the usual: publish what becomes of the payments."""
        async with self.payments, super().running():
            await self.payments.publish_to(self.bus.payments())
            yield

    def app(self) -> Starlette:
        """What the providers call. The service runs as long as it is served."""

        @contextlib.asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            async with self.running():
                yield

        endpoints = PaykitApp(self.payments, return_to="https://shop.example/thank-you")
        return Starlette(routes=[Mount("/pay", endpoints)], lifespan=lifespan)

    async def run(self) -> None:
        """Run until SIGINT or SIGTERM."""
        port = self.settings.payments_port
        await uvicorn.Server(uvicorn.Config(self.app(), port=port, log_level="warning")).serve()


if __name__ == "__main__":
    PaymentParty.main()
