"""Signed MoMo notices for payments that the benchmark's databases hold, as bytes of HTTP requests.

Each is of a payment of its own, but every twentieth, which repeats an earlier one, as providers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paykit import Delivery, Money
from paykit.testing import deliveries

from .fixtures import NOW, momo

AMOUNT = Money(1_579_000, "VND")
#: One in so many repeats the notice of so many before it.
REPEAT_EVERY = 20
REPEAT_AFTER = 50
#: MoMo's own number of a payment is this much more than ours.
PROVIDER_ID = 4_000_000_000
_HEAD = (
    b"POST /webhooks/momo HTTP/1.1\r\n"
    b"Host: shop.example\r\n"
    b"User-Agent: Apache-HttpClient/4.5\r\n"
    b"Content-Type: application/json; charset=UTF-8\r\n"
    b"Content-Length: %d\r\n\r\n%b"
)


@dataclass(frozen=True)
class Notice:
    """One request, and the number of the payment that it is about."""

    number: int
    request: bytes


def reference(number: int | str) -> str:
    return f"order-{number}"


def delivery(number: int) -> Delivery:
    """MoMo tells that this payment is paid."""
    return deliveries.paid(
        momo(),
        reference=reference(number),
        amount=AMOUNT,
        at=NOW,
        provider_id=str(PROVIDER_ID + number),
    )


def signed(number: int) -> bytes:
    body = delivery(number).body
    return _HEAD % (len(body), body)


def notices(numbers: Sequence[int]) -> list[Notice]:
    """The notices of these payments, with repeats between them."""
    made: list[Notice] = []
    for number in numbers:
        if len(made) % REPEAT_EVERY == REPEAT_EVERY - 1 and len(made) > REPEAT_AFTER:
            made.append(made[-REPEAT_AFTER])
        made.append(Notice(number, signed(number)))
    return made
