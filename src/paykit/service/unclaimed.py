"""Facts that belong to no payment on record, for a person to look at."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Connection, select, tuple_

from ..errors import InvalidRequest
from ..events import PaymentProcessed, Source, TransferReceived
from ..provider import Outcome
from . import recording, rows
from .recording import Recorded, same_fact
from .schema import inbox

#: So many facts a person is shown at once.
_A_PAGE: Final = 100


def orphans(conn: Connection, after: PaymentProcessed | None = None) -> list[PaymentProcessed]:
    """Authentic facts about payments that we do not have, the oldest first."""
    unknown = inbox.c.source != Source.TRANSFER.value
    return [PaymentProcessed.from_json(fact) for fact in _of_nobody(conn, unknown, after)]


def unmatched(conn: Connection, after: TransferReceived | None = None) -> list[TransferReceived]:
    """Transfers that no payment is known for, the oldest first."""
    transfers = inbox.c.source == Source.TRANSFER.value
    return [TransferReceived.from_json(fact) for fact in _of_nobody(conn, transfers, after)]


def assign(
    conn: Connection, provider: str, account: str, event_id: str, payment_id: str
) -> Recorded:
    """Count an unmatched transfer for the payment that a person chose.

    Raises :class:`InvalidRequest` unless both are there, of one account, and the transfer is still
    free.
    """
    chosen = rows.lock(conn, payment_id)
    row = conn.execute(
        select(inbox.c.fact, inbox.c.received_at)
        .where(
            inbox.c.provider == provider,
            inbox.c.account == account,
            inbox.c.event_id == event_id,
            inbox.c.payment_id.is_(None),
            inbox.c.source == Source.TRANSFER.value,
        )
        .with_for_update()
    ).first()
    if row is None:
        raise InvalidRequest("there is no such unmatched transfer", field="event_id")
    if chosen is None:
        raise InvalidRequest("there is no such payment", field="payment_id")
    if (chosen.provider, chosen.account) != (provider, account):
        # What that account tells of the payment would hide one of the two sums.
        raise InvalidRequest("is a payment at another account", field="payment_id")
    transfer = TransferReceived.from_json(json.loads(row.fact))
    events = recording.reapply(conn, payment_id, [(transfer, row.received_at)])
    outcome = conn.execute(select(inbox.c.outcome).where(same_fact(transfer))).scalar_one()
    return Recorded(Outcome(outcome), events)


def _of_nobody(
    conn: Connection, kind: Any, after: PaymentProcessed | TransferReceived | None
) -> list[dict[str, Any]]:
    """The first hundred facts of this kind without a payment; those behind ``after`` if given."""
    place = (inbox.c.received_at, inbox.c.provider, inbox.c.account, inbox.c.event_id)
    facts = select(inbox.c.fact).where(inbox.c.payment_id.is_(None), kind)
    if after is not None:
        last = conn.execute(select(*place).where(same_fact(after))).first()
        if last is None:
            raise InvalidRequest("is not on record", field="after")
        facts = facts.where(tuple_(*place) > tuple_(*last, types=[column.type for column in place]))
    found = conn.execute(facts.order_by(*place).limit(_A_PAGE))
    return [json.loads(fact) for (fact,) in found]
