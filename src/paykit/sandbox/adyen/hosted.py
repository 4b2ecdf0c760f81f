"""Adyen's own page: as a session of mode ``hosted``, or as a payment link.

https://docs.adyen.com/online-payments/build-your-integration/sessions-flow/?platform=Web&integration=Hosted+Checkout
https://docs.adyen.com/unified-commerce/pay-by-link/create-payment-links/api/
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import attrs

from ..cards.hosted import HostedPayment, HostedResult
from ..cards.numbers import Card
from ..edge import with_query
from . import amounts
from .books import Books
from .errors import Refusal
from .ids import Ids
from .notices import stamp
from .payments import Body, Json, Payments, read_amount
from .state import HostedPage, Payment

if TYPE_CHECKING:
    from .config import AdyenConfig

_LONGEST_SESSION: Final = timedelta(hours=24)
_LONGEST_LINK: Final = timedelta(days=70)
_SHORTEST_SHOPPER: Final = 3


@attrs.frozen(kw_only=True)
class Hosted:
    """Makes pages, answers for them (a ``HostedGateway``), and says what became of them."""

    config: AdyenConfig
    books: Books
    ids: Ids
    payments: Payments
    address: Callable[[str], str]

    def create_session(self, body: Body, now: datetime) -> Json:
        """``POST /sessions``; only a hosted one has a page."""
        longest = min(self.config.session_lifetime, _LONGEST_SESSION)
        page = self._open(body, "session", _until(body, now, longest, _LONGEST_SESSION), now)
        answer = {**body, "id": page.id, "expiresAt": stamp(page.expires_at)}
        answer["mode"] = body.get("mode", "embedded")
        answer["sessionData"] = f"Ab02b4c0!{page.result}"
        if answer["mode"] == "hosted":
            answer["url"] = self.address(page.id)
        return answer

    def session(self, session_id: str, result: str, now: datetime) -> Json:
        """``GET /sessions/{sessionId}``, with what the browser brought back."""
        page = self.books.page(session_id)
        if page is None or page.kind != "session":
            raise Refusal("not found")
        if result != page.result:
            raise Refusal("session result")
        answer: Json = {"id": page.id, "reference": page.reference, "status": _status(page, now)}
        if page.paid:
            answer["payments"] = [_summary(one) for one in page.payments if one.good]
        return answer

    def create_link(self, body: Body, now: datetime) -> Json:
        """``POST /paymentLinks``."""
        until = _until(body, now, self.config.link_lifetime, _LONGEST_LINK)
        return self._link(self._open(body, "link", until, now), now)

    def link(self, link_id: str, now: datetime) -> Json:
        """``GET /paymentLinks/{linkId}``."""
        return self._link(self._find_link(link_id), now)

    def change_link(self, link_id: str, body: Body, now: datetime) -> Json:
        """``PATCH /paymentLinks/{linkId}``: the only change is to end it."""
        page = self._find_link(link_id)
        if body.get("status") != "expired" or page.over(now):
            raise Refusal("structure", "Field 'status' cannot be changed to that")
        page.expires_at = now
        return self._link(page, now)

    def hosted(self, page_id: str, now: datetime) -> HostedPayment | None:
        """What the page shows."""
        page = self.books.page(page_id)
        if page is None or page.fields.get("mode") == "embedded":
            return None
        state = ""
        if page.over(now):
            state = "This payment is complete." if page.paid else "This page is no longer open."
        return HostedPayment(
            id=page.id,
            merchant=self.config.merchant_name,
            description=page.fields.get("description") or page.reference,
            reference=page.reference,
            amount=page.amount,
            expires_at=page.expires_at,
            holds_only=self.payments.capturing(page.fields) == "manual",
            stores=_stores(page.fields),
            state=state,
            back=self._back(page),
        )

    def pay_hosted(self, page_id: str, card: Card, now: datetime) -> HostedResult:
        """One attempt; a refused one leaves the page open."""
        page = self._page(page_id)
        fields = {**page.fields, "storePaymentMethod": _stores(page.fields)}
        payment = self.payments.begin(fields, card, amount=page.amount, page=page, now=now)
        page.payments.append(payment)
        done, back = self._back(page), self.address(page.id)
        question = self.payments.ask_on_page(payment, back=back, done=done, now=now)
        if question:
            return HostedResult(redirect=question)
        self.payments.authorise(payment, now)
        if payment.good:
            return HostedResult(redirect=done)
        return HostedResult(problem="The payment was refused. Try another card.")

    def leave_hosted(self, page_id: str, now: datetime) -> str | None:  # noqa: ARG002 - at any time
        """The shopper gives up."""
        page = self._page(page_id)
        page.canceled = page.kind == "session"
        return self._back(page)

    def _open(self, body: Body, kind: Any, until: datetime, now: datetime) -> HostedPage:
        amount = read_amount(body)
        self.payments.capturing(body)
        if _stores(body) and len(body.get("shopperReference", "")) < _SHORTEST_SHOPPER:
            raise Refusal("no shopper")
        page = HostedPage(
            id=self.ids.session() if kind == "session" else self.ids.link(),
            kind=kind,
            reference=body["reference"],
            amount=amount,
            fields={"mode": "embedded", **body} if kind == "session" else dict(body),
            created_at=now,
            expires_at=until,
            result=f"{self.ids.opaque()}/+==",
        )
        self.books.open(page)
        return page

    def _back(self, page: HostedPage) -> str | None:
        """Where the browser goes afterwards."""
        target = page.fields.get("returnUrl")
        if not target or page.kind == "link":
            return target
        result = {"sessionId": page.id, "sessionResult": page.result}
        return with_query(target, urlencode(result))

    def _page(self, page_id: str) -> HostedPage:
        page = self.books.page(page_id)
        assert page is not None  # noqa: S101 - only asked about pages that were shown
        return page

    def _find_link(self, link_id: str) -> HostedPage:
        page = self.books.page(link_id)
        if page is None or page.kind != "link":
            raise Refusal("not found")
        return page

    def _link(self, page: HostedPage, now: datetime) -> Json:
        status = "completed" if page.paid else "expired" if page.over(now) else "active"
        return {
            **page.fields,
            "id": page.id,
            "amount": amounts.write(page.amount),
            "expiresAt": stamp(page.expires_at),
            "status": status,
            "url": self.address(page.id),
        }


def _until(body: Body, now: datetime, usual: timedelta, longest: timedelta) -> datetime:
    wished = body.get("expiresAt")
    if wished is None:
        return now + usual
    try:
        until = datetime.fromisoformat(wished)
        good = now < until <= now + longest
    except (TypeError, ValueError):  # unreadable, or without a time zone
        good = False
    if not good:
        raise Refusal("expires")
    return until


def _stores(body: Body) -> bool:
    return body.get("storePaymentMethodMode") == "enabled" or bool(body.get("storePaymentMethod"))


def _status(page: HostedPage, now: datetime) -> str:
    if page.paid:
        return "completed"
    if page.canceled:
        return "canceled"
    if page.expires_at <= now:
        return "expired"
    last = page.payments[-1] if page.payments else None
    return "refused" if last and last.outcome else "active"


def _summary(payment: Payment) -> Json:
    return {
        "amount": amounts.write(payment.amount),
        "pspReference": payment.id,
        "resultCode": "Authorised",
        "paymentMethod": {"type": "scheme", "brand": payment.brand},
    }
