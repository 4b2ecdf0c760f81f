"""A card gateway with the least that holds need, for the tests of the service."""

import json
from datetime import timedelta

import attrs

from paykit import (
    CaptureMode,
    Declined,
    Delivery,
    HandleInClient,
    Money,
    Movement,
    MovementKind,
    Nothing,
    Payment,
    PaymentProcessed,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    PaymentToken,
    Provider,
    Reply,
    errors,
)
from paykit.http import HttpRequest, HttpResponse
from paykit.info import FOR_EVER
from paykit.provider import Capability, ProviderInfo
from paykit.signing import SharedSecret, fingerprint, seal_secret
from paykit.wire import ProviderConfig, Secret

from .shop import START

S = PaymentStatus
URL = "https://cards.example/"
PRICE = Money(150_000, "VND")


class CardsConfig(ProviderConfig):
    provider = "cards"
    secret: Secret


class Cards(Provider):
    """Answers are JSON with our own words; a notice may tell of one capture or refund."""

    name = "cards"
    info = ProviderInfo(
        title="Cards",
        homepage="https://cards.example",
        docs=(),
        currencies=frozenset({"VND"}),
        countries=frozenset(),
        repeatable_for={
            Capability.CAPTURE: timedelta(days=1),
            Capability.VOID: FOR_EVER,
            Capability.REFUND: timedelta(days=1),
        },
    )
    Config = CardsConfig
    acknowledgement = Reply(200)

    def create_payment(self, request):
        answer = yield from self._post("pay", request.reference, request.key)
        action = answer.get("action")
        return PaymentSession(
            provider=self.name,
            reference=request.reference,
            status=S(answer["status"]),
            next=HandleInClient(action) if action else Nothing(),
            amount=request.amount,
            created_at=START,
            provider_id=answer.get("id"),
        )

    def capture(self, ref, amount=None, *, idempotency_key, final=True):
        text = f"{amount} {final}"
        answer = yield from self._post("capture", text, idempotency_key)
        return self._payment(ref, answer)

    def void(self, ref, *, idempotency_key):
        answer = yield from self._post("void", ref.reference, idempotency_key)
        return self._payment(ref, answer)

    def verify(self, delivery):
        yield from ()
        return seal_secret(
            delivery,
            secrets=(SharedSecret(self.config.secret.get_secret_value()),),
            given=delivery.header("secret"),
            fields=json.loads(delivery.body),
            expected="the secret",
        )

    verify_return = verify

    def parse(self, verified):
        fields = {"provider": self.name, "account": self.account, **verified.fields}
        event = PaymentProcessed.from_json(fields)
        return (attrs.evolve(event, event_id=fingerprint(verified.delivery.body)),)

    def _post(self, path, body, key):
        request = HttpRequest("POST", URL + path, {"Key": key}, body.encode())
        response = yield attrs.evolve(request, moves_money=True)
        return self._checked(response.json())

    def _checked(self, answer):
        if "declined" in answer:
            reason = answer["declined"]
            raise Declined("no", reason=reason, code=f"E-{reason}", provider=self.name)
        if "error" in answer:
            kind = getattr(errors, answer["error"])
            raise kind("not now", provider=self.name, **answer.get("more", {}))
        return answer

    def _payment(self, ref, answer):
        def money(name):
            return Money(answer[name], "VND") if name in answer else None

        return Payment(
            provider=self.name,
            reference=ref.reference,
            status=S(answer["status"]),
            amount=money("amount"),
            captured=money("captured"),
            refunded=money("refunded"),
            provider_id=answer.get("id"),
            transaction_id=answer.get("transaction"),
        )


class AskableCards(Cards):
    """The same with a way to ask."""

    name = "askable"
    info = attrs.evolve(Cards.info, title="Askable")

    def fetch_payment(self, ref):
        response = yield HttpRequest.get(URL + "query")
        return self._payment(ref, self._checked(response.json()))


def cards(kind=Cards):
    return kind(CardsConfig(secret="s3cret"), clock=lambda: START)


def request(reference="R-1", **more):
    token = PaymentToken(provider="cards", value="tok_1")
    more = {"capture": CaptureMode.MANUAL, **more}
    return PaymentRequest(reference=reference, amount=PRICE, token=token, **more)


def answer(status="succeeded", **fields):
    return HttpResponse(200, body=json.dumps({"status": status, **fields}).encode())


def no(kind, **more):
    """An answer that is one of our errors."""
    return HttpResponse(200, body=json.dumps({"error": kind.__name__, "more": more}).encode())


def declined(reason="card_declined"):
    return HttpResponse(200, body=json.dumps({"declined": reason}).encode())


def fact(status, amount=150_000, *, number=1, reference="R-1", provider_id="psp-1", **more):
    """What a notice says; ``number`` tells two that say the same apart."""
    return PaymentProcessed(
        event_id=f"{status}-{amount}-{number}",
        provider="cards",
        reference=reference,
        status=S(status),
        amount=Money(amount, "VND"),
        occurred_at=START,
        provider_id=provider_id,
        **more,
    )


def moved(kind, name, amount, *, undone=False, status=None, **more):
    """What a notice of one capture or refund says, in the words that all adapters use."""
    capture = kind == "capture"
    usual = {
        (True, False): ("succeeded", None),
        (True, True): ("failed", "capture_failed"),
        (False, False): ("partially_refunded", None),
        (False, True): ("needs_review", "refund_failed"),
    }
    word, reason = usual[capture, undone]
    movement = Movement(
        kind=MovementKind(kind), id=name, amount=Money(amount, "VND"), undone=undone
    )
    number = f"{name}-{undone}-{status}"
    return fact(
        status or word, amount, **{"number": number, "reason": reason, "movement": movement, **more}
    )


def refused(name, amount, **more):
    """A capture that was refused while the hold stands."""
    return moved("capture", name, amount, undone=True, status="authorized", **more)


def told(event):
    """A fact as the delivery that tells it."""
    body = json.dumps(event.to_json()).encode()
    return Delivery("POST", headers={"secret": "s3cret"}, body=body)
