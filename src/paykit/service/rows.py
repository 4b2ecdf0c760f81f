"""A payment's record as a row of its table, and back."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from ..models import CaptureMode, Discrepancy, PaymentStatus
from ..money import Money
from ..text import unstorable
from .bulk import Many, Rows
from .fitting import cut, fitting
from .schema import CODE_LENGTH, payments
from .state import PaymentRecord

#: All that has to be known of a payment to apply facts to it: not its session, the largest column.
COLUMNS: Final = tuple(
    payments.c[name]
    for name in (
        "payment_id order_id provider account reference provider_id currency amount captured "
        "refunded received received_at status capture discrepancy code reason sequence created_at "
        "updated_at told_at expires_at pays_order has_movements has_commands check_at"
    ).split()
)
#: What a fact may change; the rest of a row is as it was asked.
_CHANGES: Final = (
    "status",
    "captured",
    "refunded",
    "received",
    "received_at",
    "provider_id",
    "discrepancy",
    "code",
    "reason",
    "sequence",
    "updated_at",
    "told_at",
    "pays_order",
    "has_movements",
    "check_at",
)
#: Several times as fast as the enumerations themselves.
_STATUSES: Final = {status.value: status for status in PaymentStatus}
_CAPTURES: Final = {mode.value: mode for mode in CaptureMode}
_UPDATE: Final = Many(payments, ("payment_id", *_CHANGES), key="payment_id")


def of_reference(provider: str, account: str, reference: str) -> Select[Any]:
    """The row of the payment with this reference."""
    return select(payments).where(
        payments.c.provider == provider,
        payments.c.account == account,
        payments.c.reference == reference,
    )


def load(conn: Connection, payment_id: str) -> PaymentRecord | None:
    """The record of one payment."""
    if unstorable(payment_id):  # an id from an address of the web may be anything
        return None
    row = conn.execute(select(payments).where(payments.c.payment_id == payment_id)).first()
    return None if row is None else to_record(row)


def find(conn: Connection, provider: str, account: str, reference: str) -> PaymentRecord | None:
    """The record of the payment with this reference."""
    row = conn.execute(of_reference(provider, account, fitting(reference))).first()
    return None if row is None else to_record(row)


def lock(conn: Connection, payment_id: str) -> Row[Any] | None:
    """The row of one payment, which stays as it is until this transaction ends."""
    if unstorable(payment_id):
        return None
    return conn.execute(
        select(payments).where(payments.c.payment_id == payment_id).with_for_update()
    ).first()


def to_record(row: Row[Any]) -> PaymentRecord:
    """The record that a row holds."""
    currency = row.currency
    nothing = Money(0, currency)
    return PaymentRecord(
        payment_id=row.payment_id,
        order_id=row.order_id,
        provider=row.provider,
        account=row.account,
        reference=row.reference,
        provider_id=row.provider_id,
        amount=Money(row.amount, currency),
        captured=Money(row.captured, currency) if row.captured else nothing,
        refunded=Money(row.refunded, currency) if row.refunded else nothing,
        received=Money(row.received, currency) if row.received else nothing,
        status=_STATUSES[row.status],
        capture=_CAPTURES[row.capture],
        discrepancy=Discrepancy(row.discrepancy) if row.discrepancy else None,
        code=row.code,
        reason=row.reason,
        sequence=row.sequence,
        created_at=row.created_at,
        updated_at=row.updated_at,
        told_at=row.told_at,
        expires_at=row.expires_at,
        received_at=row.received_at,
    )


def to_row(record: PaymentRecord) -> dict[str, Any]:
    """A new row for a record."""
    return {
        "payment_id": record.payment_id,
        "order_id": record.order_id,
        "provider": record.provider,
        "account": record.account,
        "reference": record.reference,
        "currency": record.amount.currency,
        "amount": record.amount.minor,
        "capture": record.capture.value,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        **changes(record),
    }


def changes(record: PaymentRecord) -> dict[str, Any]:
    """What facts may have changed of a record, as columns."""
    return {
        "status": record.status.value,
        "captured": record.captured.minor,
        "refunded": record.refunded.minor,
        "received": record.received.minor,
        "received_at": record.received_at,
        "provider_id": fitting(record.provider_id),
        "discrepancy": record.discrepancy.value if record.discrepancy else None,
        "code": cut(record.code, CODE_LENGTH),
        "reason": cut(record.reason, CODE_LENGTH),
        "sequence": record.sequence,
        "updated_at": record.updated_at,
        "told_at": record.told_at,
    }


def write(conn: Connection, rows: Rows) -> None:
    """Update payments; each row has its ``payment_id`` and all that may change."""
    _UPDATE.write(conn, rows)
