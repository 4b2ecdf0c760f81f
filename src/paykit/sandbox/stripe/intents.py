"""Payment intents: created, confirmed, captured, canceled.

https://docs.stripe.com/api/payment_intents
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import attrs

from ...money import Money
from ..cards.challenges import Challenges, Finished, Outcome
from ..cards.state import Capture, Refund
from ..cards.till import Till
from ..edge import with_query
from . import amounts
from .errors import (
    Refusal,
    authentication_failed,
    authentication_required,
    card_error,
    no_such,
)
from .methods import Methods, lacks_return_url
from .state import Charge, Intent, Json, Method
from .views import Views, multicapture

if TYPE_CHECKING:
    from .books import Books
    from .config import StripeConfig
    from .ids import Ids
    from .notices import Notices

_CANCELABLE: Final = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)
_CONFIRMABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")
#: What a confirmation may say anew.
_RENEWED: Final = (
    "payment_method_options",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "allowed_payment_method_types",
    "excluded_payment_method_types",
)


@attrs.frozen(kw_only=True)
class Intents:
    """Operations on payment intents."""

    config: StripeConfig
    books: Books
    ids: Ids
    views: Views
    notices: Notices
    methods: Methods
    till: Till
    challenges: Challenges

    def create(self, asked: Json, now: datetime) -> Intent:
        """Make a payment, and confirm it if the request says so."""
        amount = self.amount(asked["amount"], asked["currency"])
        if "customer" in asked:
            self.methods.customer(asked["customer"])
        confirm = asked.get("confirm", False)
        for name in ("off_session", "return_url", "error_on_requires_action", "mandate_data"):
            if name in asked and not confirm:
                raise Refusal(
                    f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless "
                    "`confirm` is set to true.",
                    param=name,
                    early=True,
                )
        intent_id = self.ids.make("pi")
        intent = Intent(
            id=intent_id,
            reference=intent_id,
            amount=amount,
            created_at=now,
            fields=asked,
            customer=asked.get("customer", ""),
            client_secret=self.ids.secret(intent_id),
            capture_method=asked.get("capture_method", "automatic_async"),
        )
        if "payment_method" in asked:
            intent.method = self.methods.find(asked["payment_method"], now)
            self.methods.usable(intent.method, intent.customer)
        if confirm:
            self._ready(intent, asked)
        self.books.add(intent)
        self.notices.intent(intent, "created", now)
        if confirm:
            self.attempt(intent, asked, now)
        return intent

    def amount(self, amount: int, currency: str) -> Money:
        """An amount that can be charged."""
        if amount > amounts.MOST:
            raise Refusal(
                f"Amount must be no more than {amounts.words(amounts.MOST, currency)}",
                code="amount_too_large",
                param="amount",
                early=True,
            )
        if amount < amounts.least(currency):
            least = amounts.words(amounts.least(currency), currency)
            raise Refusal(
                f"Amount must be at least {least}",
                code="amount_too_small",
                param="amount",
                early=True,
            )
        try:
            return amounts.read(amount, currency)
        except amounts.AmountError as error:
            raise Refusal(str(error), param="amount", early=True) from None

    def read(self, intent_id: str) -> Intent:
        """A payment by its id."""
        return self.books.get(Intent, intent_id)

    def confirm(self, intent_id: str, asked: Json, now: datetime) -> Intent:
        """Try to pay."""
        intent = self.read(intent_id)
        if intent.status not in _CONFIRMABLE:
            raise self._state(
                intent,
                "You cannot confirm this PaymentIntent because it has already succeeded after "
                "being previously confirmed."
                if intent.status in {"succeeded", "requires_capture"}
                else "You cannot confirm this PaymentIntent because it has a status of "
                f"{intent.status}.",
            )
        intent.fields |= {name: asked[name] for name in _RENEWED if asked.get(name)}
        intent.capture_method = asked.get("capture_method", intent.capture_method)
        if "payment_method" in asked:
            method = self.methods.find(asked["payment_method"], now)
            self.methods.usable(method, intent.customer)
            intent.method = method
        self._ready(intent, asked)
        self.attempt(intent, asked, now)
        return intent

    def _ready(self, intent: Intent, asked: Json) -> None:
        if "confirmation_token" in asked:
            raise no_such(
                "confirmation_token", asked["confirmation_token"], param="confirmation_token"
            )
        if intent.method is None:
            raise self._state(
                intent,
                "You cannot confirm this PaymentIntent because it's missing a payment method. You "
                "can either update the PaymentIntent with a payment method and then confirm it "
                "again, or confirm it again directly with a payment method or ConfirmationToken.",
            )
        if lacks_return_url(intent.fields, asked):
            raise Refusal(
                "This PaymentIntent is configured to accept payment methods enabled in your "
                "Dashboard. Because some of these payment methods might redirect your customer off "
                "of your page, you must provide a `return_url`. If you don't want to accept "
                "redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
                "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating "
                "Setup Intents and Payment Intents.",
                early=True,
            )

    def attempt(self, intent: Intent, asked: Json, now: datetime) -> None:
        """Hold the money, or ask the payer, or raise the issuer's refusal."""
        method = intent.method
        assert method is not None  # noqa: S101 - it was checked
        intent.challenge, intent.last_error = "", None
        if not self._asks(intent, method):
            self._hold(intent, now, authenticated=False)
            return
        away = asked.get("off_session", False)
        if away or asked.get("error_on_requires_action"):
            raise self._declined(intent, authentication_required(), now)
        intent.return_url = asked.get("return_url", "")
        intent.by_script = asked.get("use_stripe_sdk", False) or not intent.return_url
        intent.challenge = self.challenges.open(
            key=intent.client_secret,
            merchant=self.config.merchant_name,
            amount=intent.amount,
            card=method.card,
            finish=self._finish(intent, method),
        )
        self.notices.intent(intent, "requires_action", now)

    @staticmethod
    def _asks(intent: Intent, method: Method) -> bool:
        """Whether the issuer wants 3-D Secure, or the merchant does."""
        options = (intent.fields.get("payment_method_options") or {}).get("card") or {}
        wanted = options.get("request_three_d_secure") in {"any", "challenge"}
        check = method.card.does.check
        return (
            wanted or check in {"always", "fails"} or (check == "until_stored" and not method.known)
        )

    def _finish(self, intent: Intent, method: Method) -> Callable[[Outcome, datetime], Finished]:
        def finish(outcome: Outcome, now: datetime) -> Finished:
            if outcome == "abandon":
                return Finished()
            if intent.status == "requires_action" and intent.method is method:
                intent.challenge = ""
                if outcome == "approve":
                    with suppress(Refusal):  # the shop reads it from the payment
                        self._hold(intent, now, authenticated=True)
                else:
                    self._failed(intent, authentication_failed("payment_intent"), now)
            return intent.after(now) if intent.after else self._returned(intent)

        return finish

    @staticmethod
    def _returned(intent: Intent) -> Finished:
        good = intent.status in {"succeeded", "requires_capture"}
        query = {
            "payment_intent": intent.id,
            "payment_intent_client_secret": intent.client_secret,
            "source_type": "card",
            "redirect_status": "succeeded" if good else "failed",
        }
        target = with_query(intent.return_url, urlencode(query)) if intent.return_url else None
        return Finished(redirect=target, result={"payment_intent": intent.id, **query})

    def _hold(self, intent: Intent, now: datetime, *, authenticated: bool) -> None:
        method = intent.method
        assert method is not None  # noqa: S101 - there is one to pay with
        declined = method.card.does.declines
        charge = Charge(
            id=self.ids.make("ch"), created_at=now, method=method, authenticated=authenticated
        )
        if declined:
            raise self._declined(intent, card_error(declined), now, charge=charge)
        intent.charges.append(charge)
        intent.card = method.card
        self.till.hold(intent, intent.amount, now=now, lasts=self.config.hold_lifetime)
        method.used = True
        if intent.fields.get("setup_future_usage") and intent.customer:
            method.known = True
            self.methods.store(method, intent.customer, now)
        options = (intent.fields.get("payment_method_options") or {}).get("card") or {}
        manual = intent.capture_method == "manual" or options.get("capture_method") == "manual"
        if manual:
            self.notices.charge(intent, "charge.succeeded", now)
            self.notices.intent(intent, "amount_capturable_updated", now)
            return
        self._take(intent, intent.amount, now, first=True)

    def _take(
        self,
        intent: Intent,
        amount: Money,
        now: datetime,
        *,
        final: bool = True,
        first: bool = False,
    ) -> None:
        """Take held money. Stripe does it while the caller waits."""
        capture = Capture(
            id=self.ids.make("cap"),
            payment=intent,
            amount=amount,
            created_at=now,
            due_at=now,
            state="done",
            final=final,
        )
        intent.captures.append(capture)
        rest = intent.capturable
        if final and rest:
            intent.released = "captured"
        self.notices.charge(intent, "charge.succeeded" if first else "charge.captured", now)
        if intent.status == "succeeded":
            self.notices.intent(intent, "succeeded", now)
        else:
            self.notices.intent(intent, "amount_capturable_updated", now)
        if final and rest and self.config.releases_as_refunds:
            release = Refund(
                id=self.ids.make("re"),
                payment=intent,
                amount=rest,
                created_at=now,
                due_at=now,
                state="done",
            )
            intent.releases.append(release)
            self.notices.refund_made(release, now)
        self.till.settle(capture, now)  # what the card brings later: the payer disputes it

    def _declined(
        self, intent: Intent, refused: Refusal, now: datetime, *, charge: Charge | None = None
    ) -> Refusal:
        """Note the refusal on the payment, and give it with the payment in it."""
        method = intent.method
        assert method is not None  # noqa: S101 - it was declined
        charge = charge or Charge(id=self.ids.make("ch"), created_at=now, method=method)
        error = {**refused.error, "charge": charge.id}
        charge.error = error
        intent.charges.append(charge)
        self.notices.charge(intent, "charge.failed", now)
        self._failed(intent, error, now)
        refused.error = {
            **error,
            "payment_intent": self.views.intent(intent),
            "payment_method": self.views.method(method),
        }
        return refused

    def _failed(self, intent: Intent, error: Json, now: datetime) -> None:
        assert intent.method is not None  # noqa: S101 - it was tried
        intent.last_error = {**error, "payment_method": self.views.method(intent.method)}
        intent.method = None
        intent.challenge = ""
        self.notices.intent(intent, "payment_failed", now)

    def capture(self, intent_id: str, asked: Json, now: datetime) -> Intent:
        """Take held money, all of it or a part."""
        intent = self.read(intent_id)
        if intent.status != "requires_capture":
            raise self._state(
                intent,
                "This PaymentIntent could not be captured because it has a status of "
                f"{intent.status}. Only a PaymentIntent with one of the following statuses may be "
                "captured: requires_capture.",
            )
        final = asked.get("final_capture", True)
        if not final and not multicapture(intent.fields):
            raise Refusal(
                "This PaymentIntent does not support multicapture.", param="final_capture"
            )
        currency = intent.amount.currency.lower()
        wanted = asked.get("amount_to_capture", amounts.value(intent.capturable))
        if wanted > amounts.value(intent.capturable):
            raise Refusal(
                f"The requested capture amount ({amounts.words(wanted, currency)}) is greater than "
                "the amount you can capture for this charge.",
                code="amount_too_large",
                param="amount_to_capture",
            )
        try:
            amount = amounts.read(wanted, currency)
        except amounts.AmountError as error:
            raise Refusal(str(error), param="amount_to_capture", early=True) from None
        if self.till.faults.take("fail_next_capture"):
            raise card_error("processing_error", payment_intent=self.views.intent(intent))
        _note(intent, asked)
        self._take(intent, amount, now, final=final)
        return intent

    def increment(self, intent_id: str, asked: Json, now: datetime) -> Intent:
        """Hold more than before."""
        intent = self.read(intent_id)
        if intent.status != "requires_capture":
            raise self._state(
                intent,
                f"This PaymentIntent could not be incremented because it has a status of "
                f"{intent.status}.",
            )
        options = (intent.fields.get("payment_method_options") or {}).get("card") or {}
        if options.get("request_incremental_authorization") != "if_available":
            raise Refusal("This PaymentIntent does not support incremental authorization.")
        amount = self.amount(asked["amount"], intent.amount.currency.lower())
        if amount <= intent.amount:
            raise Refusal("The amount must be greater than the one held.", param="amount")
        intent.amount = intent.held = amount
        _note(intent, asked)
        self.notices.intent(intent, "amount_capturable_updated", now)
        return intent

    def cancel(self, intent_id: str, asked: Json, now: datetime) -> Intent:
        """Give up a payment, and what is held for it."""
        intent = self.read(intent_id)
        if intent.status not in _CANCELABLE:
            raise self._state(
                intent,
                f"You cannot cancel this PaymentIntent because it has a status of {intent.status}. "
                "Only a PaymentIntent with one of the following statuses may be canceled: "
                f"{', '.join(_CANCELABLE)}.",
            )
        session = self.books.session_of(intent)
        if session and session.status == "open":
            raise Refusal(
                "You cannot cancel this PaymentIntent because it was created by a Checkout Session "
                f"that is still open. Expire the Checkout Session {session.id} instead.",
                payment_intent=self.views.intent(intent),
            )
        held = intent.held is not None
        if held:
            self.till.void(intent, now)
        intent.canceled_at = now
        intent.cancellation_reason = asked.get("cancellation_reason")
        if held:
            self.notices.charge(intent, "charge.refunded", now)
        self.notices.intent(intent, "canceled", now)
        return intent

    def _state(self, intent: Intent, message: str) -> Refusal:
        return Refusal(
            message,
            code="payment_intent_unexpected_state",
            payment_intent=self.views.intent(intent),
        )


def _note(intent: Intent, asked: Json) -> None:
    """What a capture or an increment says anew. Metadata is added to, or taken away by name."""
    noted = {**intent.fields.get("metadata", {}), **asked.get("metadata", {})}
    intent.fields["metadata"] = {name: text for name, text in noted.items() if text}
    for name in ("description", "statement_descriptor", "statement_descriptor_suffix"):
        if name in asked:
            intent.fields[name] = asked[name]
