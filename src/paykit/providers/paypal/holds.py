"""What is done with money that is held: take it, release it, renew the hold.

Source: https://developer.paypal.com/docs/api/payments/v2/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

import attrs

from ...errors import Declined, InvalidRequest, MalformedResponse
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import Payment, PaymentRef, PaymentStatus
from ...money import Money
from .amounts import to_positive
from .api import conflicts
from .codes import CAPTURE_STATUSES, TAKEN
from .forms import check_id, to_request_id
from .orders import Orders
from .states import Standing, newest_live, oldest_held, standing, taken_total
from .wire import Authorization, Capture, Order, Payments, Resource, gather

S = PaymentStatus

#: Which of an order's holds a call is about.
_Choose: TypeAlias = Callable[[Sequence[Authorization]], Authorization | None]


@attrs.frozen
class _Hold:
    """The hold that is meant, with its order where that is known."""

    id: str | None
    order: Order | None = None
    raw: JsonObject = attrs.field(factory=dict, repr=False)

    @property
    def payments(self) -> Payments:
        """What was done with the money so far, as far as it is known."""
        return self.order.unit.payments if self.order else Payments()

    @property
    def _known(self) -> Authorization | None:
        found = [hold for hold in self.payments.authorizations if hold.id == self.id]
        return found[0] if found else None

    @property
    def amount(self) -> Money | None:
        """What is held."""
        return self._known.amount if self._known else None

    @property
    def status(self) -> str | None:
        """Its state before this call."""
        return self._known.status if self._known else None


class Holds(Orders):
    """Capture, void, reauthorize.

    ``ref.transaction_id`` names the hold. Without it, the order is asked which one there is.
    ``ref.provider_id`` is the order's id; without it the totals are of this call only.
    """

    def capture(
        self,
        ref: PaymentRef,
        amount: Money | None = None,
        *,
        idempotency_key: str,
        final: bool = True,
    ) -> Flow[Payment]:
        """Take held funds: ``amount``, or all; ``final`` releases the rest."""
        payload: dict[str, Any] = {"final_capture": final}
        if amount is not None:
            payload["amount"] = to_positive(amount)
        key = to_request_id(idempotency_key)

        def read(held: _Hold, answer: JsonObject, response: HttpResponse) -> Payment:
            done = Capture.read(answer, provider=self.name)
            whole = None if held.payments.captures else held.amount
            self._check_part(done, ref, amount or whole)
            if done.authorization_id not in {None, held.id}:
                raise MalformedResponse("the answer is about another hold", provider=self.name)
            if CAPTURE_STATUSES.get(done.status) is S.FAILED:
                raise self.answered_no(
                    Declined, "the capture failed", code=done.status, response=response, raw=answer
                )
            return self._captured(ref, held, done, answer, final=final)

        return (yield from self._act(ref, newest_live, "capture", payload, read, key))

    def void(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:
        """Release what is still held. A renewed hold is released by its first one."""
        key = to_request_id(idempotency_key)

        def read(held: _Hold, answer: JsonObject, response: HttpResponse) -> Payment:
            if response.status != HTTPStatus.NO_CONTENT:
                voided = Authorization.read(answer, provider=self.name)
                self._check_part(voided, ref, None)
                if voided.id != held.id or voided.status != "VOIDED":
                    raise MalformedResponse("the hold is not voided", provider=self.name)
            if any(capture.status in TAKEN for capture in held.payments.captures):
                # A part was taken before, and stays taken.
                now = standing(gather(captures=held.payments.captures))
                return self._payment(ref, now, answer, held)
            now = Standing(status=S.CANCELED, code="VOIDED", reason="canceled_by_merchant")
            if held.status == "PARTIALLY_CAPTURED":
                now = Standing(status=S.UNKNOWN, code="VOIDED")  # how much was taken is not here
            return self._payment(ref, now, answer, held)

        return (yield from self._act(ref, oldest_held, "void", None, read, key))

    def reauthorize(
        self, ref: PaymentRef, amount: Money | None = None, *, idempotency_key: str
    ) -> Flow[Payment]:
        """Renew the hold: the answer has its new ``transaction_id`` and ``expires_at``."""
        payload = {} if amount is None else {"amount": to_positive(amount)}
        key = to_request_id(idempotency_key)

        def read(held: _Hold, answer: JsonObject, _response: HttpResponse) -> Payment:
            renewed = Authorization.read(answer, provider=self.name)
            self._check_part(renewed, ref, amount or held.amount)
            now = standing(gather(authorizations=[renewed], captures=held.payments.captures))
            return self._payment(ref, now, answer, held)

        return (yield from self._act(ref, newest_live, "reauthorize", payload, read, key))

    # Which one is meant.

    def _hold(self, ref: PaymentRef, choose: _Choose) -> Flow[_Hold]:
        named = ref.transaction_id
        if named is not None:
            check_id(named, "transaction_id")
        if ref.provider_id is None:
            if named is None:
                raise InvalidRequest("the order's id, or the hold's", field="provider_id")
            return _Hold(named)
        order, raw = yield from self.get_order(ref.provider_id)
        self.check_ours(order, ref.reference, ref.amount)
        chosen = choose(order.unit.payments.authorizations)
        found = chosen.id if chosen else None
        return _Hold(named or found, order, raw)

    # Asking, and making sense of it.

    def _act(  # noqa: PLR0917 - what a call on a hold consists of
        self,
        ref: PaymentRef,
        choose: _Choose,
        action: str,
        payload: dict[str, Any] | None,
        read: Callable[[_Hold, JsonObject, HttpResponse], Payment],
        key: str,
    ) -> Flow[Payment]:
        hold = yield from self._hold(ref, choose)
        if hold.id is None:
            return self._as_it_is(hold)

        def settle(answer: JsonObject, response: HttpResponse) -> Payment | None:
            if conflicts(answer, response):
                return None
            self.check_answer(answer, response, moves_money=True)
            return read(hold, answer, response)

        path = f"/v2/payments/authorizations/{hold.id}/{action}"
        payment = yield from self.post_keyed(path, payload, settle, key=key, moves_money=True)
        return payment or (yield from self._look(ref, hold))

    def _as_it_is(self, hold: _Hold) -> Payment:
        """The state of an order in which nothing is held any more, or not yet."""
        assert hold.order is not None  # noqa: S101 - without an order the caller has named the hold
        return self.payment(hold.order, hold.raw)

    def _look(self, ref: PaymentRef, hold: _Hold) -> Flow[Payment]:
        """Somebody was faster: the state of the order, or of the hold where no order is known."""
        if ref.provider_id is not None:
            order, raw = yield from self.get_order(ref.provider_id)
            self.check_ours(order, ref.reference, ref.amount)
            return self.payment(order, raw)
        answer, raw = yield from self.get_typed(
            f"/v2/payments/authorizations/{hold.id}", Authorization
        )
        if answer.id != hold.id:
            raise MalformedResponse("the answer is about another hold", provider=self.name)
        self._check_part(answer, ref, ref.amount)
        return self._payment(ref, standing(gather(authorizations=[answer])), raw, hold)

    def _captured(
        self, ref: PaymentRef, hold: _Hold, done: Capture, raw: JsonObject, *, final: bool
    ) -> Payment:
        before = [item for item in hold.payments.captures if item.id != done.id]
        captures = [*before, done]
        now = standing(gather(captures=captures, refunds=hold.payments.refunds))
        total = taken_total(captures, done.amount.currency)
        whole = hold.amount is not None and total >= hold.amount
        if now.status is S.SUCCEEDED and not (final or whole):
            now = attrs.evolve(now, status=S.AUTHORIZED)
        return self._payment(ref, attrs.evolve(now, transaction_id=done.id), raw, hold)

    def _payment(self, ref: PaymentRef, now: Standing, raw: JsonObject, hold: _Hold) -> Payment:
        amount = hold.order.unit.amount if hold.order else ref.amount
        return Payment(
            provider=self.name,
            reference=ref.reference,
            status=now.status,
            amount=amount,
            captured=now.captured,
            refunded=now.refunded,
            provider_id=ref.provider_id,
            transaction_id=now.transaction_id or hold.id,
            expires_at=now.expires_at,
            code=now.code,
            reason=now.reason,
            occurred_at=now.occurred_at,
            raw=raw,
        )

    def _check_part(self, part: Resource, ref: PaymentRef, amount: Money | None) -> None:
        if part.custom_id not in {None, ref.reference}:
            raise MalformedResponse("the answer is about another payment", provider=self.name)
        whole = ref.amount
        if amount is not None and part.amount != amount:
            raise MalformedResponse("the answer is about another amount", provider=self.name)
        if whole is not None and part.amount.currency != whole.currency:
            raise MalformedResponse("the answer is in another currency", provider=self.name)
