"""Checkout.com: cards by a token from the browser or on a hosted page, held or taken at once.

A capture, a void and a refund are accepted at first (``pending``) and told by webhook when they are
done. The payment's id (``pay_…``) is the ``provider_id``; that of a hosted page (``hpp_…``) stands
there until somebody pays on it.

Source: https://api-reference.checkout.com
"""

from __future__ import annotations

from datetime import timedelta

from ...info import FOR_EVER, Asking, Capability, RefundNotices
from ...models import PaymentStatus
from ...provider import ProviderInfo
from ...wire import Environment
from .amounts import CURRENCIES
from .config import CheckoutComConfig
from .forms import REFERENCE
from .refunds import Refunds
from .tokens import Tokens
from .webhooks import Webhooks

__all__ = ["CheckoutCom", "CheckoutComConfig"]


class CheckoutCom(Refunds, Tokens, Webhooks):
    """Checkout.com: cards, 3-D Secure, holds, refunds, stored cards, disputes."""

    name = "checkoutcom"
    info = ProviderInfo(
        title="Checkout.com",
        homepage="https://www.checkout.com",
        docs=(
            "https://api-reference.checkout.com",
            "https://www.checkout.com/docs/developer-resources/event-notifications",
        ),
        currencies=CURRENCIES,
        countries=frozenset(),
        hosts={
            Environment.SANDBOX: "https://api.sandbox.checkout.com",
            Environment.PRODUCTION: "https://api.checkout.com",
        },
        reference=REFERENCE,
        # A hosted page on which nobody pays just lapses.
        silent_on=frozenset({PaymentStatus.EXPIRED}),
        asking=Asking(grace=timedelta(days=3), gives_up_after=timedelta(days=30)),
        # Only a key that was answered with 2xx is known again, and what was accepted and is not
        # done yet is not shown: though it is asked first, a repeat may act twice. Not a void.
        repeatable_for={Capability.VOID: FOR_EVER},
        refund_notices=RefundNotices.EACH,
        keeps_metadata=True,
    )
    Config = CheckoutComConfig
    config: CheckoutComConfig
