"""Adyen: cards by Checkout API v72, and the standard webhooks.

The browser encrypts the card, :meth:`Adyen.create_payment` pays with it. Captures, releases and
refunds are only *received* by the answer; what became of them comes by webhook. Adyen has no call
that asks for a payment.

Source: https://docs.adyen.com/api-explorer/Checkout/72/overview
"""

from __future__ import annotations

from datetime import timedelta

from ...info import Asking, Capability, RefundNotices
from ...provider import ProviderInfo, hosts
from ...wire import Environment
from .amounts import CURRENCIES
from .config import AdyenConfig
from .forms import REFERENCE
from .refunds import Refunds
from .tokens import Tokens
from .webhooks import Webhooks

__all__ = ["Adyen", "AdyenConfig"]

_NO_QUESTIONS = "Adyen has no such call: what became of it is told by its webhooks, and only there"


class Adyen(Refunds, Tokens, Webhooks):
    """Cards in the shop's own page or on a hosted one: taken at once or held, stored, refunded."""

    name = "adyen"
    info = ProviderInfo(
        title="Adyen",
        homepage="https://www.adyen.com",
        docs=(
            "https://docs.adyen.com/api-explorer/Checkout/72/overview",
            "https://docs.adyen.com/online-payments/capture/",
            "https://docs.adyen.com/development-resources/webhooks/",
        ),
        currencies=CURRENCIES,
        countries=frozenset(),
        # Production has a host of its own for each company: see ``live_prefix``.
        hosts=hosts(
            sandbox="https://checkout-test.adyen.com/v72",
            production="https://{live_prefix}-checkout-live.adyenpayments.com/checkout/v72",
        ),
        reference=REFERENCE,
        keeps_metadata=True,
        # It cannot be asked. A page lives a day at most, an offer twelve hours, and a webhook that
        # was not taken in comes again every eight hours, for thirty days.
        asking=Asking(grace=timedelta(days=3), gives_up_after=timedelta(days=30)),
        # Also a void: Adyen would receive it, and tell later that there was nothing to release.
        repeatable_for={
            Capability.CREATE_PAYMENT: timedelta(days=7),
            Capability.CAPTURE: timedelta(days=7),
            Capability.VOID: timedelta(days=7),
            Capability.REFUND: timedelta(days=7),
        },
        refund_notices=RefundNotices.EACH,
        why_not={
            Capability.FETCH_PAYMENT: _NO_QUESTIONS,
            Capability.FETCH_REFUND: _NO_QUESTIONS,
            Capability.COMPLETE: "submit_details ends what the payer began in the browser",
            Capability.REAUTHORIZE: "a hold is not renewed; make a new payment",
        },
    )
    Config = AdyenConfig
    config: AdyenConfig

    @property
    def base(self) -> str:
        """Where the API is; in production that is different for each company."""
        if self.config.base_url is None and self.config.environment is Environment.PRODUCTION:
            return super().base.format(live_prefix=self.config.live_prefix)
        return super().base
