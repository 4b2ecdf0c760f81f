"""The one event that a saga consumes, and its JSON and CloudEvents forms.

``event_id`` is stable: a repeated notice carries the same one, so consumers can deduplicate.
Statuses that a consumer does not know must be ignored, never treated as paid.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from json.encoder import encode_basestring as _quote
from typing import Any, Final, Self, TypeAlias, TypeVar

import attrs

from .errors import InvalidRequest
from .models import Discrepancy, PaymentStatus
from .money import Money

#: Made once: json.dumps would make one for each call.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
K = TypeVar("K", bound="PaymentProcessed | TransferReceived")

#: A breaking change gets a new type; within ``v1`` fields are only added.
EVENT_TYPE: Final = "io.paykit.payment.processed.v1"


class Source(StrEnum):
    """Where a fact came from."""

    WEBHOOK = "webhook"
    POLL = "poll"
    RETURN = "return"
    API = "api"
    TRANSFER = "transfer"


class MovementKind(StrEnum):
    """Which way money moved."""

    CAPTURE = "capture"
    REFUND = "refund"


@attrs.frozen(slots=True, kw_only=True)
class Movement:
    """One capture or one refund of a payment, by the provider's own ``id`` of it.

    For notices that tell of a single movement and of no total: whoever keeps the total counts each
    once. ``undone``: it was refused, or taken back after it had succeeded; nothing revives it.
    """

    kind: MovementKind
    id: str
    amount: Money
    undone: bool = False


@attrs.frozen(slots=False)  # one is made for each delivery, and a frozen dict is filled faster
class PaymentProcessed:
    """Something happened to a payment, whoever told us and whichever provider it was.

    ``amount`` is what the notice is about; ``captured`` and ``refunded`` are cumulative totals.
    ``movement`` is set where the notice is about one of several captures or refunds.
    ``payment_id``, ``order_id``, ``sequence`` and ``discrepancy`` are filled by the service, which
    knows our record; ``sequence`` counts the events of one payment from 1.
    """

    event_id: str
    provider: str
    reference: str
    status: PaymentStatus
    amount: Money
    occurred_at: datetime
    provider_id: str | None = None
    code: str | None = None
    reason: str | None = None
    captured: Money | None = None
    refunded: Money | None = None
    account: str = "default"
    source: Source = Source.WEBHOOK
    payment_id: str | None = None
    order_id: str | None = None
    sequence: int | None = None
    discrepancy: Discrepancy | None = None
    movement: Movement | None = None

    def to_json(self) -> dict[str, Any]:
        """The event as JSON values; money is ``{"minor": 150000, "currency": "VND"}``."""
        return attrs.asdict(self, value_serializer=_to_json_value, recurse=False)

    def to_text(self) -> str:
        """:meth:`to_json` as text, made four times as fast as by way of a dictionary."""
        # Each name once more, and in the same order: a test compares the two for all fields.
        return (
            f'{{"event_id":{_quote(self.event_id)},"provider":{_quote(self.provider)}'
            f',"reference":{_quote(self.reference)},"status":"{self.status}"'
            f',"amount":{_money_text(self.amount)},"occurred_at":"{_timestamp(self.occurred_at)}"'
            f',"provider_id":{_text(self.provider_id)},"code":{_text(self.code)}'
            f',"reason":{_text(self.reason)},"captured":{_money_text(self.captured)}'
            f',"refunded":{_money_text(self.refunded)},"account":{_quote(self.account)}'
            f',"source":"{self.source}","payment_id":{_text(self.payment_id)}'
            f',"order_id":{_text(self.order_id)},"sequence":{_number_text(self.sequence)}'
            f',"discrepancy":{_text(self.discrepancy)},"movement":{_movement_text(self.movement)}}}'
        )

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The event from :meth:`to_json`; fields that this version does not know are ignored."""
        return _from_json(cls, data)

    def to_cloudevent(self, *, source: str) -> dict[str, Any]:
        """The event as structured CloudEvents 1.0 JSON, keyed by payment.

        ``source`` names the emitting service as a URI reference, e.g. ``//shop.example/payments``.
        See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
        """
        attributes = envelope(
            event_id=self.event_id,
            event_type=EVENT_TYPE,
            source=source,
            key=self.key,
            occurred_at=self.occurred_at,
            sequence=self.sequence,
        )
        return {**attributes, "data": self.to_json()}

    @property
    def key(self) -> str:
        """What events of one payment have in common: a broker keeps the order of each key."""
        return self.payment_id or f"{self.provider}:{self.account}:{self.reference}"


def envelope(
    *,
    event_id: str,
    event_type: str,
    source: str,
    key: str,
    occurred_at: datetime,
    sequence: int | None,
) -> dict[str, str]:
    """The CloudEvents 1.0 attributes of an event, each in its text form, without the data.

    See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and its extensions
    ``partitioning`` and ``sequence``.
    """
    attributes = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": event_type,
        "subject": key,
        "time": _timestamp(occurred_at),
        "datacontenttype": "application/json",
        "partitionkey": key,
    }
    if sequence is not None:
        # The extension orders as text, hence the zeros.
        attributes["sequence"] = f"{sequence:010d}"
    return attributes


@attrs.frozen(slots=True)
class TokenGranted:
    """A payer agreed to a stored way to pay; exchange ``grant`` for a token soon."""

    event_id: str
    provider: str
    reference: str
    customer_id: str
    grant: str = attrs.field(repr=False)
    occurred_at: datetime
    account: str = "default"


