"""Setup intents: a card is stored without a payment.

https://docs.stripe.com/api/setup_intents
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import attrs

from ..cards.challenges import Challenges, Finished, Outcome
from ..edge import with_query
from .errors import Refusal, authentication_failed, card_error, no_such
from .methods import Methods, lacks_return_url
from .state import Json, Method, Setup
from .views import Views

if TYPE_CHECKING:
    from .books import Books
    from .config import StripeConfig
    from .ids import Ids
    from .notices import Notices

_OPEN: Final = ("requires_payment_method", "requires_confirmation", "requires_action")


@attrs.frozen(kw_only=True)
class Setups:
    """Operations on setup intents."""

    config: StripeConfig
    books: Books
    ids: Ids
    views: Views
    notices: Notices
    methods: Methods
    challenges: Challenges

    def create(self, asked: Json, now: datetime) -> Setup:
        """Make a set-up, and confirm it if the request says so."""
        if "customer" in asked:
            self.methods.customer(asked["customer"])
        confirm = asked.get("confirm", False)
        if "return_url" in asked and not confirm:
            raise Refusal(
                "The parameter `return_url` cannot be passed when creating a SetupIntent unless "
                "`confirm` is set to true.",
                param="return_url",
                early=True,
            )
        setup_id = self.ids.make("seti")
        setup = Setup(
            id=setup_id,
            created_at=now,
            fields=asked,
            customer=asked.get("customer", ""),
            client_secret=self.ids.secret(setup_id),
        )
        if "payment_method" in asked:
            setup.method = self.methods.find(asked["payment_method"], now)
            self.methods.usable(setup.method, setup.customer)
        if confirm:
            self._ready(setup, asked)
        self.books.add(setup)
        self.notices.setup(setup, "created", now)
        if confirm:
            self.attempt(setup, asked, now)
        return setup

    def read(self, setup_id: str) -> Setup:
        """A set-up by its id."""
        return self.books.get(Setup, setup_id)

    def confirm(self, setup_id: str, asked: Json, now: datetime) -> Setup:
        """Try to store the card."""
        setup = self._open(setup_id, "confirm")
        if "payment_method" in asked:
            method = self.methods.find(asked["payment_method"], now)
            self.methods.usable(method, setup.customer)
            setup.method = method
        self._ready(setup, asked)
        self.attempt(setup, asked, now)
        return setup

    def cancel(self, setup_id: str, asked: Json, now: datetime) -> Setup:
        """Give up a set-up."""
        setup = self._open(setup_id, "cancel")
        setup.canceled_at = now
        setup.cancellation_reason = asked.get("cancellation_reason")
        self.notices.setup(setup, "canceled", now)
        return setup

    def attempt(self, setup: Setup, asked: Json, now: datetime) -> None:
        """Store the card, or ask the payer, or raise the issuer's refusal."""
        method = setup.method
        assert method is not None  # noqa: S101 - it was checked
        setup.challenge, setup.last_error = "", None
        if method.card.does.check == "never":
            self._store(setup, now)
            return
        setup.return_url = asked.get("return_url", "")
        setup.by_script = asked.get("use_stripe_sdk", False) or not setup.return_url
        setup.challenge = self.challenges.open(
            key=setup.client_secret,
            merchant=self.config.merchant_name,
            amount=None,
            card=method.card,
            finish=self._finish(setup, method),
        )
        self.notices.setup(setup, "requires_action", now)

    def _finish(self, setup: Setup, method: Method) -> Callable[[Outcome, datetime], Finished]:
        def finish(outcome: Outcome, now: datetime) -> Finished:
            if outcome == "abandon":
                return Finished()
            if setup.status == "requires_action" and setup.method is method:
                setup.challenge = ""
                if outcome == "approve":
                    with suppress(Refusal):  # the shop reads it from the set-up
                        self._store(setup, now)
                else:
                    self._failed(setup, authentication_failed("setup_intent"), now)
            if setup.after:
                return setup.after(now)
            query = {
                "setup_intent": setup.id,
                "setup_intent_client_secret": setup.client_secret,
                "redirect_status": "succeeded" if setup.done else "failed",
            }
            target = with_query(setup.return_url, urlencode(query)) if setup.return_url else None
            return Finished(redirect=target, result=dict(query))

        return finish

    def _store(self, setup: Setup, now: datetime) -> None:
        method = setup.method
        assert method is not None  # noqa: S101 - there is one to store
        does = method.card.does
        if does.declines and not does.stores_well:
            refused = card_error(does.declines)
            self._failed(setup, refused.error, now)
            refused.error = {
                **refused.error,
                "payment_method": self.views.method(method),
                "setup_intent": self.views.setup(setup),
            }
            raise refused
        setup.done = True
        method.known = True
        if setup.customer:
            self.methods.store(method, setup.customer, now)
        self.notices.setup(setup, "succeeded", now)

    def _failed(self, setup: Setup, error: Json, now: datetime) -> None:
        assert setup.method is not None  # noqa: S101 - it was tried
        setup.last_error = {**error, "payment_method": self.views.method(setup.method)}
        setup.method = None
        setup.challenge = ""
        self.notices.setup(setup, "setup_failed", now)

    def _open(self, setup_id: str, verb: str) -> Setup:
        setup = self.read(setup_id)
        if setup.status not in _OPEN:
            raise Refusal(
                f"You cannot {verb} this SetupIntent because it has a status of {setup.status}.",
                code="setup_intent_unexpected_state",
                setup_intent=self.views.setup(setup),
            )
        return setup

    def _ready(self, setup: Setup, asked: Json) -> None:
        if "confirmation_token" in asked:
            raise no_such(
                "confirmation_token", asked["confirmation_token"], param="confirmation_token"
            )
        if setup.method is None:
            raise Refusal(
                "You cannot confirm this SetupIntent because it's missing a payment method. Update "
                "the SetupIntent with a payment method and then confirm it again.",
                code="setup_intent_unexpected_state",
                setup_intent=self.views.setup(setup),
            )
        if lacks_return_url(setup.fields, asked):
            raise Refusal(
                "This SetupIntent is configured to accept payment methods enabled in your "
                "Dashboard. Because some of these payment methods might redirect your customer off "
                "of your page, you must provide a `return_url`.",
                early=True,
            )
