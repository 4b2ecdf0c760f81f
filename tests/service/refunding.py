"""Gateways that give money back, each with other promises, for the tests of refunds."""

from datetime import timedelta

import attrs

from paykit import CaptureMode, Money, Refund, RefundStatus
from paykit.http import HttpRequest
from paykit.info import FOR_EVER, Asking, RefundNotices
from paykit.provider import Capability

from .cards import PRICE, URL, AskableCards, Cards, answer, request

ASKING = Asking(
    first_after=timedelta(minutes=15),
    again_after=timedelta(minutes=10),
    at_most=timedelta(hours=6),
    per_minute=100,
    grace=timedelta(days=3),
    gives_up_after=timedelta(days=30),
)


def info(**more):
    return attrs.evolve(Cards.info, title="Cards", asking=ASKING, **more)


class Refunding(Cards):
    """Refunds are told of one by one, and nobody can be asked; a key is known for a day (Adyen)."""

    info = info(refund_notices=RefundNotices.EACH)

    def refund(self, request):
        text = f"{request.reference} {request.amount} {request.description}".strip()
        answer = yield from self._post("refund", text, request.key)
        return self._refund(request.reference, request.payment.reference, answer)

    def _refund(self, reference, payment_reference, answer):
        return Refund(
            provider=self.name,
            reference=reference,
            payment_reference=payment_reference,
            status=RefundStatus(answer["status"]),
            amount=Money(answer["amount"], "VND") if "amount" in answer else None,
            provider_id=answer.get("id"),
            code=answer.get("code"),
            message=answer.get("message"),
        )


class Asked(AskableCards, Refunding):
    """The same, and it can be asked about both (Stripe)."""

    name = "asked"
    info = info(refund_notices=RefundNotices.EACH)

    def fetch_refund(self, ref):
        name = ref.provider_id or ref.reference
        response = yield HttpRequest.get(f"{URL}refunds/{name}")
        return self._refund(ref.reference, ref.payment.reference, self._checked(response.json()))


class Once(Asked):
    """It promises nothing about repeats, and no notice tells of refunds (VNPay)."""

    name = "once"
    info = info(repeatable_for={})


class Silent(Refunding):
    """It promises nothing about repeats and cannot be asked; notices tell of each refund."""

    name = "silent"
    info = info(repeatable_for={}, refund_notices=RefundNotices.EACH)


class Totals(Asked):
    """Notices tell of refunds by their sum (PayPal)."""

    name = "totals"
    info = info(refund_notices=RefundNotices.TOTAL)


class Named(Asked):
    """A refund's reference is taken once and for ever, and no notice tells of refunds (MoMo)."""

    name = "named"
    info = info(repeatable_for={Capability.REFUND: FOR_EVER})


class LastOnly(Once):
    """Asked about a refund, it tells of the latest one of the payment."""

    name = "lastonly"
    info = info(repeatable_for={}, tells_last_refund_only=True)


KINDS = [Refunding, Asked, Once, Silent, Totals, Named, LastOnly]


def whole(**more):
    """A request for money that is taken at once."""
    return request(capture=CaptureMode.AUTOMATIC, **more)


def paid(shop, provider="cards", **more):
    """A payment whose money was taken."""
    number = more.get("reference", "R-1").removeprefix("R-")
    shop.transport.answers.append(answer("succeeded", id=f"psp-{number}"))
    session = shop.create(whole(**more), provider=provider)
    assert shop.status(session.payment_id).captured == PRICE
    shop.transport.asked.clear()
    return session.payment_id


def asked(shop):
    """What was said to the provider: where, what, and under which key."""
    return [
        (one.url.removeprefix(URL), one.body.decode(), one.header("Key"))
        for one in shop.transport.asked
    ]


def at(provider, event, **more):
    """A fact of another account than ``cards``."""
    return attrs.evolve(event, provider=provider, **more)
