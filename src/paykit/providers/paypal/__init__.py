"""PayPal: Orders v2, payments, and webhooks that are proven offline.

An order is created, the payer approves it on PayPal's page, and only then the merchant takes the
money (:meth:`PayPal.complete`). The order's id is the ``provider_id`` everywhere; ``reference`` is
kept in the order as ``custom_id``.

Source: https://developer.paypal.com/docs/api/orders/v2/
"""

from __future__ import annotations

from datetime import timedelta

from ...info import FOR_EVER, Asking, Capability, RefundNotices
from ...models import PaymentStatus
from ...provider import ProviderInfo
from ...wire import Environment
from .amounts import CURRENCIES
from .config import PayPalConfig
from .holds import Holds
from .refunds import REFERENCE, Refunds
from .webhooks import Webhooks

__all__ = ["PayPal", "PayPalConfig"]


class PayPal(Holds, Refunds, Webhooks):
    """PayPal wallet by redirect: capture at once or hold, refunds, disputes."""

    name = "paypal"
    info = ProviderInfo(
        title="PayPal",
        homepage="https://www.paypal.com",
        docs=(
            "https://developer.paypal.com/docs/api/orders/v2/",
            "https://developer.paypal.com/docs/api/payments/v2/",
            "https://developer.paypal.com/api/rest/webhooks/",
        ),
        currencies=CURRENCIES,
        countries=frozenset(),
        hosts={
            Environment.SANDBOX: "https://api-m.sandbox.paypal.com",
            Environment.PRODUCTION: "https://api-m.paypal.com",
        },
        refund_reference=REFERENCE,
        # An order that nobody approves just lapses.
        silent_on=frozenset({PaymentStatus.EXPIRED}),
        # How long that takes is not certain: 3, 6 and 72 hours are told. A hold lasts 29 days.
        asking=Asking(grace=timedelta(hours=72), gives_up_after=timedelta(days=30)),
        # PayPal knows the keys of payments for 45 days. A hold is released once, and an order is
        # asked about before it is taken.
        repeatable_for={
            Capability.CAPTURE: timedelta(days=45),
            Capability.VOID: FOR_EVER,
            Capability.COMPLETE: FOR_EVER,
            Capability.REAUTHORIZE: timedelta(days=45),
            Capability.REFUND: timedelta(days=45),
        },
        refund_notices=RefundNotices.TOTAL,
    )
    Config = PayPalConfig
    config: PayPalConfig
