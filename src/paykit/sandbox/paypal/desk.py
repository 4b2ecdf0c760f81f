"""What happens at PayPal without the merchant: reviews end, eChecks clear, payers complain.

Also what happens by time alone, as far as PayPal reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from .books import Books
from .ids import Ids
from .notices import Notices
from .state import Authorization, Capture, Dispute, Refund


@attrs.frozen(kw_only=True)
class Desk:
    """The other side of the counter."""

    books: Books
    ids: Ids
    notices: Notices

    def catch_up(self, now: datetime) -> None:
        """Report what the clock has brought: refunds that arrived, authorizations that ended."""
        for order in self.books:
            for held in order.authorizations():
                ended = held.voided or held.denied or held.captures or held.child
                if held.expired(now) and not (ended or held.expiry_announced):
                    held.expiry_announced = True
                    held.updated_at = held.expires_at
                    self.notices.authorization(held, "VOIDED", now)
            for capture in order.captures():
                for refund in capture.refunds:
                    if refund.done(now) and not refund.announced:
                        refund.announced = True
                        self.notices.refund(refund, now)

    def find(self, object_id: str) -> Capture | Authorization | None:
        """What an action may be about."""
        return self.books.capture(object_id) or self.books.authorization(object_id)

    def act(self, thing: Capture | Authorization, action: str, now: datetime) -> bool:
        """Do one of the :func:`possible` things; tells whether it was one."""
        if action not in possible(thing, now):
            return False
        _ACTIONS[action](self, thing, now)
        thing.updated_at = now
        self.catch_up(now)
        return True

    def complete(self, capture: Capture, now: datetime) -> None:
        """The eCheck clears, or the review is passed."""
        capture.pending_for = ""
        self.notices.capture(capture, "COMPLETED", now)

    def deny(self, capture: Capture, now: datetime) -> None:
        """The eCheck bounces, or the review is failed."""
        capture.pending_for = ""
        capture.declined = True
        self.notices.capture(capture, "DENIED", now)

    def dispute(self, capture: Capture, now: datetime) -> None:
        """The payer complains."""
        capture.dispute = Dispute(
            id=self.ids.dispute(), capture=capture, created_at=now, updated_at=now
        )
        self.notices.dispute(capture.dispute, "CREATED", now)

    def favour_buyer(self, capture: Capture, now: datetime) -> None:
        """PayPal agrees with the payer, and takes the rest of the money back."""
        reversal = Refund(
            id=self.ids.transaction(),
            capture=capture,
            amount=capture.left,
            total=capture.amount,
            created_at=now,
            done_at=now,
            fields={"note_to_payer": "Payment reversed"},
            reversal=True,
        )
        capture.refunds.append(reversal)
        self._decide(capture, "RESOLVED_BUYER_FAVOUR", now)

    def favour_seller(self, capture: Capture, now: datetime) -> None:
        """PayPal agrees with the merchant."""
        self._decide(capture, "RESOLVED_SELLER_FAVOUR", now)

    def accept(self, held: Authorization, now: datetime) -> None:
        """A review of held money is passed."""
        held.pending_for = ""
        self.notices.authorization(held, "CREATED", now)

    def reject(self, held: Authorization, _now: datetime) -> None:
        """A review is failed. No event is published for that: the merchant has to ask."""
        held.pending_for = ""
        held.denied = True

    def expire(self, held: Authorization, now: datetime) -> None:
        """Its time is over, without waiting for 29 days."""
        for one in (held, held.parent, held.child):
            if one:
                one.expires_at = min(one.expires_at, now)

    def _decide(self, capture: Capture, outcome: str, now: datetime) -> None:
        assert capture.dispute is not None  # noqa: S101 - only then it is possible
        capture.dispute.resolve(outcome, now)
        self.notices.dispute(capture.dispute, "RESOLVED", now)


#: The actions by the names that they have in addresses; each takes what it is possible for.
_ACTIONS: Final[Mapping[str, Callable[[Desk, Any, datetime], None]]] = {
    "complete": Desk.complete,
    "deny": Desk.deny,
    "dispute": Desk.dispute,
    "favour-buyer": Desk.favour_buyer,
    "favour-seller": Desk.favour_seller,
    "accept": Desk.accept,
    "reject": Desk.reject,
    "expire": Desk.expire,
}


def possible(thing: Capture | Authorization, now: datetime) -> tuple[str, ...]:
    """The actions that make sense now."""
    if isinstance(thing, Authorization):
        status = thing.status(now)
        review = ("accept", "reject") if status == "PENDING" else ()
        live = status in {"PENDING", "CREATED", "PARTIALLY_CAPTURED"} and not thing.expired(now)
        return (*review, "expire") if live else ()
    if thing.pending_for:
        return ("complete", "deny")
    if thing.disputed:
        return ("favour-buyer", "favour-seller")
    disputable = not thing.declined and thing.dispute is None and bool(thing.left)
    return ("dispute",) if disputable else ()
