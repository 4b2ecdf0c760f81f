"""The JSON that Checkout.com shows of its objects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from ..cards.state import CardPayment, Move
from . import amounts
from .state import Authorization, Instrument, Payment, action_type, answer

if TYPE_CHECKING:
    from ..cards.numbers import Card

Json: TypeAlias = dict[str, Any]

_SCHEMES: Final = {"amex": "American Express", "jcb": "JCB", "unionpay": "UnionPay"}


def stamp(moment: datetime) -> str:
    """A time as answers carry it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@attrs.frozen
class Views:
    """``base`` is where the pretended Checkout.com is reached."""

    base: str

    def url(self, payment: CardPayment) -> str:
        """The address of a payment."""
        return f"{self.base}/payments/{payment.id}"

    def made(self, payment: Payment) -> Json:
        """The answer to a new payment: what the issuer said, or where the payer has to go."""
        if payment.first is None:
            return {
                "id": payment.id,
                "status": payment.status,
                **some(reference=payment.number, customer=payment.customer),
                "3ds": {"downgraded": False, "enrolled": "Y"},
                "_links": {
                    "self": {"href": self.url(payment)},
                    "actions": {"href": f"{self.url(payment)}/actions"},
                    "redirect": {"href": payment.challenge_url},
                },
            }
        return {
            "id": payment.id,
            **self.answered(payment, payment.first),
            "source": self.source(payment),
            **some(customer=payment.customer),
            "risk": {"flagged": False},
        }

    def answered(self, payment: Payment, action: Authorization) -> Json:
        """What the issuer said, to a new payment or to a larger amount."""
        body: Json = {
            "action_id": action.id,
            "amount": amounts.write(action.amount),
            "currency": payment.amount.currency,
            "approved": action.approved,
            "status": payment.status if action.approved else "Declined",
            "response_code": action.code,
            "response_summary": action.summary,
            "processed_on": stamp(action.created_at),
            **some(auth_code=action.authorization_code, reference=action.reference),
            **_scheme(payment, action),
            "processing": _processing(action),
            "_links": self._links(payment),
        }
        if payment.hold_ends:
            body["expires_on"] = stamp(payment.hold_ends)
        if payment.approved:
            body["balances"] = self.balances(payment)
        return body

    def details(self, payment: Payment) -> Json:
        """A payment as it is now."""
        fields, first = payment.fields, payment.first
        body: Json = {
            "id": payment.id,
            "requested_on": stamp(payment.created_at),
            "source": self.source(payment),
            "amount": amounts.write(payment.amount),
            "currency": payment.amount.currency,
            "payment_type": fields.get("payment_type") or "Regular",
            **some(
                reference=payment.number,
                description=fields.get("description"),
                customer=payment.customer,
                metadata=fields.get("metadata"),
                payment_ip=fields.get("payment_ip"),
            ),
            "approved": payment.approved,
            "status": payment.status,
            "balances": self.balances(payment),
            "risk": {"flagged": False},
            "_links": self._links(payment),
        }
        if payment.hold_ends:
            body["expires_on"] = stamp(payment.hold_ends)
        if payment.waiting:
            body["_links"]["redirect"] = {"href": payment.challenge_url}
        if payment.challenged:
            body["3ds"] = _authenticated(passed=payment.approved)
        if first:
            body |= _scheme(payment, first)
            body["actions"] = [_summary(one) for one in _done(payment)]
        return body

    def actions(self, payment: Payment) -> list[Json]:
        """What was done to a payment, the last first; what is not done yet is not among it."""
        return [
            {
                **_summary(one),
                "processed_on": stamp(one.due_at),
                "amount": amounts.write(one.amount),
                "approved": one.state == "done",
                **some(reference=one.reference, metadata=one.data.get("metadata")),
                **_authorization(payment, one),
                "processing": _processing(one),
            }
            for one in _done(payment)
        ]

    def accepted(self, action: Move) -> Json:
        """The receipt for a capture, a void or a refund: nothing is done yet."""
        return {
            "action_id": action.id,
            **some(reference=action.reference),
            "_links": {"payment": {"href": self.url(action.payment)}},
        }

    def balances(self, payment: Payment) -> Json:
        """Where the money is."""
        return {
            "total_authorized": amounts.write(payment.authorized),
            "total_voided": amounts.write(payment.voided),
            "available_to_void": amounts.write(payment.left),
            "total_captured": amounts.write(payment.captured),
            "available_to_capture": amounts.write(payment.left),
            "total_refunded": amounts.write(payment.refunded),
            "available_to_refund": amounts.write(payment.refundable),
        }

    def source(self, payment: Payment) -> Json:
        """The card of a payment."""
        asked = payment.fields.get("source") or {}
        return {
            **some(id=payment.source_id, billing_address=asked.get("billing_address")),
            **self.card(payment.card),
            "avs_check": "S",
            "cvv_check": "Y",
        }

    def told_source(self, payment: Payment) -> Json:
        """The same in an event, where the last four digits have another name."""
        source = self.source(payment)
        return {("last_4" if name == "last4" else name): one for name, one in source.items()}

    @staticmethod
    def card(card: Card) -> Json:
        """What may be shown of a card."""
        return {
            "type": "card",
            "expiry_month": card.exp_month,
            "expiry_year": card.exp_year,
            **some(name=card.holder),
            "scheme": scheme(card),
            "last4": card.last4,
            "fingerprint": card.fingerprint.upper(),
            "bin": card.bin,
            "card_type": "Credit",
            "card_category": "Consumer",
            "issuer_country": "VN",
            "product_id": "F",
            "product_type": "CLASSIC",
        }

    def instrument(self, instrument: Instrument) -> Json:
        """A stored card."""
        return {
            "id": instrument.id,
            **self.card(instrument.card),
            **some(customer=instrument.customer),
        }

    def _links(self, payment: Payment) -> Json:
        url = self.url(payment)
        links = {"self": {"href": url}, "actions": {"href": f"{url}/actions"}}
        if payment.left:
            links["authorize"] = {"href": f"{url}/authorizations"}
            links["capture"] = {"href": f"{url}/captures"}
            links["void"] = {"href": f"{url}/voids"}
        if payment.refundable:
            links["refund"] = {"href": f"{url}/refunds"}
        return links


