"""Events for the tests of this folder, and names that no other run uses."""

import time
import uuid
from datetime import UTC, datetime

import attrs

from paykit import BrokerUnavailable, Money, PaymentProcessed, PaymentStatus
from paykit.publishing import Message

SOURCE = "//shop.example/payments"
EVENT = PaymentProcessed(
    event_id="3c5f0f3fb3a1b7a5c1f1f0a9e1f2d3c4",
    provider="vnpay",
    reference="ĐƠN-1",
    status=PaymentStatus.SUCCEEDED,
    amount=Money(150_000, "VND"),
    occurred_at=datetime(2026, 3, 1, 9, 10, tzinfo=UTC),
    payment_id="pay_1",
    order_id="Đơn hàng số 1 — 💳",
    sequence=7,
)
MESSAGE = Message.of(EVENT)
#: Its attributes, as a consumer finds them, whatever the transport.
ATTRIBUTES = {
    "specversion": "1.0",
    "id": "3c5f0f3fb3a1b7a5c1f1f0a9e1f2d3c4",
    "source": "//shop.example/payments",
    "type": "io.paykit.payment.processed.v1",
    "subject": "pay_1",
    "time": "2026-03-01T09:10:00Z",
    "partitionkey": "pay_1",
    "sequence": "0000000007",
}
JSON = "application/json"
STRUCTURED = "application/cloudevents+json; charset=UTF-8"


def some(count, *, start=0):
    """Messages of as many payments."""
    return [
        Message.of(attrs.evolve(EVENT, event_id=f"event-{number}", payment_id=f"pay_{number}"))
        for number in range(start, start + count)
    ]


def insist(publisher, messages, *, seconds=20):
    """Publish as a relay does: again and again while the broker takes nothing."""
    until = time.monotonic() + seconds
    while True:
        try:
            return publisher.publish(messages)
        except BrokerUnavailable:
            if time.monotonic() > until:
                raise


def unique(name):
    return f"paykit-{name}-{uuid.uuid4().hex[:12]}"


def foreign(event):
    """What the CNCF's own SDK has read, to be compared with ours."""
    attributes = event.get_attributes()
    assert attributes.pop("time") == EVENT.occurred_at
    return attributes, event.get_data()


def ours():
    """What it should have read."""
    attributes = {**ATTRIBUTES, "datacontenttype": JSON}
    del attributes["time"]
    return attributes, EVENT.to_json()
