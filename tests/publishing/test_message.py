"""A message and its CloudEvents forms."""

import json
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import InvalidRequest, Money, PaymentProcessed, PaymentStatus
from paykit.events import EVENT_TYPE
from paykit.publishing import Message
from paykit.publishing.message import percent_encoded

from .events import ATTRIBUTES, EVENT, JSON, MESSAGE, SOURCE

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def test_a_message_says_what_its_event_says():
    expected = Message(
        id=EVENT.event_id,
        key="pay_1",
        type=EVENT_TYPE,
        sequence=7,
        time=EVENT.occurred_at,
        payload=json.dumps(EVENT.to_json(), ensure_ascii=False, separators=(",", ":")),
    )
    assert expected == MESSAGE
    assert MESSAGE.event == EVENT


def test_a_message_does_not_show_what_is_in_it():
    assert "Đơn" not in repr(MESSAGE)


def test_an_event_without_a_payment_has_the_key_that_its_cloudevent_has():
    bare = attrs.evolve(EVENT, payment_id=None, sequence=None)
    message = Message.of(bare)
    assert message.key == "vnpay:default:ĐƠN-1"
    assert json.loads(message.structured(SOURCE)) == bare.to_cloudevent(source=SOURCE)
    assert "sequence" not in message.attributes(SOURCE)


def test_attributes_and_headers():
    assert MESSAGE.attributes(SOURCE) == {**ATTRIBUTES, "datacontenttype": JSON}
    assert MESSAGE.headers(SOURCE, "ce_") == {f"ce_{key}": text for key, text in ATTRIBUTES.items()}


def test_time_is_told_in_utc():
    east = timezone(timedelta(hours=7))
    message = attrs.evolve(MESSAGE, time=datetime(2026, 3, 1, 16, 10, tzinfo=east))
    assert message.attributes(SOURCE)["time"] == "2026-03-01T09:10:00Z"


@given(
    event_id=TEXT, key=TEXT, order=TEXT, minor=st.integers(0, 2**63 - 1), sequence=st.integers(1)
)
def test_structured_is_the_cloudevent_of_the_event(event_id, key, order, minor, sequence):
    event = PaymentProcessed(
        event_id=event_id,
        provider="momo",
        reference="r",
        status=PaymentStatus.REFUNDED,
        amount=Money(minor, "VND"),
        occurred_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        payment_id=key,
        order_id=order,
        sequence=sequence,
    )
    structured = Message.of(event).structured(SOURCE)
    assert json.loads(structured) == event.to_cloudevent(source=SOURCE)
    assert Message.of(event).event == event


def test_the_payload_goes_out_to_the_letter():
    """What another version of paykit, or a database, wrote is neither understood nor tidied."""
    odd = '{"b" : 1.50,\n "a":"\\u00e9", "new": [1e3]}'
    assert (
        attrs.evolve(MESSAGE, payload=odd).structured(SOURCE).endswith(f',"data":{odd}}}'.encode())
    )


def test_a_payload_that_is_no_event_says_so_when_it_is_asked():
    with pytest.raises(InvalidRequest, match="not a PaymentProcessed event"):
        _ = attrs.evolve(MESSAGE, payload='{"status":"novelty"}').event


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        # The example of the HTTP binding, section 3.1.3.2.
        ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
        ('a"b%c', "a%22b%25c"),
        ("//shop.example/payments?a=b&c#~", "//shop.example/payments?a=b&c#~"),
        ("line\r\nbreak\x7f", "line%0D%0Abreak%7F"),
        ("Đơn", "%C4%90%C6%A1n"),
    ],
)
def test_percent_encoding(value, encoded):
    assert percent_encoded(value) == encoded
