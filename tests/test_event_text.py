"""The text of an event says what its JSON values say, whatever is in the fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import attrs
from hypothesis import given
from hypothesis import strategies as st

from paykit import Discrepancy, Money, PaymentProcessed, PaymentStatus
from paykit.events import Movement, MovementKind, Source

TEXTS = st.text(max_size=20)
MONEY = st.builds(
    Money, st.integers(-(2**62), 2**62), st.sampled_from(["VND", "USD", "BHD", "CLF"])
)
ZONES = st.sampled_from(
    [UTC, timezone(timedelta(hours=7)), timezone(timedelta(hours=-3, minutes=-30))]
)
TIMES = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9999, 1, 1),  # noqa: DTZ001
    timezones=ZONES,
)
EVENTS = st.builds(
    PaymentProcessed,
    event_id=TEXTS,
    provider=TEXTS,
    reference=TEXTS,
    status=st.sampled_from(PaymentStatus),
    amount=MONEY,
    occurred_at=TIMES,
    provider_id=st.none() | TEXTS,
    code=st.none() | TEXTS,
    reason=st.none() | TEXTS,
    captured=st.none() | MONEY,
    refunded=st.none() | MONEY,
    account=TEXTS,
    source=st.sampled_from(Source),
    payment_id=st.none() | TEXTS,
    order_id=st.none() | TEXTS,
    sequence=st.none() | st.integers(1, 2**31),
    discrepancy=st.none() | st.sampled_from(Discrepancy),
    movement=st.none()
    | st.builds(
        Movement,
        kind=st.sampled_from(MovementKind),
        id=TEXTS,
        amount=MONEY,
        undone=st.booleans(),
    ),
)


@given(EVENTS)
def test_the_text_says_what_the_values_say(event: PaymentProcessed):
    said = json.loads(event.to_text())
    assert said == event.to_json()
    assert list(said) == [field.name for field in attrs.fields(PaymentProcessed)]
    assert PaymentProcessed.from_json(said) == event


def test_letters_stay_as_they_are_and_nothing_is_blank():
    event = PaymentProcessed(
        event_id='a "b"\n',
        provider="momo",
        reference="Đơn-1",
        status=PaymentStatus.SUCCEEDED,
        amount=Money(150_000, "VND"),
        occurred_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    assert event.to_text() == (
        r'{"event_id":"a \"b\"\n","provider":"momo","reference":"Đơn-1","status":"succeeded"'
        ',"amount":{"minor":150000,"currency":"VND"},"occurred_at":"2026-01-02T03:04:05Z"'
        ',"provider_id":null,"code":null,"reason":null,"captured":null,"refunded":null'
        ',"account":"default","source":"webhook","payment_id":null,"order_id":null'
        ',"sequence":null,"discrepancy":null,"movement":null}'
    )
