"""A payment's record as a row of its table, and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    false,
    or_,
    select,
)

from ..models import CaptureMode, Discrepancy, PaymentStatus
from ..money import Money
from ..text import unstorable
from .bulk import Many, Rows
from .fitting import cut, fitting
from .quick import nothing
from .schema import CODE_LENGTH, payments
from .state import PaymentRecord

#: The names of a provider and of an account there.
Account: TypeAlias = tuple[str, str]
_NAMES: Final = (
    "payment_id order_id provider account reference provider_id currency amount captured "
    "refunded received received_at status capture discrepancy code reason sequence "
    "created_at updated_at told_at expires_at"
).split()
_columns_of: Final = attrgetter(*_NAMES)
#: What a record is made of.
COLUMNS: Final = tuple(payments.c[name] for name in _NAMES)
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
    "checks",
    "given_up_at",
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


def at_accounts(accounts: Collection[Account], columns: Any = payments.c) -> ColumnElement[bool]:
    """Whether a payment is at one of these accounts; ``columns`` are those of its table."""
    return or_(
        false(),
        *(
            and_(columns.provider == provider, columns.account == account)
            for provider, account in accounts
        ),
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
    return of_columns(_columns_of(row))


def of_columns(values: Iterable[Any]) -> PaymentRecord:
    """The record in the values of :data:`COLUMNS`."""
    (
        payment_id, order_id, provider, account, reference, provider_id, currency, amount, captured,
        refunded, received, received_at, status, capture, discrepancy, code, reason, sequence,
        created_at, updated_at, told_at, expires_at,
    ) = values  # fmt: skip
    zero = nothing(currency)
    return PaymentRecord(
        payment_id=payment_id,
        order_id=order_id,
        provider=provider,
        account=account,
        reference=reference,
        provider_id=provider_id,
        amount=Money(amount, currency),
        captured=Money(captured, currency) if captured else zero,
        refunded=Money(refunded, currency) if refunded else zero,
        received=Money(received, currency) if received else zero,
        status=_STATUSES[status],
        capture=_CAPTURES[capture],
        discrepancy=Discrepancy(discrepancy) if discrepancy else None,
        code=code,
        reason=reason,
        sequence=sequence,
        created_at=created_at,
        updated_at=updated_at,
        told_at=told_at,
        expires_at=expires_at,
        received_at=received_at,
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
