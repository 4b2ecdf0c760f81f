"""Providers that are broken on purpose, each with the check that must find it."""

import logging
import sys
from itertools import count
from pathlib import Path

import attrs

from paykit import (
    InvalidRequest,
    Money,
    OutcomeUnknown,
    PaykitError,
    PaymentStatus,
    Refund,
    RefundStatus,
    Reply,
    StaleDelivery,
    TransportError,
)
from paykit.flow import done
from paykit.info import FOR_EVER, Capability
from paykit.providers.vnpay import VNPay
from paykit.signing import SigningKey, seal_hmac_hex

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "examples"))
try:
    from acme_deliveries import AcmeDeliveries
    from acme_provider import STATES, Acme
finally:
    sys.path.remove(str(ROOT / "examples"))

ACME = ROOT / "tests" / "examples" / "acme"
VNPAY = ROOT / "tests" / "providers" / "vnpay"
BROKEN = {}


def caught_by(check, cases=ACME):
    def remember(cls):
        BROKEN[cls.__name__] = (cls, check, cases)
        return cls

    return remember


class Bent(Acme):
    """Acme with a verification that can be bent."""

    def verify(self, delivery):
        fields = {}
        key = SigningKey(self.config.webhook_key.get_secret_value(), "sha256")
        verified = seal_hmac_hex(
            delivery,
            keys=[key, *self.more_keys()],
            messages=[self.message(delivery)],
            given=self.given(delivery, key),
            fields=fields,
            expected="",
        )
        fields.update(delivery.json())
        return done(verified)

    def message(self, delivery):
        return delivery.body

    def given(self, delivery, key):
        return delivery.header("Acme-Signature")

    def more_keys(self):
        return []


@caught_by("test_broken_signature")
class SkipsVerification(Bent):
    def given(self, delivery, key):
        return key.hex(self.message(delivery))


@caught_by("test_recorded_call")
class SkipsVerificationOfRecordedCalls(SkipsVerification):
    pass


@caught_by("test_broken_signature")
class AcceptsMissingSignature(Bent):
    def given(self, delivery, key):
        return delivery.header("Acme-Signature") or key.hex(delivery.body)


@caught_by("test_broken_signature")
class ComparesPrefixOnly(Bent):
    def given(self, delivery, key):
        given, true = delivery.header("Acme-Signature") or "", key.hex(delivery.body)
        return true if given[:16] == true[:16] else given


@caught_by("test_broken_signature")
class ForgivesBlanks(Bent):
    def given(self, delivery, key):
        return (delivery.header("Acme-Signature") or "").strip()


@caught_by("test_broken_signature")
class ForgivesCase(Bent):
    def given(self, delivery, key):
        return (delivery.header("Acme-Signature") or "").lower()


@caught_by("test_changed_field")
class SignsTheReferenceOnly(Bent):
    def given(self, delivery, key):
        sent = Bent.given(self, delivery, key)
        return key.hex(self.message(delivery)) if sent == GENUINE else sent

    def message(self, delivery):
        return str(delivery.json().get("reference")).encode()


@caught_by("test_broken_signature")
class StumblesOverLetters(Bent):
    def given(self, delivery, key):
        given = delivery.header("Acme-Signature") or ""
        given.encode("ascii")
        return given


@caught_by("test_wrong_key")
class HasDefaultKey(Bent):
    def more_keys(self):
        return [SigningKey("\x00", "sha256")]


@caught_by("test_rotation")
class KeepsOldKeyForEver(Bent):
    def more_keys(self):
        return [SigningKey("acme-webhook-key-for-tests", "sha256")]


@caught_by("test_rotation")
class ForgetsOldKeyAtOnce(Bent):
    pass


@caught_by("test_unreadable_delivery")
class LetsValueErrorEscape(Bent):
    def message(self, delivery):
        import json

        return delivery.body if json.loads(delivery.body) else b""


class Rewrites(Acme):
    """Acme with other events."""

    def parse(self, verified):
        return tuple(self.change(event, verified) for event in super().parse(verified))


