"""A provider that does not exist, complete. docs/add-a-provider.md explains it."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, ClassVar

from pydantic import Field, ValidationError

import paykit
from paykit import Money, Outcome, PaymentStatus
from paykit.flow import Flow, done
from paykit.http import HttpRequest, HttpResponse, JsonObject
from paykit.provider import ProviderInfo
from paykit.signing import SigningKey, Verified, seal_hmac_hex
from paykit.wire import ProviderConfig, Secret, Wire

API, S = "https://api.acme.example/payments", PaymentStatus
#: https://docs.acme.example/states; a state that is not here is unknown, and never success.
STATES = {"open": S.REQUIRES_ACTION, "paid": S.SUCCEEDED, "refused": S.FAILED, "late": S.EXPIRED}
REFUSALS = {401: paykit.AuthenticationFailed, 404: paykit.NotFound}
REPLIES = {Outcome.BAD_SIGNATURE: 401, Outcome.MALFORMED: 400, Outcome.TRY_AGAIN: 503}


class AcmeConfig(ProviderConfig):
    """The keys of one Acme account."""

    provider: ClassVar[str] = "acme"
    api_key: Secret
    webhook_key: Secret
    previous_webhook_keys: tuple[Secret, ...] = ()


class AcmePayment(Wire):
    """A payment as Acme writes it, in answers and in notices; ``at`` counts seconds."""

    reference: str
    state: str
    cents: Annotated[int, Field(ge=0, lt=2**53)]
    at: Annotated[int, Field(ge=0, lt=2**32)]
    page: str = ""


class Acme(paykit.Provider):
    """Acme: a payment page, and a signed notice when something happens."""

    name = "acme"
    info = ProviderInfo(
        title="Acme",
        homepage="https://acme.example",
        docs=("https://docs.acme.example",),
        currencies=frozenset({"EUR"}),
        countries=frozenset({"DE"}),
    )
    Config = AcmeConfig
    config: AcmeConfig

    def create_payment(self, request: paykit.PaymentRequest) -> Flow[paykit.PaymentSession]:
        """Acme deduplicates by reference, so the transport may send this again."""
        if request.amount.currency != "EUR":
            raise paykit.InvalidRequest("Acme takes EUR only", field="currency")
        body = {"reference": request.reference, "cents": request.amount.minor}
        call = HttpRequest.post_json(API, body, headers=self._headers(), replay_safe=True)

        def read(answer: JsonObject, response: HttpResponse) -> paykit.PaymentSession:
            paid = self._read(answer, response, request.reference)
            if paid.cents != request.amount.minor or not paid.page.startswith("https://"):
                raise paykit.MalformedResponse("not the page that was asked for", provider="acme")
            return paykit.PaymentSession(
                provider=self.name,
                reference=request.reference,
                status=STATES.get(paid.state, S.UNKNOWN),
                next=paykit.Redirect(paid.page),
                amount=request.amount,
                created_at=self.clock(),
                raw=answer,
            )

        return self.ask(call, read)

    def fetch_payment(self, ref: paykit.PaymentRef) -> Flow[paykit.Payment]:
        """Ask for the state of a payment."""
        call = HttpRequest.get(f"{API}/{ref.reference}", headers=self._headers())

        def read(answer: JsonObject, response: HttpResponse) -> paykit.Payment:
            paid = self._read(answer, response, ref.reference)
            amount, status = Money(paid.cents, "EUR"), STATES.get(paid.state, S.UNKNOWN)
            return paykit.Payment(
                provider=self.name,
                reference=ref.reference,
                status=status,
                amount=amount,
                captured=amount if status is S.SUCCEEDED else None,
                code=paid.state,
                occurred_at=datetime.fromtimestamp(paid.at, UTC),
                raw=answer,
            )

        return self.ask(call, read)

    def verify(self, delivery: paykit.Delivery) -> Flow[Verified]:
        """Prove a notice: HMAC-SHA256 over the body, and nothing is read before it holds."""
        keys = (self.config.webhook_key, *self.config.previous_webhook_keys)
        fields: JsonObject = {}
        verified = seal_hmac_hex(
            delivery,
            keys=[SigningKey(key.get_secret_value(), "sha256") for key in keys],
            messages=[delivery.body],
            given=delivery.header("Acme-Signature"),
            fields=fields,
            expected="Acme-Signature, 64 hex digits of HMAC-SHA256 over the body",
        )
        fields.update(delivery.json())
        return done(verified)

    def parse(self, verified: Verified) -> tuple[paykit.Event, ...]:
        """One event for each notice."""
        try:
            paid = AcmePayment.model_validate(verified.fields)
        except ValidationError:
            raise paykit.MalformedDelivery("not a payment", provider=self.name) from None
        return (
            paykit.PaymentProcessed(
                event_id=verified.fingerprint,
                provider=self.name,
                account=self.account,
                reference=paid.reference,
                status=STATES.get(paid.state, S.UNKNOWN),
                amount=Money(paid.cents, "EUR"),
                occurred_at=datetime.fromtimestamp(paid.at, UTC),
                code=paid.state,
            ),
        )

    def reply(self, outcome: Outcome) -> paykit.Reply:
        """Acme reads the HTTP status and nothing else."""
        return paykit.Reply(REPLIES.get(outcome, 204))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.config.api_key.get_secret_value()}"}

    def _read(self, answer: JsonObject, response: HttpResponse, reference: str) -> AcmePayment:
        status = response.status
        if status != HTTPStatus.OK:
            kind = REFUSALS.get(status, paykit.ProviderError)
            raise kind("refused", provider=self.name, http_status=status, raw=answer)
        paid = AcmePayment.read(answer, provider=self.name)
        if paid.reference != reference:
            raise paykit.MalformedResponse("about another payment", provider=self.name)
        return paid
