"""Hold the money when an order comes; take it when the goods are there, else release it.

Start ``paykit sandbox`` in another terminal, then ``python examples/hold_then_capture.py``. Needs
the extras ``paykit-adapters[service,sandbox]``.
"""

import sys
import tempfile
from queue import SimpleQueue

from paykit import (
    CaptureMode,
    Declined,
    Money,
    PaymentProcessed,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    Stripe,
    advice,
)
from paykit.service import PaymentService

PRICE = Money(320_000, "VND")


class Shop:
    """Sells what is in stock. A real one keeps its stock in a database."""

    def __init__(self, service: PaymentService, *, stock: int) -> None:
        self.service = service
        self.stock = stock
        self.reserved: dict[str, bool] = {}
        self.told: SimpleQueue[str] = SimpleQueue()
        service.subscribe(self.on_payment)

    def buy(self, order_id: str, token: str, *, attempt: int = 1) -> str | None:
        """Hold the price with what the browser got from the gateway; what to tell a payer.

        The token is used up by that. Keep the payment's id, never the token.
        """
        request = PaymentRequest(
            reference=f"{order_id}-{attempt}",  # a new one for each attempt
            order_id=order_id,
            amount=PRICE,
            token=PaymentToken(provider="stripe", value=token),
            capture=CaptureMode.MANUAL,
            return_url="http://127.0.0.1:8000/pay/returns/stripe",
        )
        try:
            self.service.create(request, provider="stripe")
        except Declined as error:
            may = advice(error.reason)
            return "try it again" if may.this_card else "use another card"
        return None

    def on_payment(self, event: PaymentProcessed) -> None:
        """Take or release what is held; called at least once for each event.

        When this raises or the process dies, the event comes again. That is safe: the same order
        gets the same answer, and capturing twice takes the money once.
        """
        order_id, payment_id = event.order_id or "", event.payment_id or ""
        if event.status is PaymentStatus.AUTHORIZED and self.set_aside(order_id):
            self.service.capture(payment_id)
        elif event.status is PaymentStatus.AUTHORIZED:
            self.service.void(payment_id)
        elif event.status is PaymentStatus.SUCCEEDED:
            self.told.put(f"{order_id}: {event.captured} taken, ship it")
        elif event.status is PaymentStatus.CANCELED:
            self.told.put(f"{order_id}: sold out, nothing was charged")

    def set_aside(self, order_id: str) -> bool:
        """Whether there are goods for the order; the same answer however often it is asked."""
        if order_id not in self.reserved:
            self.reserved[order_id] = self.stock > 0
            self.stock -= self.reserved[order_id]
        return self.reserved[order_id]


def main(sandbox: str = "http://127.0.0.1:8100") -> None:
    """Sell the last one, sell it once more, and meet a card without money."""
    stripe = Stripe.from_dict(
        {
            "secret_key": "sk_test_paykit_sandbox_0001",  # the sandbox's own keys, which are public
            "webhook_secret": "whsec_paykit_sandbox_stripe_0001",
            "base_url": f"{sandbox}/stripe",
        }
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        PaymentService([stripe], database=f"sqlite:///{folder}/payments.db") as service,
    ):
        shop = Shop(service, stock=1)
        # What a browser's card field would have given, as test tokens.
        shop.buy("ORDER-1", "pm_card_visa")
        print(shop.told.get(timeout=30))
        shop.buy("ORDER-2", "pm_card_visa")
        print(shop.told.get(timeout=30))
        advised = shop.buy("ORDER-3", "pm_card_chargeDeclinedInsufficientFunds")
        print(f"ORDER-3: declined, {advised}")


if __name__ == "__main__":
    main(*sys.argv[1:])
