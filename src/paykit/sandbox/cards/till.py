"""Where money moves: holds, captures, refunds and disputes, at once or when their time comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from ...money import Money
from .state import Capture, CardPayment, Dispute, Move, Refund

if TYPE_CHECKING:
    from ..faults import Faults


class Events(Protocol):
    """What a simulator is told, to tell the merchant in the gateway's own words.

    The state has changed already. A capture or refund that is done at once is told like one that
    took its time, after the simulator has called :meth:`Till.catch_up`.
    """

    def captured(self, capture: Capture, now: datetime) -> None:
        """The money was taken."""

    def capture_failed(self, capture: Capture, now: datetime) -> None:
        """It was not (state ``refused``), or it was taken back (``undone``)."""

    def refunded(self, refund: Refund, now: datetime) -> None:
        """The money was given back."""

    def refund_failed(self, refund: Refund, now: datetime) -> None:
        """It was not (``refused``), or it came back (``undone``)."""

    def voided(self, payment: CardPayment, now: datetime) -> None:
        """The merchant let the hold go."""

    def expired(self, payment: CardPayment, now: datetime) -> None:
        """The rest of the hold has ended by itself."""

    def disputed(self, dispute: Dispute, now: datetime) -> None:
        """The payer complained."""

    def dispute_closed(self, dispute: Dispute, now: datetime) -> None:
        """The complaint was decided: ``won`` or ``lost`` by the merchant."""


@attrs.frozen(kw_only=True)
class Till:
    """Moves money. Amounts are not checked here: what is too much is for each gateway to say.

    Captures and refunds are pending for ``capture_time`` and ``refund_time``, captures also for
    as long as the fault ``delay_capture`` says. ``new_id`` makes ids of disputes.
    """

    events: Events
    faults: Faults
    new_id: Callable[[], str]
    capture_time: timedelta = timedelta(0)
    refund_time: timedelta = timedelta(0)

    @staticmethod
    def hold(payment: CardPayment, amount: Money, *, now: datetime, lasts: timedelta) -> None:
        """Hold money on the payer's card."""
        payment.held = amount
        payment.hold_ends = now + lasts

    def capture(
        self,
        payment: CardPayment,
        amount: Money,
        *,
        capture_id: str,
        now: datetime,
        final: bool = True,
        reference: str = "",
        data: dict[str, Any] | None = None,
    ) -> Capture:
        """Take held money. It is pending until :meth:`catch_up` finds that its time has come."""
        wait = self.capture_time + timedelta(seconds=self.faults.delay_capture)
        capture = Capture(
            id=capture_id,
            payment=payment,
            amount=amount,
            created_at=now,
            due_at=now + wait,
            final=final,
            reference=reference,
            data=data or {},
        )
        payment.captures.append(capture)
        if self.faults.take("fail_next_capture"):
            capture.reason = "refused"
        return capture

    def refund(
        self,
        payment: CardPayment,
        amount: Money,
        *,
        refund_id: str,
        now: datetime,
        reference: str = "",
        data: dict[str, Any] | None = None,
    ) -> Refund:
        """Give money back. It is pending until :meth:`catch_up` finds that its time has come."""
        refund = Refund(
            id=refund_id,
            payment=payment,
            amount=amount,
            created_at=now,
            due_at=now + self.refund_time,
            reference=reference,
            data=data or {},
        )
        payment.refunds.append(refund)
        if self.faults.take("fail_next_refund"):
            refund.reason = "refused"
        return refund

    def void(self, payment: CardPayment, now: datetime) -> None:
        """Let the rest of the hold go."""
        payment.released = "voided"
        self.events.voided(payment, now)

    def catch_up(self, payments: Iterable[CardPayment], now: datetime) -> None:
        """Do what is due. Simulators call it before and after each request."""
        for payment in payments:
            for move in (*payment.captures, *payment.refunds):
                if move.state == "pending" and move.due_at <= now:
                    self.settle(move, now, refused=bool(move.reason))
            if payment.capturable and payment.hold_ends and payment.hold_ends <= now:
                self.expire(payment, now)

    def settle(self, move: Move, now: datetime, *, refused: bool = False) -> None:
        """A pending capture or refund is decided, and what the card brings later happens."""
        move.state = "refused" if refused else "done"
        card = move.payment.card
        later = card.does.later if card else "nothing"
        if isinstance(move, Refund):
            (self.events.refund_failed if refused else self.events.refunded)(move, now)
            if later == "refund_fails" and not refused:
                self.undo(move, now)
        elif isinstance(move, Capture):
            if refused:
                self.events.capture_failed(move, now)
                return
            if move.final and move.payment.capturable:
                move.payment.released = "captured"
            self.events.captured(move, now)
            if later == "capture_fails":
                self.undo(move, now)
            if later == "dispute" and not move.payment.disputes:
                self.dispute(move.payment, now)

    def undo(self, move: Move, now: datetime) -> None:
        """A capture or refund that was done is taken back."""
        move.state = "undone"
        move.reason = move.reason or "undone"
        if isinstance(move, Refund):
            self.events.refund_failed(move, now)
        elif isinstance(move, Capture):
            self.events.capture_failed(move, now)

    def expire(self, payment: CardPayment, now: datetime) -> None:
        """The rest of the hold ends by itself."""
        payment.hold_ends = min(payment.hold_ends or now, now)
        payment.released = "expired"
        self.events.expired(payment, now)

    def dispute(self, payment: CardPayment, now: datetime) -> Dispute:
        """The payer complains about what was taken and not given back."""
        dispute = Dispute(
            id=self.new_id(), payment=payment, amount=payment.refundable, created_at=now
        )
        payment.disputes.append(dispute)
        self.events.disputed(dispute, now)
        return dispute

    def close(self, dispute: Dispute, now: datetime, *, won: bool) -> None:
        """The bank decides."""
        dispute.state = "won" if won else "lost"
        self.events.dispute_closed(dispute, now)