@caught_by("test_state")
class TakesUnseenCodeForSuccess(Rewrites):
    def change(self, event, verified):
        unseen = event.code not in STATES
        return attrs.evolve(event, status=PaymentStatus.SUCCEEDED) if unseen else event


@caught_by("test_notice")
class TakesUnseenCodeInNoticeForSuccess(TakesUnseenCodeForSuccess):
    pass


@caught_by("test_event_id_is_stable")
class NumbersEvents(Rewrites):
    numbers = count()

    def change(self, event, verified):
        return attrs.evolve(event, event_id=str(next(self.numbers)))


@caught_by("test_event_id_is_its_own")
class IdentifiesByReference(Rewrites):
    def change(self, event, verified):
        return attrs.evolve(event, event_id=event.reference)


@caught_by("test_amounts_are_exact")
class RoundsAmounts(Rewrites):
    def change(self, event, verified):
        return attrs.evolve(event, amount=Money(event.amount.minor // 100 * 100, "EUR"))


@caught_by("test_strange_values")
class BelievesStrangeAmounts(Rewrites):
    def parse(self, verified):
        from paykit.signing import Verified

        cents = verified.fields["cents"]
        readable = abs(int(float(cents))) if isinstance(cents, str | float) and cents else cents
        assert isinstance(verified, Verified)
        verified.fields["cents"] = readable
        return Acme.parse(self, verified)


@caught_by("test_reply")
class RepliesWithWords(Acme):
    def reply(self, outcome):
        return Reply(200, b"thank you", "text/plain")


@caught_by("test_nothing_shows_a_secret")
class ShowsSecretInRepr(Acme):
    def __repr__(self):
        return f"Acme({self.config.api_key.get_secret_value()})"


@caught_by("test_nothing_shows_a_secret")
class KeepsSecretInPlainSight(Acme):
    def __init__(self, config, **rest):
        super().__init__(config, **rest)
        self.token = config.api_key.get_secret_value()


@caught_by("test_pickles_hold_no_secret")
class PicklesSecret(Acme):
    def __reduce__(self):
        return str, (self.config.api_key.get_secret_value(),)


@caught_by("test_operation_tells_no_secret")
class LogsSecret(Acme):
    def fetch_payment(self, ref):
        logging.getLogger("acme").debug("key %s", self.config.api_key.get_secret_value())
        return super().fetch_payment(ref)


@caught_by("test_operation_tells_no_secret")
class TellsSecretInError(Acme):
    def _read(self, answer, response, reference):
        try:
            return super()._read(answer, response, reference)
        except PaykitError as error:
            error.hint = f"with {self.config.api_key.get_secret_value()}"
            raise


@caught_by("test_operation_tells_no_secret")
class HoldsSecretWhileFailing(Acme):
    def _read(self, answer, response, reference):
        key = self.config.api_key.get_secret_value()
        return super()._read(answer, response, reference), len(key)


@caught_by("test_refusal_tells_no_secret")
class TellsSecretWhenRefusing(Acme):
    def verify(self, delivery):
        try:
            return super().verify(delivery)
        except PaykitError as error:
            error.args = (f"not signed with {self.config.webhook_key.get_secret_value()}",)
            raise


class Reads(Acme):
    """Acme that reads answers in its own way."""

    def fetch_payment(self, ref):
        result = yield from super().fetch_payment(ref)
        return self.change(result, ref)


@caught_by("test_case")
class TakesUnseenStateForSuccess(Reads):
    def change(self, payment, ref):
        unseen = payment.code not in STATES
        return attrs.evolve(payment, status=PaymentStatus.SUCCEEDED) if unseen else payment


@caught_by("test_case")
class ForgetsRawAnswer(Reads):
    def change(self, payment, ref):
        return attrs.evolve(payment, raw={"other": "answer"})


@caught_by("test_answer_with_a_wrong_field")
class LetsKeyErrorEscape(Acme):
    def _read(self, answer, response, reference):
        assert answer["cents"] is not None or answer["state"]
        return super()._read(answer, response, reference)


@caught_by("test_answer_with_a_wrong_field")
class GuessesMissingFields(Acme):
    def _read(self, answer, response, reference):
        guess = {"state": "paid", "cents": 1999, "page": "https://pay.acme.example/A-1"}
        return super()._read({**guess, **answer}, response, reference)


@caught_by("test_answer_about_something_else")
class TakesAnotherPaymentForOurs(Acme):
    def _read(self, answer, response, reference):
        return super()._read({**answer, "reference": reference}, response, reference)


@caught_by("test_silence")
class AsksAgainAfterSilence(Acme):
    def fetch_payment(self, ref):
        try:
            return (yield from super().fetch_payment(ref))
        except TransportError:
            return (yield from super().fetch_payment(ref))


@caught_by("test_capability_is_shown")
class HasUntestedOperation(Acme):
    def capture(self, ref, amount=None, *, idempotency_key):
        return done(None)


@caught_by("test_missing_operation_is_refused")
class HidesOperation(Acme):
    def refund(self, request):
        return done(None)


HidesOperation.capabilities = Acme.capabilities


@caught_by("test_freshness")
class IgnoresTime(Acme):
    pass


class KnowsTime(Acme):
    """Acme as it would be if it had a tolerance: passes the check that IgnoresTime fails."""

    def verify(self, delivery):
        flow = super().verify(delivery)
        at = delivery.json().get("at")
        if type(at) is int and abs(self.clock().timestamp() - at) > 300:
            raise StaleDelivery("sent at another time", provider=self.name)
        return flow


class Refunds(VNPay):
    """VNPay with other refunds."""


@caught_by("test_silence", VNPAY)
class RefundsAgainAfterTimeout(Refunds):
    def refund(self, request):
        try:
            return (yield from super().refund(request))
        except OutcomeUnknown:
            return (yield from super().refund(request))


@caught_by("test_silence", VNPAY)
class CallsSilenceFailure(Refunds):
    def refund(self, request):
        try:
            return (yield from super().refund(request))
        except TransportError:
            return Refund(
                provider="vnpay",
                reference=request.reference,
                payment_reference=request.payment.reference,
                status=RefundStatus.FAILED,
            )


@caught_by("test_unreadable_answer", VNPAY)
class CallsUnreadableAnswerFailure(CallsSilenceFailure):
    pass


@caught_by("test_case", VNPAY)
class ForgetsThatMoneyMoves(Refunds):
    def _send(self, fields, order, read, *, moves_money=False):
        return super()._send(fields, order, read)


@caught_by("test_refund_reference", VNPAY)
class NamesRefundsAlike(Refunds):
    def refund_reference(self, payment, number, *, at):
        return f"{payment.reference}-R"


@caught_by("test_refund_reference", VNPAY)
class RefusesItsOwnNames(Refunds):
    def refund(self, request):
        if "-R" in request.reference:
            raise InvalidRequest("no dashes", field="reference")
        return super().refund(request)


@caught_by("test_declared_repeats")
class PromisesForWhatItCannotDo(Acme):
    info = attrs.evolve(Acme.info, repeatable_for={Capability.REFUND: FOR_EVER})


@caught_by("test_declared_repeats")
class PromisesForChargesThatItCannotMake(Acme):
    info = attrs.evolve(Acme.info, repeatable_for={Capability.CREATE_PAYMENT: FOR_EVER})


@caught_by("test_unsigned_field_decides_nothing", VNPAY)
class BelievesUnsignedFields(VNPay):
    def parse(self, verified):
        (event,) = super().parse(verified)
        told = verified.delivery.query_fields().get("status")
        return (attrs.evolve(event, status=PaymentStatus.SUCCEEDED, code=told),)


@caught_by("test_other_case_of_the_signature", VNPAY)
class InsistsOnLowerCase(VNPay):
    def verify(self, delivery):
        from paykit import SignatureError

        if delivery.query_fields().get("vnp_SecureHash", "").lower().encode() not in delivery.query:
            raise SignatureError("upper case")
        return super().verify(delivery)


GENUINE = next(
    line.partition(b":")[2].strip().decode()
    for line in (ACME / "notice-paid.http").read_bytes().splitlines()
    if line.startswith(b"Acme-Signature")
)
DELIVERIES = {ACME: AcmeDeliveries(), VNPAY: None}
