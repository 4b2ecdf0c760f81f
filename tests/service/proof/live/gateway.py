"""A card gateway for processes: an adapter that speaks HTTP to the double in :mod:`.gateway_server`."""

import json
from datetime import timedelta

import attrs

from paykit import (
    Money,
    Movement,
    MovementKind,
    NotFound,
    Nothing,
    Payment,
    PaymentProcessed,
    PaymentSession,
    PaymentStatus,
    PaymentToken,
    Provider,
    Refund,
    RefundStatus,
)
from paykit.http import HttpRequest
from paykit.info import FOR_EVER
from paykit.orders import OrderPlaced
from paykit.provider import Asking, Capability, ProviderInfo, RefundNotices, utc_now
from paykit.signing import SharedSecret, seal_secret
from paykit.wire import ProviderConfig, Secret, Url

PRICE = Money(150_000, "VND")
PART = Money(50_000, "VND")
SECRET = "s3cret"
#: What is open is asked about at every sweep.
EAGER = Asking(
    first_after=timedelta(0),
    again_after=timedelta(milliseconds=1),
    at_most=timedelta(milliseconds=1),
    per_minute=1_000_000,
)


class GatewayConfig(ProviderConfig):
    provider = "gateway"
    base_url: Url
    secret: Secret


class Gateway(Provider):
    """Knows a call again by its idempotency key."""

    name = "gateway"
    info = ProviderInfo(
        title="Gateway",
        homepage="https://gateway.example",
        docs=(),
        currencies=frozenset({"VND"}),
        countries=frozenset(),
        repeatable_for={
            Capability.CREATE_PAYMENT: FOR_EVER,
            Capability.CAPTURE: FOR_EVER,
            Capability.REFUND: FOR_EVER,
        },
        refund_notices=RefundNotices.EACH,
        asking=EAGER,
    )
    Config = GatewayConfig

    def create_payment(self, request):
        answer = yield from self._post(
            "payments", reference=request.reference, amount=request.amount.minor, key=request.key
        )
        return PaymentSession(
            provider=self.name,
            reference=request.reference,
            status=PaymentStatus(answer["status"]),
            next=Nothing(),
            amount=request.amount,
            created_at=self.clock(),
            provider_id=answer["id"],
        )

    def capture(self, ref, amount=None, *, idempotency_key, final=True):
        answer = yield from self._post(
            "captures", payment=ref.reference, amount=amount.minor, key=idempotency_key
        )
        return self._payment(ref, answer)

    def refund(self, request):
        answer = yield from self._post(
            "refunds",
            payment=request.payment.reference,
            reference=request.reference,
            amount=request.money.minor,
            key=request.key,
        )
        return self._refund(request.payment, answer)

    def fetch_payment(self, ref):
        return self._payment(ref, (yield from self._get(f"payments/{ref.reference}")))

    def fetch_refund(self, ref):
        return self._refund(ref.payment, (yield from self._get(f"refunds/{ref.reference}")))

    def verify(self, delivery):
        yield from ()
        return seal_secret(
            delivery,
            secrets=(SharedSecret(self.config.secret.get_secret_value()),),
            given=delivery.header("secret"),
            fields=json.loads(delivery.body),
            expected="the secret",
        )

    def parse(self, verified):
        told = verified.fields
        moved = told["refund"] and Movement(
            kind=MovementKind.REFUND, id=told["refund"], amount=Money(told["amount"], "VND")
        )
        return (
            PaymentProcessed(
                event_id=told["event"],
                provider=self.name,
                account=self.account,
                reference=told["reference"],
                status=PaymentStatus(told["status"]),
                amount=Money(told["amount"], "VND"),
                captured=None if moved else Money(told["captured"], "VND"),
                occurred_at=self.clock(),
                provider_id=told["id"],
                movement=moved,
            ),
        )

    def _post(self, path, **fields):
        url = f"{self.config.base_url}/{self.name}/{path}"
        response = yield HttpRequest.post_json(url, fields, moves_money=True)
        return response.json()

    def _get(self, path):
        response = yield HttpRequest.get(f"{self.config.base_url}/{self.name}/{path}")
        if response.status == 404:
            raise NotFound("never heard of it", provider=self.name)
        return response.json()

    def _payment(self, ref, answer):
        return Payment(
            provider=self.name,
            reference=ref.reference,
            status=PaymentStatus(answer["status"]),
            amount=PRICE,
            captured=Money(answer["captured"], "VND"),
            refunded=Money(answer["refunded"], "VND"),
            provider_id=answer["id"],
        )

    def _refund(self, payment, answer):
        return Refund(
            provider=self.name,
            reference=answer["reference"],
            payment_reference=payment.reference,
            status=RefundStatus.SUCCEEDED,
            amount=Money(answer["amount"], "VND"),
            provider_id=answer["id"],
        )


class ForgetfulConfig(GatewayConfig):
    provider = "forgetful"


class Forgetful(Gateway):
    """Knows no call again: whatever is sent once more acts once more."""

    name = "forgetful"
    info = attrs.evolve(Gateway.info, title="Forgetful", repeatable_for={})
    Config = ForgetfulConfig


def accounts(base_url):
    """Both kinds of gateway at one address."""
    return [
        Gateway(GatewayConfig(base_url=base_url, secret=SECRET)),
        Forgetful(ForgetfulConfig(base_url=base_url, secret=SECRET)),
    ]


def order(number):
    """An order whose card is to be charged; every third at the forgetful gateway."""
    name = f"ORDER-{number}"
    kind = Forgetful if number % 3 == 0 else Gateway
    return OrderPlaced(
        event_id=f"placed-{name}",
        order_id=name,
        provider=kind.name,
        amount=PRICE,
        occurred_at=utc_now(),
        token=PaymentToken(provider=kind.name, value=f"tok_{number}"),
    )