def scheme(card: Card) -> str:
    """The card's scheme in Checkout.com's words."""
    return _SCHEMES.get(card.brand, card.brand.title())


def some(**fields: Any) -> Json:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value}


def _done(payment: Payment) -> list[Move]:
    return [one for one in reversed(payment.actions) if one.state != "pending"]


def _summary(action: Move) -> Json:
    code, words = answer(action)
    return {
        "id": action.id,
        "type": action_type(action),
        "response_code": code,
        "response_summary": words,
    }


def _authorization(payment: Payment, action: Move) -> Json:
    """What only the issuer's answers have."""
    if not isinstance(action, Authorization):
        return {}
    asked = payment.fields.get("authorization_type") or "Final"
    kind = "Incremental" if action.increment else asked
    return {"authorization_type": kind, **some(auth_code=action.authorization_code)}


def _authenticated(*, passed: bool) -> Json:
    return {
        "downgraded": False,
        "enrolled": "Y",
        "authentication_response": "Y" if passed else "N",
        "version": "2.2.0",
        "challenged": True,
    }


def _scheme(payment: Payment, action: Move) -> Json:
    """What the card's scheme adds to an answer."""
    return {"eci": "05" if payment.challenged else "07", "scheme_id": _number(action.id, 15)}


def _processing(action: Move) -> Json:
    number = "acquirer_transaction_id"
    if isinstance(action, Authorization):
        return {
            "retrieval_reference_number": _number(action.id, 12),
            number: _number(action.id, 21),
        }
    return {"acquirer_reference_number": _number(action.id, 23), number: _number(action.id, 11)}


def _number(text: str, digits: int) -> str:
    """A number that belongs to an id."""
    return str(int.from_bytes(text.encode()) % 10**digits).zfill(digits)
