"""How a payment stands: asking Stripe, and making sense of the answer.

Sources: https://docs.stripe.com/api/payment_intents/retrieve,
https://docs.stripe.com/api/checkout/sessions/retrieve
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ...errors import InvalidRequest, MalformedResponse
from ...flow import Flow
from ...http import JsonObject
from ...models import NextAction, Nothing, Payment, PaymentRef, PaymentStatus, Redirect
from ...money import Money
from .api import EXPANDED, StripeApi
from .forms import check_id
from .states import (
    intent_status,
    on_page,
    page_standing,
    payment_standing,
    stored_card,
)
from .wire import Owned, Page, PaymentIntent, SetupIntent

S = PaymentStatus
W = TypeVar("W", bound=PaymentIntent | SetupIntent | Page)

#: What a ``provider_id`` may be: a payment, a payment page, a set-up.
KINDS = ("pi_", "cs_", "seti_")


class Reading(StripeApi):
    """Fetch."""

    def fetch_payment(self, ref: PaymentRef) -> Flow[Payment]:
        """Ask for the state. Stripe finds a payment by ``ref.provider_id``, not by its reference.

        That is the id of a payment (``pi_…``), of a payment page (``cs_…``) or of a set-up
        (``seti_…``).
        """
        return self.look_up(check_id(ref.provider_id, "provider_id", *KINDS), ref)

    def look_up(self, wanted: str, ref: PaymentRef | None) -> Flow[Payment]:
        """The payment with this id: that of ``ref``, or whichever it is.

        One that paykit did not make has no reference.
        """
        if wanted.startswith("seti_"):
            setup, raw = yield from self.get_setup(wanted, ref)
            return self.stored(setup, ref, raw)
        if wanted.startswith("pi_"):
            intent, raw = yield from self.get_intent(wanted, ref)
            return self.payment(intent, raw)
        page, raw = yield from self.get_page(wanted, ref)
        return (yield from self.look_on(page, ref, raw))

    def look_on(self, page: Page, ref: PaymentRef | None, raw: JsonObject) -> Flow[Payment]:
        """What the payer made of ``page``."""
        if page.payment_intent is not None:
            intent, raw = yield from self.get_intent(page.payment_intent, ref)
            return self.payment(intent, raw, page)
        if page.setup_intent is not None and page.status == "complete":
            setup, raw = yield from self.get_setup(page.setup_intent, ref)
            return self.stored(setup, ref, raw)
        stands = page_standing(page)
        return Payment(
            provider=self.name,
            reference=page.reference or "",
            status=stands.status,
            amount=page.total or self._nothing(page.metadata, ref),
            captured=stands.captured,
            provider_id=page.id,
            expires_at=page.expires_at if page.status == "open" else None,
            code=stands.code,
            reason=stands.reason,
            next=self._link(page) if stands.status is S.REQUIRES_ACTION else None,
            raw=raw,
        )

    def payment(self, intent: PaymentIntent, raw: JsonObject, page: Page | None = None) -> Payment:
        """The payment that ``intent`` is. On a ``page`` the payer can still try again."""
        stands = payment_standing(intent)
        step: NextAction | None = None
        if page is not None:
            stands = on_page(stands, page)
        if stands.status is S.REQUIRES_ACTION:
            step = self.next_step(intent) if page is None else self._link(page)
        failure = intent.last_payment_error
        token = None
        if intent.setup_future_usage and stands.status in {S.AUTHORIZED, S.SUCCEEDED}:
            token = stored_card(intent.payment_method, intent.customer, intent.reference)
        return Payment(
            provider=self.name,
            reference=intent.reference or "",
            status=stands.status,
            amount=intent.total,
            captured=stands.captured,
            refunded=stands.refunded,
            provider_id=intent.id,
            expires_at=stands.expires_at,
            code=stands.code,
            message=failure.message if failure and stands.status is S.FAILED else None,
            reason=stands.reason,
            next=step,
            token=token,
            raw=raw,
        )

    def stored(self, setup: SetupIntent, ref: PaymentRef | None, raw: JsonObject) -> Payment:
        """A set-up as a payment of nothing."""
        stands = intent_status(setup, setup.last_setup_error)
        failure = setup.last_setup_error
        token = None
        if stands.status is S.SUCCEEDED:
            token = stored_card(setup.payment_method, setup.customer, setup.reference)
        return Payment(
            provider=self.name,
            reference=setup.reference or "",
            status=stands.status,
            amount=self._nothing(setup.metadata, ref),
            provider_id=setup.id,
            code=stands.code,
            message=failure.message if failure and stands.status is S.FAILED else None,
            reason=stands.reason,
            next=self.next_step(setup) if stands.status is S.REQUIRES_ACTION else None,
            token=token,
            raw=raw,
        )

    # Asking for one thing.

    def get_intent(
        self, intent_id: str, ref: PaymentRef | None
    ) -> Flow[tuple[PaymentIntent, JsonObject]]:
        """Ask for a payment, with its charge and its refunds."""
        _, raw = yield from self._get_intent(intent_id)
        return self._whole(raw, intent_id, ref), raw

    def get_ours(self, intent_id: str) -> Flow[PaymentIntent | None]:
        """Ask for a payment; ``None`` if paykit did not make it, whatever it looks like."""
        owned, raw = yield from self._get_intent(intent_id)
        return None if owned.reference is None else self._whole(raw, intent_id, None)

    def _get_intent(self, intent_id: str) -> Flow[tuple[Owned, JsonObject]]:
        path = f"/v1/payment_intents/{check_id(intent_id, 'provider_id', 'pi_')}"
        return self.get_typed(path, Owned, {"expand": EXPANDED})

    def _whole(self, raw: JsonObject, wanted: str, ref: PaymentRef | None) -> PaymentIntent:
        """The payment in an answer that tells all of it; raises :class:`MalformedResponse`."""
        intent = PaymentIntent.read(raw, provider=self.name)
        charge = intent.latest_charge
        untold = charge is None or (charge.amount_refunded and charge.refunds is None)
        if intent.amount_received and untold:
            # What became of the money would stand there.
            raise MalformedResponse("the charge is not told of", provider=self.name)
        return self.same(intent, wanted, ref)

    def get_page(self, page_id: str, ref: PaymentRef | None) -> Flow[tuple[Page, JsonObject]]:
        """Ask for a payment page."""
        path = f"/v1/checkout/sessions/{check_id(page_id, 'provider_id', 'cs_')}"
        page, raw = yield from self.get_typed(path, Page)
        return self.same(page, page_id, ref), raw

    def get_setup(
        self, setup_id: str, ref: PaymentRef | None
    ) -> Flow[tuple[SetupIntent, JsonObject]]:
        """Ask for a set-up."""
        path = f"/v1/setup_intents/{check_id(setup_id, 'provider_id', 'seti_')}"
        setup, raw = yield from self.get_typed(path, SetupIntent, {"expand": ("payment_method",)})
        return self.same(setup, setup_id, ref), raw

    def same(self, found: W, wanted: str, ref: PaymentRef | None) -> W:
        """``found``, if it is what was asked about; raises ``MalformedResponse``."""
        if found.id != wanted or (ref is not None and found.reference != ref.reference):
            raise MalformedResponse("the answer is about another payment", provider=self.name)
        return found

    def expect_currency(self, amount: Money | None, ref: PaymentRef) -> Flow[None]:
        """Refuse an ``amount`` in another currency: Stripe is told a number only.

        Asks for the payment's, unless ``ref`` tells it.
        """
        if amount is None:
            return
        whole = ref.amount
        if whole is None:
            whole = (
                yield from self.look_up(check_id(ref.provider_id, "provider_id", *KINDS), ref)
            ).amount
        if whole is not None and whole.currency != amount.currency:
            raise InvalidRequest(f"the payment is in {whole.currency}", field="currency")

    def find_intent(
        self, ref: PaymentRef, *, open_too: bool = False
    ) -> Flow[str | tuple[Page, JsonObject]]:
        """The id of the payment that is meant; the page, as long as none was made on it.

        With ``open_too`` also a page on which the payer can try again.
        """
        wanted = check_id(ref.provider_id, "provider_id", "pi_", "cs_")
        if wanted.startswith("pi_"):
            return wanted
        page, raw = yield from self.get_page(wanted, ref)
        if page.payment_intent is None or (open_too and page.status == "open"):
            return page, raw
        return page.payment_intent

    def _nothing(self, metadata: Mapping[str, str], ref: PaymentRef | None) -> Money:
        """The amount of a set-up: nothing, in the currency that was kept with it."""
        currency = metadata.get("currency", "")
        if not currency and ref is not None and ref.amount is not None:
            currency = ref.amount.currency
        try:
            return Money(0, currency)
        except InvalidRequest:
            raise MalformedResponse("no currency", provider=self.name) from None

    def _link(self, page: Page) -> NextAction:
        return Redirect(self.page(page.url)) if page.url else Nothing()