@attrs.frozen(slots=True, kw_only=True)
class TransferReceived:
    """Money arrived on a bank account. That is a fact about the account, not yet about a payment.

    ``amount`` is of this one transfer. ``memo`` is the text that came with it, as the bank gave it;
    ``codes`` are the well-formed payment codes in it. ``reference`` is set only where the provider
    itself says which payment it is for (payOS). :func:`paykit.vietqr.matching.judge` says what a
    transfer means for a payment; the service does that with its own records.
    """

    event_id: str
    provider: str
    provider_id: str  #: the transfer's own id, at the provider
    amount: Money
    occurred_at: datetime
    memo: str = attrs.field(default="", repr=False)
    codes: tuple[str, ...] = ()
    reference: str | None = None
    account_number: str | None = attrs.field(default=None, repr=False)  #: where it arrived
    bank_reference: str | None = None
    account: str = "default"

    def to_json(self) -> dict[str, Any]:
        """The transfer as JSON values."""
        return attrs.asdict(self, value_serializer=_to_json_value, recurse=False)

    def to_text(self) -> str:
        """:meth:`to_json` as text."""
        return _ENCODER.encode(self.to_json())

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The transfer from :meth:`to_json`; fields that this version does not know are ignored."""
        return _from_json(cls, data)


Event: TypeAlias = PaymentProcessed | TokenGranted | TransferReceived


def as_return(events: tuple[Event, ...]) -> tuple[Event, ...]:
    """The events of a browser's return, marked as such: they inform and never settle."""
    return tuple(
        attrs.evolve(event, source=Source.RETURN) if isinstance(event, PaymentProcessed) else event
        for event in events
    )


def _from_json(kind: type[K], data: dict[str, Any]) -> K:
    try:
        return kind(
            **{
                field.name: _READERS.get(field.name, _same)(data[field.name])
                for field in attrs.fields(kind)
                if field.name in data
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest(f"not a {kind.__name__} event: {error}") from None


def _same(value: Any) -> Any:
    return value


def _to_json_value(_instance: Any, _attribute: Any, value: Any) -> Any:
    if isinstance(value, Money):
        return {"minor": value.minor, "currency": value.currency}
    if isinstance(value, Movement):
        return attrs.asdict(value, value_serializer=_to_json_value, recurse=False)
    if isinstance(value, datetime):
        return _timestamp(value)
    if isinstance(value, StrEnum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _text(value: str | None) -> str:
    return "null" if value is None else _quote(value)


def _number_text(value: int | None) -> str:
    return "null" if value is None else str(value)


def _money_text(value: Money | None) -> str:
    if value is None:
        return "null"
    return f'{{"minor":{value.minor},"currency":"{value.currency}"}}'


def _movement_text(value: Movement | None) -> str:
    if value is None:
        return "null"
    undone = "true" if value.undone else "false"
    return (
        f'{{"kind":"{value.kind}","id":{_quote(value.id)}'
        f',"amount":{_money_text(value.amount)},"undone":{undone}}}'
    )


@lru_cache(maxsize=1024)  # the times of an event are written several times, one after the other
def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _money(value: Any) -> Money | None:
    return None if value is None else Money(value["minor"], value["currency"])


def _movement(value: Any) -> Movement | None:
    if value is None:
        return None
    amount = Money(value["amount"]["minor"], value["amount"]["currency"])
    return Movement(
        kind=MovementKind(value["kind"]), id=value["id"], amount=amount, undone=value["undone"]
    )


def _discrepancy(value: Any) -> Discrepancy | None:
    return None if value is None else Discrepancy(value)


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "status": PaymentStatus,
    "amount": _money,
    "captured": _money,
    "refunded": _money,
    "occurred_at": datetime.fromisoformat,
    "source": Source,
    "discrepancy": _discrepancy,
    "codes": tuple,
    "movement": _movement,
}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of :meth:`PaymentProcessed.to_json`."""
    text = {"type": "string"}
    money = {
        "type": "object",
        "required": ["minor", "currency"],
        "properties": {
            "minor": {"type": "integer", "description": "minor units: đồng, cents"},
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        },
    }
    special: dict[str, dict[str, Any]] = {
        "status": {"type": "string", "enum": [status.value for status in PaymentStatus]},
        "amount": money,
        "captured": money,
        "refunded": money,
        "occurred_at": {"type": "string", "format": "date-time"},
        "source": {"type": "string", "enum": [source.value for source in Source]},
        "discrepancy": {"type": "string", "enum": [item.value for item in Discrepancy]},
        "sequence": {"type": "integer", "minimum": 1},
        "movement": {
            "type": "object",
            "required": ["kind", "id", "amount", "undone"],
            "properties": {
                "kind": {"type": "string", "enum": [kind.value for kind in MovementKind]},
                "id": text,
                "amount": money,
                "undone": {"type": "boolean"},
            },
        },
    }
    fields = attrs.fields(PaymentProcessed)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "PaymentProcessed",
        "description": EVENT_TYPE,
        "type": "object",
        "required": [field.name for field in fields if field.default is attrs.NOTHING],
        "properties": {
            field.name: special.get(field.name, text)
            if field.default is not None
            else {"anyOf": [special.get(field.name, text), {"type": "null"}]}
            for field in fields
        },
    }
