"""What a browser may know of a payment or an order, as the JSON that it polls.

Minimal, nothing personal, and the same text for the same state, so that its digest is a strong
ETag. The payer's open action is in it, and nothing of an action that is over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from ..errors import PaykitError, StoreUnavailable
from ..models import (
    ConfirmInClient,
    FormPost,
    HandleInClient,
    NextAction,
    Nothing,
    PaymentStatus,
    Redirect,
    ShowQr,
)
from ..money import Money
from ..status import StatusKey, StatusView, Subject
from ..text import unstorable
from . import sessions
from .bulk import among
from .schema import payments
from .state import FINAL, PAID, UNPAID

S = PaymentStatus

#: Seconds until it makes sense to ask again: while a payer is busy, and while a person is.
_SOON: Final = 5
_LATER: Final = 30
_SLOW: Final = frozenset({S.AUTHORIZED, S.NEEDS_REVIEW})
_ASKED_AT_ONCE: Final = 500
_TAG_LENGTH: Final = 20
#: What a browser may know: not the whole record, for that would take twice as long.
_COLUMNS: Final = tuple(
    payments.c[name]
    for name in "payment_id order_id status currency amount expires_at session".split()
)
#: What says which of an order's payments tells how the order stands.
_WEIGHT: Final = (payments.c.pays_order, payments.c.created_at)
#: Several times as fast as the enumeration itself.
_STATUSES: Final = {status.value: status for status in PaymentStatus}
#: Made once: json.dumps would make one for each state.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def load(
    conn: Connection, keys: Collection[StatusKey], now: datetime
) -> dict[StatusKey, StatusView | PaykitError]:
    """How these stand; what is not there is not in the answer.

    For a record that cannot be read there is the error: a newer version may have written it, and
    nobody else shall suffer from that.
    """
    found: dict[StatusKey, StatusView | PaykitError] = {}
    for subject in Subject:
        names = sorted(
            one.name for one in keys if one.subject is subject and not unstorable(one.name)
        )
        for some in _chunks(names):
            asked = _rows_of(subject, conn.dialect.name)
            rows: dict[str, list[Row[Any]]] = {}
            for row in conn.execute(asked, {"names": some}):
                name = row.payment_id if subject is Subject.PAYMENT else row.order_id
                rows.setdefault(name, []).append(row)
            for name, its in rows.items():
                key = StatusKey(subject, name)
                found[key] = _try_view(key, its, now)
    return found


def _try_view(key: StatusKey, rows: Sequence[Row[Any]], now: datetime) -> StatusView | PaykitError:
    """How it stands, by its row or by those of all payments of an order."""
    try:
        row = rows[0] if len(rows) == 1 else max(rows, key=_weight)
        return _view(key.subject, row, now)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is about these rows alone
        unreadable = StoreUnavailable(f"the record of {key.subject} {key.name} cannot be read")
        unreadable.__cause__ = error
        return unreadable


class _Rank(IntEnum):
    """Which of an order's payments tells how the order stands; the highest does."""

    ENDED = 0
    OPEN = 1
    REVIEW = 2
    HELD = 3
    PAID = 4
    PAYS = 5


def _weight(row: Row[Any]) -> tuple[Any, ...]:
    """The row with the greatest one tells of its order; of two equal ones it is the later one."""
    return _rank(row), row.created_at, row.payment_id


def _rank(row: Row[Any]) -> _Rank:
    status = _STATUSES[row.status]
    if row.pays_order is not None:
        return _Rank.PAYS
    if status in PAID:
        return _Rank.PAID
    if status is S.AUTHORIZED:
        return _Rank.HELD
    if status is S.NEEDS_REVIEW:
        return _Rank.REVIEW
    return _Rank.ENDED if status in UNPAID else _Rank.OPEN


@cache
def _rows_of(subject: Subject, dialect: str) -> Select[Any]:
    if subject is Subject.PAYMENT:
        return select(*_COLUMNS).where(among(payments.c.payment_id, "names", dialect))
    return select(*_COLUMNS, *_WEIGHT).where(among(payments.c.order_id, "names", dialect))


def _view(subject: Subject, row: Row[Any], now: datetime) -> StatusView:
    payment_id, order_id, said_status, currency, amount, expires_at, session, *_ = tuple(row)
    status, asked = _STATUSES[said_status], Money(amount, currency)
    final = status in FINAL
    # After the time to pay nothing is shown of what the payer had to do.
    is_open = status is S.REQUIRES_ACTION and (expires_at is None or expires_at > now)
    action = _as_json(sessions.load_action(session)) if is_open and session is not None else None
    said: dict[str, Any] = {"payment_id": payment_id}
    if subject is Subject.ORDER:
        said["order_id"] = order_id
    said |= {
        "status": status.value,
        "final": final,
        "amount": {"minor": amount, "currency": currency, "text": asked.format()},
        "next_action": action,
        "next_poll_seconds": None if final else _LATER if status in _SLOW else _SOON,
    }
    body = _ENCODER.encode(said).encode()
    return StatusView(
        payment_id=payment_id,
        order_id=order_id,
        status=status,
        final=final,
        body=body,
        tag=f'"{hashlib.sha256(body).hexdigest()[:_TAG_LENGTH]}"',
        until=expires_at if action is not None else None,
    )


def _as_json(action: NextAction) -> Mapping[str, Any] | None:
    match action:
        case Redirect(url, app_url, qr_payload):
            more = {"app_url": app_url, "qr_payload": qr_payload}
            given = {name: value for name, value in more.items() if value is not None}
            return {"type": "redirect", "url": url, **given}
        case FormPost(url, fields):
            return {"type": "form_post", "url": url, "fields": [list(one) for one in fields]}
        case ShowQr(payload):
            return {"type": "show_qr", "payload": payload}
        case ConfirmInClient(client_secret):
            return {"type": "confirm_in_client", "client_secret": client_secret}
        case HandleInClient(handed):
            return {"type": "handle_in_client", "action": dict(handed)}
        case Nothing():
            return None


def _chunks(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _ASKED_AT_ONCE):
        yield names[start : start + _ASKED_AT_ONCE]
