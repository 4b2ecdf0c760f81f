"""Checkout Sessions: Stripe's own page.

https://docs.stripe.com/api/checkout/sessions
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from ...money import Money
from ..cards.challenges import Finished
from ..cards.hosted import HostedPayment, HostedResult
from ..cards.numbers import Card
from . import amounts
from .errors import Refusal
from .intents import Intents
from .methods import Methods
from .setups import Setups
from .state import Intent, Json, Session, Setup

if TYPE_CHECKING:
    from .books import Books
    from .config import StripeConfig
    from .ids import Ids
    from .notices import Notices

_SHORTEST: Final = timedelta(minutes=30)
_LONGEST: Final = timedelta(hours=24)
_STATES: Final = {"complete": "You have paid.", "expired": "The time to pay is over."}


@attrs.frozen(kw_only=True)
class Sessions:
    """Operations on Checkout Sessions, and what their page needs."""

    config: StripeConfig
    books: Books
    ids: Ids
    notices: Notices
    methods: Methods
    intents: Intents
    setups: Setups

    def create(self, asked: Json, now: datetime) -> Session:
        """Make a page to pay on, or to store a card on."""
        payment = asked["mode"] == "payment"
        if payment and not asked.get("line_items"):
            raise _missing("line_items")
        if not payment and "currency" not in asked:
            raise _missing("currency")
        for name in ("payment_intent_data",) if not payment else ("setup_intent_data",):
            if name in asked:
                raise Refusal(
                    f"You can not pass `{name}` in `{asked['mode']}` mode.", param=name, early=True
                )
        if "customer" in asked:
            self.methods.customer(asked["customer"])
        session = Session(
            id=self.ids.make("cs_test", 58),
            created_at=now,
            expires_at=self._end(asked, now),
            amount=self._total(asked) if payment else Money(0, asked["currency"].upper()),
            fields=dict(asked),
        )
        self.books.add(session)
        return session

    def _end(self, asked: Json, now: datetime) -> datetime:
        if "expires_at" not in asked:
            return now + self.config.session_lifetime
        try:
            end = datetime.fromtimestamp(asked["expires_at"], UTC)
        except (OverflowError, ValueError, OSError):
            end = datetime.max.replace(tzinfo=UTC)
        # Stripe counts whole seconds.
        if not now + _SHORTEST - timedelta(seconds=1) <= end <= now + _LONGEST:
            raise Refusal(
                "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout "
                "Session creation.",
                param="expires_at",
                early=True,
            )
        return end

    def _total(self, asked: Json) -> Money:
        lines = asked["line_items"]
        kinds = {line["price_data"]["currency"] for line in lines}
        if len(kinds) > 1 or asked.get("currency", next(iter(kinds))) not in kinds:
            raise Refusal(
                "All prices of a Checkout Session must be in one currency.",
                param="line_items",
                early=True,
            )
        total = sum(line["price_data"]["unit_amount"] * line["quantity"] for line in lines)
        return self.intents.amount(total, kinds.pop())

    def read(self, session_id: str) -> Session:
        """A session by its id."""
        return self.books.get(Session, session_id, what="checkout.session")

    def expire(self, session_id: str, now: datetime) -> Session:
        """End a session that nobody has used."""
        session = self.read(session_id)
        if session.status != "open":
            raise Refusal(
                'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
                f"Session has a status of {session.status}.",
            )
        self._expire(session, now)
        return session

    def catch_up(self, now: datetime) -> None:
        """Sessions end by time, too."""
        for session in self.books.all(Session):
            if session.status == "open" and session.expires_at <= now:
                self._expire(session, now)

    def _expire(self, session: Session, now: datetime) -> None:
        session.expired = True
        session.expires_at = min(session.expires_at, now)
        intent = session.intent
        if intent and intent.held is None and not intent.canceled_at:
            intent.canceled_at = now
            intent.cancellation_reason = "automatic"
            self.notices.intent(intent, "canceled", now)
        self.notices.session(session, "expired", now)

    # The page.

    def hosted(self, page_id: str, now: datetime) -> HostedPayment | None:
        """What the page shows."""
        self.catch_up(now)
        session = self.books.find(Session, page_id)
        if session is None:
            return None
        fields = session.fields
        data = fields.get("payment_intent_data") or {}
        lines = fields.get("line_items") or []
        names = ", ".join(line["price_data"]["product_data"]["name"] for line in lines)
        return HostedPayment(
            id=session.id,
            merchant=self.config.merchant_name,
            description=names or "Store a card",
            reference=session.reference,
            amount=session.amount,
            expires_at=session.expires_at,
            holds_only=data.get("capture_method") == "manual",
            stores=bool(data.get("setup_future_usage")) or fields["mode"] == "setup",
            state=_STATES.get(session.status, ""),
            back=_target(session) if session.complete else fields.get("cancel_url"),
        )

    def leave_hosted(self, page_id: str, now: datetime) -> str | None:  # noqa: ARG002
        """The payer goes back; the session stays open."""
        target: str | None = self.read(page_id).fields.get("cancel_url")
        return target

    def pay_hosted(self, page_id: str, card: Card, now: datetime) -> HostedResult:
        """The payer pays, or stores the card."""
        session = self.read(page_id)
        method = self.methods.from_card(card, now)
        try:
            thing: Intent | Setup
            if session.fields["mode"] == "payment":
                thing = session.intent = session.intent or self._intent(session, now)
                thing.method = method
                self.intents.attempt(thing, self._asked(session), now)
            else:
                thing = session.setup = session.setup or self._setup(session, now)
                thing.method = method
                self.setups.attempt(thing, self._asked(session), now)
        except Refusal as refused:
            return HostedResult(problem=str(refused))
        if thing.challenge:
            return HostedResult(redirect=thing.challenge)
        self.finished(session, now)
        return HostedResult(redirect=_target(session))

    def finished(self, session: Session, now: datetime) -> None:
        """The session is over once the money is held or the card is stored."""
        held = session.intent is not None and session.intent.held is not None
        stored = session.setup is not None and session.setup.done
        if session.status == "open" and (held or stored):
            session.complete = True
            self.notices.session(session, "completed", now)

    def after_challenge(self, session: Session, now: datetime) -> Finished:
        """The payer comes back from 3-D Secure: to the shop, or to the page for another card."""
        self.finished(session, now)
        page = f"{self.intents.views.base}/c/pay/{session.id}"
        return Finished(redirect=_target(session) if session.complete else page)

    @staticmethod
    def _asked(session: Session) -> Json:
        return {"return_url": session.fields["success_url"]}

    def _customer(self, session: Session, *, stores: bool, now: datetime) -> str:
        fields = session.fields
        if "customer" not in fields and (stores or fields.get("customer_creation") == "always"):
            email = {"email": fields["customer_email"]} if "customer_email" in fields else {}
            fields["customer"] = self.methods.create_customer(email, now).id
        return str(fields.get("customer", ""))

    def _intent(self, session: Session, now: datetime) -> Intent:
        data: dict[str, Any] = session.fields.get("payment_intent_data") or {}
        stores = bool(data.get("setup_future_usage"))
        customer = self._customer(session, stores=stores, now=now)
        asked: Json = {
            **data,
            "amount": amounts.value(session.amount),
            "currency": session.amount.currency.lower(),
            "automatic_payment_methods": {"enabled": True},
        }
        if customer:
            asked["customer"] = customer
        if session.fields.get("payment_method_options"):
            asked["payment_method_options"] = session.fields["payment_method_options"]
        intent = self.intents.create(asked, now)
        intent.after = lambda later: self.after_challenge(session, later)
        return intent

    def _setup(self, session: Session, now: datetime) -> Setup:
        customer = self._customer(session, stores=True, now=now)
        data: dict[str, Any] = session.fields.get("setup_intent_data") or {}
        setup = self.setups.create({**data, "customer": customer}, now)
        setup.after = lambda later: self.after_challenge(session, later)
        return setup


def _target(session: Session) -> str:
    url: str = session.fields["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session.id)


def _missing(name: str) -> Refusal:
    return Refusal(
        f"Missing required param: {name}.", code="parameter_missing", param=name, early=True
    )
