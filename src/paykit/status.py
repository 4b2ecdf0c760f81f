"""How a payment or an order stands, as a browser gets it: plain values."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, StrEnum
from typing import NamedTuple

import attrs

from .models import PaymentStatus


class Subject(StrEnum):
    """What a status is about."""

    PAYMENT = "payment"
    ORDER = "order"


class StatusKey(NamedTuple):  # it is looked up for every poll, and a tuple is hashed faster
    """Whose status: a payment's or an order's, by its id."""

    subject: Subject
    name: str


@attrs.frozen(slots=True, kw_only=True)
class StatusView:
    """One state as a browser gets it: ``body`` is JSON, ``tag`` a strong entity tag.

    ``until`` is when it is over by itself, for the time to pay runs out then.
    """

    payment_id: str
    order_id: str
    status: PaymentStatus
    final: bool
    body: bytes = attrs.field(repr=False)
    tag: str
    until: datetime | None = None


class Waited(Enum):
    """How waiting for a change ended without one."""

    NO_CHANGE = "no change"
    GONE = "gone"  #: whoever waited has gone
    CLOSED = "closed"  #: nobody tells any more, for the service is closed
