"""What the service does with payments, written once: generators that yield effects."""

from __future__ import annotations

from ..events import PaymentProcessed, TransferReceived
from ..models import PaymentSession, PaymentStatus
from ..provider import Outcome
from . import browsing, reserving, rows, sessions, timelines, unclaimed
from .browsing import DueCheck, InboxEntry
from .creating import Creating
from .effects import Operation, Read, Transact
from .paging import Page
from .recording import Recorded
from .state import PaymentRecord
from .sweeping import Sweeping
from .timelines import Timeline


class Operations(Sweeping, Creating):
    """The operations over a set of provider accounts."""

    def unmatched(self, after: TransferReceived | None) -> Operation[list[TransferReceived]]:
        """Transfers that no payment is known for."""
        found: list[TransferReceived] = yield Read(lambda conn: unclaimed.unmatched(conn, after))
        return found

    def assign(self, transfer: TransferReceived, payment_id: str) -> Operation[int]:
        """Count an unmatched transfer for a payment; returns how many events that published."""
        recorded: Recorded = yield Transact(
            lambda conn: unclaimed.assign(
                conn, transfer.provider, transfer.account, transfer.event_id, payment_id
            )
        )
        return recorded.events

    def status(self, payment_id: str) -> Operation[PaymentRecord | None]:
        """The record of one payment, or ``None``."""
        record: PaymentRecord | None = yield Read(lambda conn: rows.load(conn, payment_id))
        return record

    def session(self, payment_id: str) -> Operation[PaymentSession | None]:
        """What the payer was told to do, or ``None``."""
        found: reserving.Reserved | None = yield Read(
            lambda conn: reserving.load_session(conn, payment_id)
        )
        if found is None or found.session is None:
            return None
        return sessions.load(found.session, found.record)

    def orphans(self, after: PaymentProcessed | None) -> Operation[list[PaymentProcessed]]:
        """Authentic facts about payments that are not ours, for a person to look at."""
        found: list[PaymentProcessed] = yield Read(lambda conn: unclaimed.orphans(conn, after))
        return found

    def payments(
        self,
        *,
        status: PaymentStatus | None,
        provider: str | None,
        order_id: str | None,
        search: str | None,
        after: str | None,
        limit: int,
    ) -> Operation[Page[PaymentRecord]]:
        """Payments, the newest first."""
        page: Page[PaymentRecord] = yield Read(
            lambda conn: browsing.find_payments(
                conn,
                status=status,
                provider=provider,
                order_id=order_id,
                search=search,
                after=after,
                limit=limit,
            )
        )
        return page

    def timeline(self, payment_id: str) -> Operation[Timeline | None]:
        """All that is on record about one payment."""
        found: Timeline | None = yield Read(lambda conn: timelines.load(conn, payment_id))
        return found

    def inbox(
        self, *, outcome: Outcome | None, after: str | None, limit: int
    ) -> Operation[Page[InboxEntry]]:
        """The facts that were received, the latest first."""
        page: Page[InboxEntry] = yield Read(
            lambda conn: browsing.find_facts(conn, outcome=outcome, after=after, limit=limit)
        )
        return page

    def due(self, limit: int) -> Operation[list[DueCheck]]:
        """What sweeps ask about next, the soonest first."""
        found: list[DueCheck] = yield Read(lambda conn: browsing.due(conn, limit=limit))
        return found
