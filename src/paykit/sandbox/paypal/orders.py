"""Orders v2: create, read, and after the payer's approval capture or authorize.

Requests are well formed by then. https://developer.paypal.com/docs/api/orders/v2/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from . import totals
from .books import Books
from .config import PayPalConfig
from .ids import Ids
from .issues import Refusal, detail, refusal
from .notices import Notices
from .state import Authorization, Capture, Order, Unit
from .views import Views

Body = Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Orders:
    """What a merchant can do with orders. Each method returns the order or raises a refusal."""

    config: PayPalConfig
    books: Books
    ids: Ids
    views: Views
    notices: Notices

    def create(self, body: Body, now: datetime) -> Order:
        """Open an order for the payer to approve."""
        source = (body.get("payment_source") or {}).get("paypal")
        context = (source or {}).get("experience_context") or body.get("application_context") or {}
        order = Order(
            id=self.ids.transaction(),
            intent=body["intent"],
            context=dict(context),
            with_source=source is not None,
            created_at=now,
            updated_at=now,
            open_until=now + self.config.order_lifetime,
        )
        self._check_units(body)
        for number, fields in enumerate(body["purchase_units"]):
            amount = totals.read_unit(fields, f"/purchase_units/{number}")
            self._check_payee(fields.get("payee") or {}, number)
            unit = Unit(order=order, fields=dict(fields), amount=amount)
            if order.units and amount.currency != order.units[0].amount.currency:
                where = f"/purchase_units/{number}/amount/currency_code"
                raise refusal("MULTI_CURRENCY_ORDER", where, amount.currency)
            self._check_invoice(unit, f"/purchase_units/{number}/invoice_id")
            order.units.append(unit)
        self.books.add(order)
        return order

    def read(self, order_id: str, now: datetime) -> Order:
        """Find an order. One that nobody took in time is as good as never made."""
        order = self.books.order(order_id)
        if order is None or order.gone(now):
            raise refusal("INVALID_RESOURCE_ID")
        return order

    def capture(self, order_id: str, body: Body, now: datetime) -> Order:
        """Take the money of an approved order."""
        order = self._approved(order_id, body, now, intent="CAPTURE")
        for unit in order.units:
            capture = Capture(
                id=self.ids.transaction(),
                unit=unit,
                authorization=None,
                amount=unit.amount,
                created_at=now,
                updated_at=now,
                final=True,
                invoice_id=unit.invoice_id,
            )
            unit.captures.append(capture)
            self.settle(capture, now)
        self._complete(order, now)
        return order

    def authorize(self, order_id: str, body: Body, now: datetime) -> Order:
        """Hold the money of an approved order."""
        order = self._approved(order_id, body, now, intent="AUTHORIZE")
        for unit in order.units:
            held = Authorization(
                id=self.ids.transaction(),
                unit=unit,
                amount=unit.amount,
                created_at=now,
                updated_at=now,
                expires_at=now + self.config.authorization_lifetime,
                pending_for="PENDING_REVIEW" if order.funding == "review" else "",
            )
            unit.authorizations.append(held)
            if not held.pending_for:
                self.notices.authorization(held, "CREATED", now)
        self._complete(order, now)
        return order

    def settle(self, capture: Capture, now: datetime) -> None:
        """What becomes of a new capture follows from what the payer pays with."""
        funding = capture.unit.order.funding
        held = capture.authorization
        if funding == "failing":
            capture.declined = True
        elif funding == "echeck":
            capture.pending_for = "ECHECK"
        elif funding == "review" and held is None:
            # A held payment was reviewed before.
            capture.pending_for = "PENDING_REVIEW"
        self.notices.capture(capture, capture.status(now), now)

    def _approved(self, order_id: str, body: Body, now: datetime, *, intent: str) -> Order:
        order = self.read(order_id, now)
        if order.intent != intent:
            raise refusal("ACTION_DOES_NOT_MATCH_INTENT")
        if order.completed:
            done = "ORDER_ALREADY_CAPTURED" if intent == "CAPTURE" else "ORDER_ALREADY_AUTHORIZED"
            raise refusal(done)
        if order.funding is None:
            raise refusal("ORDER_NOT_APPROVED")
        if body.get("payment_source"):
            raise refusal("PREFERRED_PAYMENT_SOURCE_MISMATCH", "/payment_source")
        for number, unit in enumerate(order.units):
            self._check_invoice(unit, f"/purchase_units/{number}/invoice_id")
        if order.funding == "declined":
            # Back to the page: another source may do.
            order.funding = None
            order.declines += 1
            order.updated_at = now
            raise refusal("INSTRUMENT_DECLINED", redirect=self.views.page(order), final=True)
        return order

    def _complete(self, order: Order, now: datetime) -> None:
        order.completed = True
        order.updated_at = now
        for unit in order.units:
            self.books.take_invoice(unit.invoice_id, order)

    def _check_invoice(self, unit: Unit, field: str) -> None:
        if self.config.unique_invoices and self.books.invoice_taken(unit.invoice_id, unit.order):
            raise refusal("DUPLICATE_INVOICE_ID", field, unit.invoice_id)

    def _check_payee(self, payee: Body, number: int) -> None:
        ours = {"email_address": self.config.merchant_email, "merchant_id": self.config.merchant_id}
        for name, own in ours.items():
            if payee.get(name) not in {None, own}:
                where = f"/purchase_units/{number}/payee/{name}"
                raise refusal("PAYEE_ACCOUNT_INVALID", where, payee[name])

    @staticmethod
    def _check_units(body: Body) -> None:
        units = body["purchase_units"]
        if len(units) == 1:
            return
        if body["intent"] == "AUTHORIZE":
            raise refusal("UNSUPPORTED_INTENT", "/intent", body["intent"])
        names = [unit.get("reference_id") for unit in units]
        missing = [
            detail("REFERENCE_ID_REQUIRED", f"/purchase_units/{number}/reference_id")
            for number, name in enumerate(names)
            if not name
        ]
        if missing:
            raise Refusal(422, *missing)
        if len(set(names)) < len(names):
            raise refusal("DUPLICATE_REFERENCE_ID", "/purchase_units")
