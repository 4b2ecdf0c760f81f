"""Stripe: cards by token, holds, stored cards, and payment pages.

The browser gives the card to Stripe and gets a token; :meth:`Stripe.create_payment` charges it or
holds money on it, or makes a page where there is no token. The id of the payment (``pi_…``) or of
the page (``cs_…``) is the ``provider_id``; ``reference`` is kept in the metadata.

Source: https://docs.stripe.com/api
"""

from __future__ import annotations

from datetime import timedelta

from ...info import FOR_EVER, Asking, Capability, RefundNotices, hosts
from ...provider import ProviderInfo
from .amounts import CURRENCIES
from .config import StripeConfig
from .forms import REFERENCE
from .holds import Holds
from .payments import Payments
from .refunds import Refunds
from .tokens import Tokens
from .webhooks import Webhooks
from .wire import VERSION

__all__ = ["VERSION", "Stripe", "StripeConfig"]

_API = "https://api.stripe.com"


class Stripe(Payments, Holds, Refunds, Tokens, Webhooks):
    """Cards and other means by Stripe: capture at once or later, refunds, stored cards, pages."""

    name = "stripe"
    info = ProviderInfo(
        title="Stripe",
        homepage="https://stripe.com",
        docs=(
            "https://docs.stripe.com/api/payment_intents",
            "https://docs.stripe.com/api/refunds",
            "https://docs.stripe.com/webhooks",
        ),
        currencies=CURRENCIES,
        countries=frozenset(),
        # One API for both worlds: the key decides.
        hosts=hosts(sandbox=_API, production=_API),
        # Stripe's own libraries wait as long.
        read_timeout=80.0,
        reference=REFERENCE,
        keeps_metadata=True,
        # A page lives a day at most, and a webhook comes again for three. Debits take two weeks.
        # Its limit is said to be 25 calls a second in the sandbox, and more in production.
        asking=Asking(per_minute=300, grace=timedelta(days=4), gives_up_after=timedelta(days=30)),
        # Stripe may forget a key after a day. What is canceled stays so.
        repeatable_for={
            Capability.CREATE_PAYMENT: timedelta(hours=24),
            Capability.CAPTURE: timedelta(hours=24),
            Capability.VOID: FOR_EVER,
            Capability.REFUND: timedelta(hours=24),
        },
        refund_notices=RefundNotices.EACH,
        ask_on_return=True,
    )
    Config = StripeConfig
    config: StripeConfig
