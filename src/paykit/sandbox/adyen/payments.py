"""Authorising payments: at once, or after the shopper has proved who is there.

https://docs.adyen.com/online-payments/build-your-integration/advanced-flow/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import attrs

from ...money import Money
from ..cards.challenges import Challenges, Finished
from ..cards.challenges import Outcome as Answer
from ..cards.numbers import Card
from ..cards.till import Till
from ..edge import with_query
from . import amounts, cards, fields
from .books import Books
from .errors import Refusal
from .ids import Ids
from .notices import Notices, stored_fields
from .state import Capturing, HostedPage, Outcome, Payment, Question, StoredCard

if TYPE_CHECKING:
    from .config import AdyenConfig

Body = Mapping[str, Any]
Json = dict[str, Any]

_MOST_HOURS: Final = 672
_SHORTEST_SHOPPER: Final = 3
_NOT_AUTHENTICATED: Final = "11"
_NEEDS_SHOPPER: Final = "38"


@attrs.frozen(kw_only=True)
class Payments:
    """What a merchant can do to be paid. Requests are well formed by then."""

    config: AdyenConfig
    books: Books
    ids: Ids
    vault: cards.Vault
    till: Till
    notices: Notices
    challenges: Challenges

    def create(self, body: Body, now: datetime) -> Json:
        """``POST /payments``."""
        wished = (body.get("additionalData") or {}).get("RequestedTestErrorResponseCode", "")
        if wished:
            raise Refusal.by_code(wished)
        amount = read_amount(body)
        shopper = body.get("shopperReference", "")
        card, used = self._card(body, shopper, now)
        if body.get("storePaymentMethod") and len(shopper) < _SHORTEST_SHOPPER:
            raise Refusal("no shopper")
        payment = self.begin(body, card, amount=amount, used=used, now=now)
        if self._must_ask(payment):
            self._ask(payment, now)
            return asking(payment)
        self.authorise(payment, now)
        return self.answer(payment)

    def details(self, body: Body, now: datetime) -> Json:
        """``POST /payments/details``: the shopper is back."""
        fields.COMPLETION.check(body["details"])
        for native, name in ((True, "threeDSResult"), (False, "redirectResult")):
            result = body["details"].get(name, "")
            payment = self.books.asked(result) if result else None
            if payment and payment.question and payment.question.native is native:
                break
        else:
            raise Refusal("details")
        if payment.outcome is not None:
            raise Refusal("in progress")
        if payment.answer is None or payment.closed:
            raise Refusal("details")
        if self.config.new_reference_after_action:
            self.books.rename(payment, self.ids.psp())
        self.authorise(payment, now)
        return self.answer(payment)

    def begin(
        self,
        body: Body,
        card: Card,
        *,
        amount: Money,
        now: datetime,
        used: StoredCard | None = None,
        page: HostedPage | None = None,
    ) -> Payment:
        """A new attempt, of which nothing has come yet."""
        payment = Payment(
            id=self.ids.psp(),
            reference=body["reference"],
            amount=amount,
            created_at=now,
            card=card,
            fields=dict(body),
            capturing=self.capturing(body),
            used=used,
            page=page,
        )
        self.books.add(payment)
        return payment

    def authorise(self, payment: Payment, now: datetime) -> None:
        """Ask the issuer, and tell the merchant what came of it."""
        payment.outcome = self._decide(payment)
        if payment.outcome.good:
            lasts = self.config.authorisation_lifetime
            self.till.hold(payment, payment.amount, now=now, lasts=lasts)
            if payment.fields.get("storePaymentMethod"):
                self._store(payment, now)
        self.notices.authorisation(payment, now)
        if payment.stored_anew:
            self.notices.stored(payment, now)
        if payment.outcome.good and payment.amount:
            self._capture_later(payment, now)

    def ask_on_page(
        self, payment: Payment, *, back: str, done: str | None, now: datetime
    ) -> str | None:
        """For a hosted page: where the shopper proves who is there, if that is needed."""
        if not self._must_ask(payment):
            return None

        def finish(answer: Answer, now: datetime) -> Finished:
            if answer == "abandon" or payment.closed:
                return Finished(redirect=back)
            if payment.page and payment.page.over(now):
                # Paid by another attempt, or too late: nothing more is taken.
                payment.closed = True
                return Finished(redirect=done)
            payment.answer = answer == "approve"
            self.authorise(payment, now)
            self.notices.flush()
            return Finished(redirect=done if payment.good else back)

        self._open(payment, native=False, finish=finish, now=now)
        return payment.question.page if payment.question else None

    def answer(self, payment: Payment) -> Json:
        """What Adyen says about an attempt that is over."""
        outcome, card = payment.outcome, payment.instrument
        assert outcome is not None  # noqa: S101 - it is over
        extra = {
            "cardSummary": card.last4,
            "cardBin": card.bin,
            "paymentMethod": payment.brand,
            "expiryDate": f"{card.exp_month}/{card.exp_year}",
            "refusalReasonRaw": "AUTHORISED" if outcome.good else outcome.reason,
        }
        if outcome.good:
            extra["authCode"] = "064826"
            extra |= stored_fields(payment) if self.config.tells_stored_id else {}
        found: Json = {
            "additionalData": extra,
            "pspReference": payment.id,
            "resultCode": outcome.result,
            "amount": amounts.write(payment.amount),
            "merchantReference": payment.reference,
            "paymentMethod": {"brand": payment.brand, "type": "scheme"},
        }
        if not outcome.good:
            found |= {"refusalReason": outcome.reason, "refusalReasonCode": outcome.code}
        return found

    def capturing(self, body: Body) -> Capturing:
        """When the money of such a request is taken; raises :class:`Refusal`."""
        manual = (body.get("additionalData") or {}).get("manualCapture", "").lower()
        hours = body.get("captureDelayHours")
        if hours is not None:
            if not 0 <= hours <= _MOST_HOURS:
                raise Refusal("capture delay")
            return "delayed" if hours else "automatic"
        if manual or body.get("manualCapture") is not None:
            return "manual" if manual == "true" or body.get("manualCapture") else "automatic"
        return self.config.capture

    def _card(self, body: Body, shopper: str, now: datetime) -> tuple[Card, StoredCard | None]:
        method = body["paymentMethod"]
        if not method:
            raise Refusal("no method")
        fields.METHOD.check(method)
        if method.get("type", "scheme") not in {"scheme", "card"}:
            raise Refusal("method")
        if any(method.get(name) for name in ("number", "cvc", "expiryMonth", "expiryYear")):
            raise Refusal("raw card")
        stored_id = method.get("storedPaymentMethodId") or method.get("recurringDetailReference")
        if not stored_id:
            return self.vault.decrypt(method, now), None
        if not shopper:
            raise Refusal("no shopper")
        used = self.books.stored(stored_id, shopper)
        if used is None:
            raise Refusal("no detail")
        return used.card, used

    def _must_ask(self, payment: Payment) -> bool:
        wished = _wished(payment)
        if _away(payment) or wished == "never":
            return False
        check = payment.instrument.does.check
        return (
            "always" in {check, wished}
            or check == "fails"
            or (check == "until_stored" and payment.used is None)
        )

    def _ask(self, payment: Payment, now: datetime) -> None:
        def finish(answer: Answer, _now: datetime) -> Finished:
            question = payment.question
            if answer == "abandon" or question is None:
                return Finished()
            payment.answer = answer == "approve"
            if question.native:
                return Finished(result={"details": {"threeDSResult": question.result}})
            result = urlencode({"redirectResult": question.result})
            return Finished(redirect=with_query(payment.fields["returnUrl"], result))

        self._open(payment, native=_prefers_native(payment.fields), finish=finish, now=now)

    def _open(self, payment: Payment, *, native: bool, finish: Any, now: datetime) -> None:
        key, secret = self.ids.opaque(), self.ids.opaque()
        # With characters that do not survive in an address unless they are encoded.
        question = Question(key=key, result=f"{secret[:16]}!{secret[16:]}/+==", native=native)
        payment.open_until = now + self.config.offer_lifetime
        page = self.challenges.open(
            key=key,
            merchant=self.config.merchant_name,
            amount=payment.amount,
            card=payment.instrument,
            finish=finish,
        )
        payment.question = attrs.evolve(question, page=page)

    def _decide(self, payment: Payment) -> Outcome:
        if payment.answer is False:
            return cards.refused(_NOT_AUTHENTICATED)
        if payment.answer is None and payment.instrument.does.check in {"always", "fails"}:
            return cards.refused(_NEEDS_SHOPPER)
        extra = payment.fields.get("additionalData") or {}
        return cards.decide(
            payment.instrument,
            requested=extra.get("RequestedTestAcquirerResponseCode", ""),
            charged_later=payment.used is not None,
            storing=bool(payment.fields.get("storePaymentMethod")),
        )

    def _store(self, payment: Payment, now: datetime) -> None:
        fields = payment.fields
        known = self.books.cards_of(fields["shopperReference"])
        payment.stored = self.keep_card(
            payment.instrument,
            shopper=fields["shopperReference"],
            model=fields.get("recurringProcessingModel", "CardOnFile"),
            now=now,
        )
        payment.stored_anew = payment.stored not in known

    def keep_card(self, card: Card, *, shopper: str, model: str, now: datetime) -> StoredCard:
        """A shopper's card under an id; the same card again is the same id."""
        for known in self.books.cards_of(shopper):
            if known.card.fingerprint == card.fingerprint:
                return known
        stored = StoredCard(
            id=self.ids.psp(), shopper=shopper, card=card, model=model, created_at=now
        )
        self.books.store(stored)
        return stored

    def _capture_later(self, payment: Payment, now: datetime) -> None:
        if payment.capturing == "automatic":
            self.capture_by_itself(payment, now)
        elif payment.capturing == "delayed":
            hours = payment.fields.get("captureDelayHours")
            delay = timedelta(hours=hours) if hours else self.config.capture_delay
            payment.capture_at = now + delay

    def capture_by_itself(self, payment: Payment, now: datetime) -> None:
        """Take all of it without being asked."""
        payment.capture_at = None
        self.till.capture(
            payment,
            payment.capturable,
            capture_id=self.ids.psp(),
            now=now,
            data={"automatic": True},
        )


