"""What is done with money that is held: take it, or release it. Both are only accepted at first.

Source: https://www.checkout.com/docs/payments/manage-payments/capture-a-payment
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import attrs

from ...errors import MalformedResponse, ProviderError
from ...flow import Flow
from ...http import HttpResponse, JsonObject
from ...models import Payment, PaymentRef, PaymentStatus
from ...money import Money
from .amounts import to_part
from .forms import to_key
from .payments import Payments
from .wire import KEY, REFERENCE, Action, ActionAccepted, kept

S = PaymentStatus
#: The state tells why nothing can be taken or released any more.
_OPEN = frozenset({S.AUTHORIZED, S.PENDING, S.REQUIRES_ACTION, S.UNKNOWN})


@attrs.frozen
class _What:
    """Something that is done with a payment: where that is asked, and what it is called then."""

    path: str
    kind: str


_CAPTURE: Final = _What("captures", "Capture")
_VOID: Final = _What("voids", "Void")


class Holds(Payments):
    """Capture, void."""

    def capture(
        self,
        ref: PaymentRef,
        amount: Money | None = None,
        *,
        idempotency_key: str,
        final: bool = True,
    ) -> Flow[Payment]:
        """Take held funds: ``amount``, or all; ``final`` releases the rest.

        The result is ``pending``: a webhook tells whether it was done. ``transaction_id`` is the
        id of this capture.
        """
        body: dict[str, Any] = {}
        if amount is not None:
            body["amount"] = to_part(amount, ref.amount, "ref.amount")
        body["capture_type"] = "Final" if final else "NonFinal"
        return (yield from self._act(ref, _CAPTURE, body, idempotency_key))

    def void(self, ref: PaymentRef, *, idempotency_key: str) -> Flow[Payment]:
        """Release what is held. The result is ``pending``, as of :meth:`capture`."""
        return (yield from self._act(ref, _VOID, {}, idempotency_key))

    def accepted(
        self, answer: JsonObject, response: HttpResponse, *, payment_id: str, reference: str
    ) -> ActionAccepted:
        """The answer 202 to something that is done with a payment."""
        self.expect(answer, response, HTTPStatus.ACCEPTED)
        done = ActionAccepted.read(answer, provider=self.name)
        if done.reference not in {None, reference}:
            raise self.not_ours("reference")
        link = done.links.payment
        if link is not None and not link.href.endswith(f"/payments/{payment_id}"):
            raise self.not_ours("payment")
        return done

    def actions(self, payment_id: str) -> Flow[list[Action]]:
        """What was done with a payment; that is asked before anything more is done.

        Checkout.com forgets a key whose call it did not answer with 2xx, and all keys after a day.
        """
        call = self.get(f"/payments/{payment_id}/actions")
        response = yield call
        if response.status != HTTPStatus.OK:
            return self.settle(call, response, self._no_actions)
        found = [Action.read(item, provider=self.name) for item in response.json_objects()]
        if not found:
            raise MalformedResponse("a payment has at least one action", provider=self.name)
        return found

    def _no_actions(self, answer: JsonObject, response: HttpResponse) -> list[Action]:
        raise self.refused(answer, response)

    def _act(
        self, ref: PaymentRef, what: _What, body: dict[str, Any], idempotency_key: str
    ) -> Flow[Payment]:
        key = to_key(idempotency_key)  # refuse it before asking
        payment_id = yield from self.payment_id(ref)
        for action in (yield from self.actions(payment_id)):
            if action.type == what.kind and kept(action.metadata, KEY) == key:
                now = yield from self.payment_at(payment_id, ref.reference)
                return attrs.evolve(now, transaction_id=action.id)
        # In the metadata, too: an event about the action may tell of the one or of the other.
        metadata = {REFERENCE: ref.reference, KEY: key}
        whole = {**body, "reference": ref.reference, "metadata": metadata}
        path = f"/payments/{payment_id}/{what.path}"
        call = self.keyed(path, whole, key, moves_money=True)

        def read(answer: JsonObject, response: HttpResponse) -> Payment | ProviderError:
            if response.status == HTTPStatus.FORBIDDEN:
                return self.not_allowed(ProviderError, response)
            done = self.accepted(answer, response, payment_id=payment_id, reference=ref.reference)
            return Payment(
                provider=self.name,
                reference=ref.reference,
                status=S.PENDING,
                amount=ref.amount,
                provider_id=payment_id,
                transaction_id=done.action_id,
                raw=answer,
            )

        done = self.settle(call, (yield call), read)
        if isinstance(done, Payment):
            return done
        # Somebody was faster, or the hold has lapsed: the state tells.
        now = yield from self.payment_at(payment_id, ref.reference)
        if now.status in _OPEN:
            raise done
        return now

    def not_allowed(self, kind: type[ProviderError], response: HttpResponse) -> ProviderError:
        """The error of HTTP 403, which has no body."""
        return self.answered_no(
            kind,
            "not allowed in this state, or with this key",
            code="HTTP 403",
            response=response,
            raw={},
            reason="refund_not_supported",
        )
