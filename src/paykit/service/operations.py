"""What the service does with payments, written once: generators that yield effects."""

from __future__ import annotations

from ..events import PaymentProcessed, TransferReceived
from ..models import PaymentSession
from . import reserving, rows, sessions, unclaimed
from .creating import Creating
from .effects import Operation, Read, Transact
from .recording import Recorded
from .state import PaymentRecord
from .sweeping import Sweeping


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