def read_amount(body: Body) -> Money:
    """The amount of a request."""
    fields.AMOUNT.check(body["amount"])
    return amounts.read(body["amount"])


def asking(payment: Payment) -> Json:
    """The answer while the shopper has something to do."""
    question = payment.question
    assert question is not None  # noqa: S101 - it was just asked
    if question.native:
        # As Adyen shows it: without a reference, which comes with the details.
        action = {
            "type": "threeDS2",
            "subtype": "fingerprint",
            "paymentMethodType": "scheme",
            "token": question.key,
            "paymentData": f"Ab02b4c0!{question.key}",
            "authorisationToken": f"Ab02b4c0!{question.key[::-1]}",
        }
        return {"resultCode": "IdentifyShopper", "action": action}
    action = {
        "type": "redirect",
        "method": "GET",
        "paymentMethodType": "scheme",
        "url": question.page,
    }
    return {"resultCode": "RedirectShopper", "action": action, "pspReference": payment.id}


def _away(payment: Payment) -> bool:
    """Whether a stored card is charged while the shopper is not there."""
    return payment.used is not None and payment.fields.get("shopperInteraction") == "ContAuth"


def _wished(payment: Payment) -> str:
    """Whether the merchant wants 3-D Secure whatever the card says."""
    asked = payment.fields.get("authenticationData") or {}
    return str(asked.get("attemptAuthentication", ""))


def _prefers_native(body: Body) -> bool:
    """Whether the shop's page can answer the question itself."""
    asked = (body.get("authenticationData") or {}).get("threeDSRequestData") or {}
    native = isinstance(asked, dict) and asked.get("nativeThreeDS") == "preferred"
    return bool(
        native and body.get("channel") == "Web" and body.get("origin") and body.get("browserInfo")
    )
