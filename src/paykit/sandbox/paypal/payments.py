"""Payments v2: what becomes of authorizations and captures.

Requests are well formed by then. https://developer.paypal.com/docs/api/payments/v2/
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import attrs

from ...money import Money
from ..faults import Faults
from . import totals
from .issues import refusal
from .orders import Body, Orders
from .state import Authorization, Capture, Refund

#: Captures may exceed what was authorized by 15 %, and by not more than 75 US dollars.
_OVERCAPTURE: Final = (115, 100)
_MOST_DOLLARS_ABOVE: Final = Money(7_500, "USD")


@attrs.frozen(kw_only=True)
class Payments:
    """Each method returns the object that it made or changed, or raises a refusal."""

    orders: Orders
    faults: Faults

    def authorization(self, authorization_id: str) -> Authorization:
        """Find an authorization."""
        found = self.orders.books.authorization(authorization_id)
        if found is None:
            raise refusal("INVALID_RESOURCE_ID")
        return found

    def capture_of(self, capture_id: str) -> Capture:
        """Find a capture."""
        found = self.orders.books.capture(capture_id)
        if found is None:
            raise refusal("INVALID_RESOURCE_ID")
        return found

    def refund_of(self, refund_id: str) -> Refund:
        """Find a refund."""
        found = self.orders.books.refund(refund_id)
        if found is None:
            raise refusal("INVALID_RESOURCE_ID")
        return found

    def capture(self, authorization_id: str, body: Body, now: datetime) -> Capture:
        """Take held money, all that is left or a part of it."""
        held = self.authorization(authorization_id)
        self._check_open(held, now)
        amount = _amount(body, held.amount - held.captured, "MAX_CAPTURE_AMOUNT_EXCEEDED")
        if amount.currency != held.amount.currency:
            raise refusal(
                "AUTH_CAPTURE_CURRENCY_MISMATCH", "/amount/currency_code", amount.currency
            )
        if held.captured + amount > self._limit((held.parent or held).amount):
            raise refusal("MAX_CAPTURE_AMOUNT_EXCEEDED", "/amount/value", body["amount"]["value"])
        order = held.unit.order
        invoice_id = body.get("invoice_id") or ""
        if invoice_id and self.orders.config.unique_invoices:
            earlier = any(one.invoice_id == invoice_id for one in order.captures())
            if earlier or self.orders.books.invoice_taken(invoice_id, order):
                raise refusal("DUPLICATE_INVOICE_ID", "/invoice_id", invoice_id)
            self.orders.books.take_invoice(invoice_id, order)
        capture = Capture(
            id=self.orders.ids.transaction(),
            unit=held.unit,
            authorization=held,
            amount=amount,
            created_at=now,
            updated_at=now,
            final=bool(body.get("final_capture")),
            invoice_id=invoice_id or held.unit.invoice_id,
        )
        held.captures.append(capture)
        held.updated_at = now
        held.unit.captures.append(capture)
        self.orders.settle(capture, now)
        return capture

    def reauthorize(self, authorization_id: str, body: Body, now: datetime) -> Authorization:
        """Hold the money anew after the honor period, once; the end stays where it was."""
        held = self.authorization(authorization_id)
        if held.parent or held.child:
            raise refusal("REAUTHORIZATION_NOT_SUPPORTED")
        if held.captures:
            raise refusal("AUTHORIZATION_ALREADY_CAPTURED")
        if held.voided or held.expired(now):
            raise refusal("AUTHORIZATION_VOIDED")
        if held.denied or held.pending_for:
            raise refusal("TRANSACTION_REFUSED")
        if now < held.created_at + self.orders.config.honor_period:
            raise refusal("REAUTHORIZATION_TOO_SOON")
        # PayPal publishes no word of its own for too much.
        amount = _amount(body, held.amount, "TRANSACTION_REFUSED")
        if amount.currency != held.amount.currency:
            raise refusal("AUTH_CURRENCY_MISMATCH", "/amount/currency_code", amount.currency)
        if amount > self._limit(held.amount):
            raise refusal("TRANSACTION_REFUSED", "/amount/value", body["amount"]["value"])
        child = Authorization(
            id=self.orders.ids.transaction(),
            unit=held.unit,
            amount=amount,
            created_at=now,
            updated_at=now,
            expires_at=held.expires_at,
            parent=held,
        )
        held.child = child
        held.updated_at = now
        held.unit.authorizations.append(child)
        self.orders.notices.authorization(child, "CREATED", now)
        return child

    def void(self, authorization_id: str, now: datetime) -> Authorization:
        """Release what is held; what was captured of it stays captured."""
        held = self.authorization(authorization_id)
        if held.parent:
            raise refusal("CANNOT_BE_VOIDED")
        family = [held, *([held.child] if held.child else [])]
        if any(one.closed for one in family):
            raise refusal("PREVIOUSLY_CAPTURED")
        if held.voided or held.denied or held.expired(now):
            raise refusal("PREVIOUSLY_VOIDED")
        for one in family:
            one.voided = True
            one.updated_at = now
            self.orders.notices.authorization(one, "VOIDED", now)
        return held

    def refund(self, capture_id: str, body: Body, now: datetime) -> Refund:
        """Give money back, all that is left or a part of it."""
        capture = self.capture_of(capture_id)
        self._check_refundable(capture, now)
        amount = _amount(body, capture.left, "REFUND_AMOUNT_EXCEEDED")
        if amount.currency != capture.amount.currency:
            raise refusal(
                "REFUND_CAPTURE_CURRENCY_MISMATCH", "/amount/currency_code", amount.currency
            )
        if amount > capture.left:
            raise refusal("REFUND_AMOUNT_EXCEEDED", "/amount/value", body["amount"]["value"])
        if capture.disputed and amount != capture.left:
            raise refusal("TRANSACTION_DISPUTED")
        invoice_id = body.get("invoice_id") or ""
        unique = self.orders.config.unique_invoices
        if invoice_id and unique and self.orders.books.invoice_refunded(invoice_id):
            raise refusal("DUPLICATE_INVOICE_ID", "/invoice_id", invoice_id)
        if self.faults.take("fail_next_refund"):
            raise refusal("REFUND_FAILED_INSUFFICIENT_FUNDS", final=True)
        refund = Refund(
            id=self.orders.ids.transaction(),
            capture=capture,
            amount=amount,
            total=capture.refunded + amount,
            created_at=now,
            done_at=now + self.orders.config.refund_processing,
            fields=dict(body),
        )
        capture.refunds.append(refund)
        capture.updated_at = now
        if capture.dispute and capture.disputed:
            capture.dispute.resolve("RESOLVED_BUYER_FAVOUR", now)
            self.orders.notices.dispute(capture.dispute, "RESOLVED", now)
        return refund

    def _check_refundable(self, capture: Capture, now: datetime) -> None:
        if capture.declined:
            raise refusal("REFUND_NOT_ALLOWED")
        if capture.pending_for:
            raise refusal("PENDING_CAPTURE")
        if capture.reversed:
            raise refusal("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK")
        if not capture.left:
            raise refusal("CAPTURE_FULLY_REFUNDED")
        if now >= capture.created_at + self.orders.config.refund_window:
            raise refusal("REFUND_TIME_LIMIT_EXCEEDED")

    @staticmethod
    def _check_open(held: Authorization, now: datetime) -> None:
        """Refuse an authorization of which nothing more can be taken."""
        if held.voided:
            raise refusal("AUTHORIZATION_VOIDED")
        if held.denied:
            raise refusal("AUTHORIZATION_DENIED")
        if held.closed:
            raise refusal("AUTHORIZATION_ALREADY_CAPTURED")
        if held.expired(now):
            raise refusal("AUTHORIZATION_EXPIRED")
        if held.pending_for or held.child:
            # Not reviewed yet, or replaced by a new one.
            raise refusal("TRANSACTION_REFUSED")

    def _limit(self, amount: Money) -> Money:
        if not self.orders.config.overcapture:
            return amount
        above = Money(amount.minor * _OVERCAPTURE[0] // _OVERCAPTURE[1], amount.currency)
        if amount.currency == "USD":
            above = min(above, amount + _MOST_DOLLARS_ABOVE)
        return above


def _amount(body: Body, default: Money, too_much: str) -> Money:
    """What is asked for, or else all of it."""
    if not body.get("amount"):
        return default
    return totals.read(body["amount"], "/amount", too_much=too_much)
