"""Payments by redirect in bulk: each is cancelled and then paid, which makes two events of it."""

import asyncio

from paykit.provider import utc_now
from paykit.service import AsyncPaymentService

from ...shop import notice, request, vnpay


def make_events(database, numbers, *, clock=utc_now):
    """Two events for each payment; on a server what comes at once is committed in groups."""
    asyncio.run(_make(database, list(numbers), clock))


async def _make(database, numbers, clock):
    async with AsyncPaymentService([vnpay()], database=database, clock=clock) as service:
        await asyncio.gather(
            *(service.create(request(reference(one)), provider="vnpay") for one in numbers)
        )
        await _tell(service, [notice(reference(one), code="24", number="0") for one in numbers])
        await _tell(service, [notice(reference(one), number=f"1{one}") for one in numbers])


async def _tell(service, deliveries):
    done = await asyncio.gather(*(service.receive(one, provider="vnpay") for one in deliveries))
    assert [receipt.published for receipt in done] == [1] * len(deliveries)


def reference(number):
    """Ours of a payment."""
    return f"REDIRECT-{number}"
