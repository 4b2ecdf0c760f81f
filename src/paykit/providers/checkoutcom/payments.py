"""Payments: asking for one, by a token or on the hosted page, and its state.

Source: https://api-reference.checkout.com/#tag/Payments
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import attrs

from ...errors import Declined, InvalidRequest, MalformedResponse, NotFound
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import (
    NextAction,
    Nothing,
    Payment,
    PaymentRef,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    PaymentToken,
    Redirect,
)
from .api import CheckoutComApi
from .codes import APPROVED, OVER, PAGE_STATUSES, TOKEN_USED, decline_reason
from .forms import PAGE_ID, PAYMENT_ID, SESSION_ID
from .requests import EXTRA, page_body, payment_body
from .states import as_payment, standing, stored_card
from .wire import Accepted, Created, Details, Found, Page, PageDetails

S = PaymentStatus
_MOST: Final = 100
_NOTHING: Final = frozenset({S.FAILED, S.CANCELED, S.EXPIRED})


class Payments(CheckoutComApi):
    """Create, fetch."""

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Charge or hold with ``request.token``, or open the hosted page where there is none.

        The token is the browser's (``tok_…``) or a stored card (``src_…``). With a ``return_url``
        the payer may be sent through 3-D Secure: then the session is ``requires_action`` with a
        redirect. An amount of 0 with ``save_token`` verifies and stores the card. The docs page
        lists what ``extra`` takes. Raises :class:`Declined` for a refusal, and
        :class:`OutcomeUnknown` where nobody knows: then ask by the reference
        (:meth:`fetch_payment` without a ``provider_id``) before anything is sent again.
        """
        token = request.token
        self.check_request(request, free=token is not None and request.save_token)
        if request.method not in {None, "card"}:
            raise InvalidRequest("card is the only one", field="method")
        if token is None:
            return self._open_page(request)
        return self._pay(request, token)

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask for the state: by ``provider_id``, a payment or a hosted page, or by the reference.

        If several payments that could be paid have the reference, it is ``needs_review``.
        """
        named = ref.provider_id
        if named is None:
            found, raw = yield from self._search(ref.reference)
            if not found:
                raise NotFound("no payment has this reference", provider=self.name, raw=raw)
            if len(found) > 1:
                return Payment(
                    provider=self.name,
                    reference=ref.reference,
                    status=S.NEEDS_REVIEW,
                    amount=ref.amount,
                    code=" ".join(found)[:200],
                    reason="duplicate_payment",
                    raw=raw,
                )
            named = found[0]
        return (yield from self.payment_at(named, ref.reference))

    def payment_at(self, named: str, reference: str | None) -> Flow[Payment]:
        """The state of what ``named`` is: a payment, a hosted page, or a 3-D Secure session.

        ``reference`` is what it must have; ``None`` if that is what we want to know.
        """
        if PAGE_ID.fullmatch(named):
            page, raw = yield from self._page(named, reference)
            if page.payment_id is None:
                return self._unpaid(page, raw, reference)
            named = page.payment_id
        details, raw = yield from self._details(named, reference)
        link = details.links.redirect
        if link is not None:
            self.page(link.href)
        return as_payment(details, raw, reference or details.our_reference or details.id)

    def payment_id(self, ref: PaymentRef) -> Flow[str]:
        """The id of the payment that ``ref`` means, which may be one on a hosted page.

        Never by the reference alone: several payments may have it. Raises
        :class:`InvalidRequest`, and :class:`NotFound` where nobody has paid on the page.
        """
        named = ref.provider_id or ""
        if PAYMENT_ID.fullmatch(named):
            return named
        if not PAGE_ID.fullmatch(named):
            raise InvalidRequest("an id of Checkout.com's: pay_ or hpp_", field="provider_id")
        page, raw = yield from self._page(named, ref.reference)
        if page.payment_id is None:
            raise NotFound("nobody has paid on this page", provider=self.name, raw=raw)
        return page.payment_id

    # Asking for a payment.

    def _pay(self, request: PaymentRequest, token: PaymentToken) -> Flow[PaymentSession]:
        body = payment_body(request, token, self.config.processing_channel_id)
        self.add_extra(body, request, known=EXTRA - {"billing"})
        call = self.keyed("/payments", body, request.key, moves_money=True)
        if body["source"]["type"] == "id":
            # A stored card can be charged again, and a key that met a fault is forgotten.
            earlier = yield from self._earlier(request)
            if earlier is not None:
                return earlier

        def read(answer: JsonObject, response: HttpResponse) -> PaymentSession:
            self.expect(answer, response, HTTPStatus.CREATED, HTTPStatus.ACCEPTED)
            if response.status == HTTPStatus.ACCEPTED:
                return self._pending(request, answer, asks=body["3ds"]["enabled"] is True)
            return self._processed(request, answer, response)

        try:
            return self.settle(call, (yield call), read)
        except Declined as error:
            if error.code != TOKEN_USED:
                raise
            declined = error
        # By this very payment, perhaps, whose answer was lost.
        earlier = yield from self._earlier(request)
        if earlier is None:
            raise declined
        return earlier

    def _earlier(self, request: PaymentRequest) -> Flow[PaymentSession | None]:
        """The payment that was made of this request before, unless it came to nothing."""
        found, raw = yield from self._search(request.reference)
        if not found:
            return None
        if len(found) > 1:
            return self.session(request, Nothing(), status=S.NEEDS_REVIEW, raw=raw)
        payment = yield from self.payment_at(found[0], request.reference)
        if payment.amount != request.amount:
            raise self.not_ours("amount")
        if payment.status in _NOTHING:
            return None
        session = self.session(
            request,
            payment.next or Nothing(),
            status=payment.status,
            provider_id=payment.provider_id,
            expires_at=payment.expires_at,
            raw=dict(payment.raw),
        )
        return attrs.evolve(session, token=payment.token)

    def _pending(
        self, request: PaymentRequest, answer: JsonObject, *, asks: bool
    ) -> PaymentSession:
        """The answer 202: the payer has to go somewhere, or it takes a while.

        ``asks``: for 3-D Secure, where an answer that leads nowhere cannot be read.
        """
        accepted = Accepted.read(answer, provider=self.name)
        if accepted.reference not in {None, request.reference}:
            raise self.not_ours("payment")
        if accepted.status != "Pending":
            return self.session(
                request, Nothing(), status=S.UNKNOWN, provider_id=accepted.id, raw=answer
            )
        link = accepted.links.redirect
        step: NextAction = Nothing() if link is None else Redirect(self.page(link.href))
        status = S.REQUIRES_ACTION if link else S.UNKNOWN if asks else S.PENDING
        return self.session(request, step, status=status, provider_id=accepted.id, raw=answer)

    def _processed(
        self, request: PaymentRequest, answer: JsonObject, response: HttpResponse
    ) -> PaymentSession:
        """The answer 201: approved, or declined."""
        made = Created.read(answer, provider=self.name)
        if made.reference not in {None, request.reference}:
            raise self.not_ours("payment")
        if made.money != request.amount:
            raise self.not_ours("amount")
        approved = made.response_code.startswith(APPROVED)
        if made.approved is not approved or approved is (made.status == "Declined"):
            raise MalformedResponse("the answer contradicts itself", provider=self.name)
        if not approved:
            raise self.answered_no(
                Declined,
                made.response_summary,
                code=made.response_code,
                response=response,
                raw=answer,
                reason=decline_reason(made.response_code),
            )
        stands = standing(made)
        link = made.links.redirect
        session = self.session(
            request,
            Redirect(self.page(link.href))
            if link and stands.status is S.REQUIRES_ACTION
            else Nothing(),
            status=stands.status,
            provider_id=made.id,
            expires_at=made.expires_on,
            raw=answer,
        )
        return attrs.evolve(
            session,
            token=stored_card(
                made.source,
                request.reference,
                customer_id=request.customer.id or made.customer.id,
                wanted=request.save_token,
            ),
        )

    def _open_page(self, request: PaymentRequest) -> Flow[PaymentSession]:
        if request.off_session or request.save_token:
            raise InvalidRequest("the hosted page stores no cards for us", field="save_token")
        body = page_body(request, self.config)
        self.add_extra(body, request, known=EXTRA - {"source", "merchant_initiated"})
        call = self.keyed("/hosted-payments", body, request.key, moves_money=False)

        def read(answer: JsonObject, response: HttpResponse) -> PaymentSession:
            self.expect(answer, response, HTTPStatus.CREATED)
            page = Page.read(answer, provider=self.name)
            if page.reference not in {None, request.reference}:
                raise self.not_ours("page")
            link = page.links.redirect
            if link is None:
                raise MalformedResponse("no link for the payer", provider=self.name)
            return self.session(
                request, Redirect(self.page(link.href)), provider_id=page.id, raw=answer
            )

        return self.settle(call, (yield call), read)

    # Asking for what there is.

    def _details(self, named: str, reference: str | None) -> Flow[tuple[Details, JsonObject]]:
        wanted = _check_id(named)
        details, raw = yield from self.look(f"/payments/{wanted}", Details)
        if PAYMENT_ID.fullmatch(wanted) and details.id != wanted:
            raise self.not_ours("payment")
        if reference is not None and not details.is_about(reference):
            raise self.not_ours("payment")
        return details, raw

    def _page(self, named: str, reference: str | None) -> Flow[tuple[PageDetails, JsonObject]]:
        page, raw = yield from self.look(f"/hosted-payments/{named}", PageDetails)
        if page.id != named or (reference is not None and not page.is_about(reference)):
            raise self.not_ours("page")
        return page, raw

    def _unpaid(self, page: PageDetails, raw: JsonObject, reference: str | None) -> Payment:
        """A hosted page on which nobody has paid, or not yet."""
        status = PAGE_STATUSES.get(page.status, S.UNKNOWN)
        link = page.links.redirect
        return Payment(
            provider=self.name,
            reference=reference or page.our_reference or page.id,
            status=status,
            amount=page.money,
            provider_id=page.id,
            code=page.status,
            reason="expired" if status is S.EXPIRED else None,
            next=Redirect(self.page(link.href))
            if link is not None and status is S.REQUIRES_ACTION
            else None,
            raw=raw,
        )

    def _search(self, reference: str) -> Flow[tuple[list[str], JsonObject]]:
        """The ids of the payments with this reference: those that live, else the last one."""
        query = f"limit={_MOST}&skip=0&reference={quote(self.check_reference(reference), safe='')}"
        found, raw = yield from self.look(f"/payments?{query}", Found)
        ours = [item for item in found.data if item.reference == reference]
        living = [item.id for item in ours if item.status not in OVER]
        # The newest comes first.
        return living or [item.id for item in ours[:1]], raw


def _check_id(named: str) -> str:
    """Refuse what cannot be an id of a payment, before it gets into a URL."""
    if not (PAYMENT_ID.fullmatch(named) or SESSION_ID.fullmatch(named)):
        raise InvalidRequest("an id of Checkout.com's: pay_ or hpp_", field="provider_id")
    return named
