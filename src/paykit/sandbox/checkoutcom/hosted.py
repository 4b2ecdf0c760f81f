"""Checkout.com's own page, with one try after another until a card is good.

https://www.checkout.com/docs/payments/accept-payments/accept-a-payment-on-a-hosted-page
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from ..cards.hosted import HostedPayment, HostedResult
from ..cards.numbers import Card
from ..edge import remember
from ..summary import PaymentSummary
from . import amounts
from .actions import Body
from .issues import invalid, not_found
from .payments import Payments, way_back
from .views import some

if TYPE_CHECKING:
    from .ids import Ids
    from .state import Payment
    from .views import Json


@attrs.define(kw_only=True, eq=False)
class Page:
    """One order to be paid. ``payment`` is the last try."""

    id: str
    fields: dict[str, Any]
    created_at: datetime
    expires_at: datetime
    payment: Payment | None = None

    @property
    def paid(self) -> bool:
        """Whether a try went well, or still may."""
        return self.payment is not None and (self.payment.approved or self.payment.waiting)

    def status(self, now: datetime) -> str:
        """How far it came, in Checkout.com's words."""
        if self.payment and self.payment.approved:
            return "Payment Received"
        return "Expired" if self.expires_at <= now else "Payment Pending"


class HostedPayments:
    """The pages of one account; ``url`` says where the payer finds one."""

    def __init__(
        self, payments: Payments, *, ids: Ids, base: str, url: Callable[[str], str], keep: int
    ) -> None:
        self._payments = payments
        self._ids = ids
        self._base = base
        self._url = url
        self._keep = keep
        self._pages: dict[str, Page] = {}

    def create(self, body: Body, now: datetime) -> Page:
        """A new page."""
        wrong = self._payments.order_problems(body)
        if wrong:
            raise invalid(*wrong)
        lifetime = self._payments.config.page_lifetime
        page = Page(id=self._ids.page(), fields=body, created_at=now, expires_at=now + lifetime)
        remember(self._pages, page.id, page, keep=self._keep)
        return page

    def read(self, page_id: str) -> Page:
        """A page that was made earlier."""
        page = self._pages.get(page_id)
        if page is None:
            raise not_found()
        return page

    def made(self, page: Page) -> Json:
        """The answer to a new page."""
        return {
            "id": page.id,
            **some(reference=page.fields.get("reference")),
            "_links": self._links(page),
        }

    def details(self, page: Page, now: datetime) -> Json:
        """A page and what became of it."""
        names = ("reference", "description", "metadata", "billing")
        urls = ("success_url", "cancel_url", "failure_url")
        asked = page.fields.get("customer") or {}
        return {
            "id": page.id,
            "status": page.status(now),
            "amount": page.fields["amount"],
            "currency": page.fields["currency"],
            **some(
                payment_id=page.payment.id if page.payment and page.paid else "",
                customer={name: asked[name] for name in ("email", "name") if asked.get(name)},
            ),
            **{name: page.fields[name] for name in (*names, *urls) if page.fields.get(name)},
            "_links": self._links(page),
        }

    def summaries(self, now: datetime) -> list[PaymentSummary]:
        """The pages on which nobody has tried to pay, in a line each."""
        return [self._summary(page, now) for page in self._pages.values() if not page.payment]

    def hosted(self, page_id: str, now: datetime) -> HostedPayment | None:
        """What is to be paid on a page."""
        page = self._pages.get(page_id)
        if page is None:
            return None
        fields = page.fields
        state, back = "", None
        if page.payment and page.paid:
            state, back = "This is paid.", way_back(page.payment)
            if page.payment.waiting:
                state, back = "The bank's page is open.", page.payment.challenge_url
        elif page.expires_at <= now:
            state, back = "The time to pay is over.", fields["failure_url"]
        return HostedPayment(
            id=page.id,
            merchant=self._payments.config.merchant_name,
            description=fields.get("description") or fields.get("reference") or page.id,
            reference=fields.get("reference") or page.id,
            amount=amounts.money(fields["amount"], fields["currency"]),
            expires_at=page.expires_at,
            holds_only=fields.get("capture") is False,
            state=state,
            back=back,
        )

    def pay_hosted(self, page_id: str, card: Card, now: datetime) -> HostedResult:
        """The payer tries a card. Each try is a payment of its own."""
        page, payments = self._pages[page_id], self._payments
        customer = payments.vault.customer(page.fields.get("customer"))
        payment = payments.start(page.fields, card, customer, now, hosted=True)
        page.payment = payment
        payments.catch_up(now)
        if payment.waiting:
            return HostedResult(redirect=payment.challenge_url)
        if payment.approved:
            return HostedResult(redirect=way_back(payment))
        return HostedResult(problem="Your card was declined. Please try another card.")

    def leave_hosted(self, page_id: str, _now: datetime) -> str | None:
        """The payer gives up. No event is sent for that, and the page stays open."""
        return str(self._pages[page_id].fields["cancel_url"])

    def _links(self, page: Page) -> Json:
        return {
            "self": {"href": f"{self._base}/hosted-payments/{page.id}"},
            "redirect": {"href": self._url(page.id)},
        }

    def _summary(self, page: Page, now: datetime) -> PaymentSummary:
        amount = amounts.money(page.fields["amount"], page.fields["currency"])
        status = page.status(now)
        return PaymentSummary(
            provider="checkoutcom",
            reference=page.fields.get("reference") or page.id,
            amount=amount,
            refunded=amount - amount,
            status=status,
            mood="bad" if status == "Expired" else "open",
            created_at=page.created_at,
            page=None if status == "Expired" else self._url(page.id),
        )
