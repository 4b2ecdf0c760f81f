"""Sending ZaloPay's callbacks: which are sent, when, and to what end."""

from __future__ import annotations

from datetime import timedelta

import attrs

from ..config import SandboxConfig
from ..deliveries import Deliveries
from . import notices
from .config import ZaloPayMerchant
from .state import REFUSED, Agreement, Order


@attrs.frozen(kw_only=True)
class Callbacks:
    """A ``lost`` callback is on record, and never sent by itself."""

    config: SandboxConfig
    deliveries: Deliveries

    def about_order(self, order: Order, merchant: ZaloPayMerchant, *, lost: bool = False) -> None:
        """Tell that an order is paid, as soon as it counts as paid."""
        now = self.config.clock()
        wait = max((order.paid_at or now) - now, timedelta(0))
        self.deliveries.enqueue(
            notices.order_callback(order, merchant),
            provider="zalopay",
            reference=order.app_trans_id,
            rule=notices.retry_rule(self.config.zalopay, wait=wait.total_seconds()),
            lost=lost,
        )

    def about_agreement(
        self, agreement: Agreement, merchant: ZaloPayMerchant, *, lost: bool = False
    ) -> None:
        """Tell what a payer made of an agreement."""
        zalopay = self.config.zalopay
        if agreement.status == REFUSED and not zalopay.callback_on_refusal:
            return
        self.deliveries.enqueue(
            notices.agreement_callback(agreement, merchant),
            provider="zalopay",
            reference=agreement.app_trans_id,
            rule=notices.retry_rule(zalopay),
            lost=lost,
        )
