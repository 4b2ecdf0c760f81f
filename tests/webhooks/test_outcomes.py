"""What an authentic notice does, provider by provider, at the mounted endpoint.

``shop.expect`` compares the reply to the byte and counts the rows in the database.
"""

import asyncio

import pytest

from .senders import SENDERS

EACH = pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.key)


@EACH
def test_paid_once_and_told_for_ever(shop, sender):
    number = shop.number()
    payment = shop.create(sender, number)
    call = sender.notice(number)
    shop.expect(sender, call, "one")
    assert shop.state(payment) == ("succeeded", None)
    shop.expect(sender, call, "again taken")
    assert shop.state(payment) == ("succeeded", None)


@EACH
def test_twenty_at_once_are_one(shop, sender):
    number = shop.number()
    payment = shop.create(sender, number)
    call, rows = sender.notice(number), shop.rows()

    async def burst():
        return await asyncio.gather(*(shop._request("POST", sender.key, call) for _ in range(20)))

    replies = sorted(answer.reply for answer, _ in shop.runner.run(burst()))
    assert replies == sorted([sender.taken, *[sender.again_taken] * 19])
    after = shop.rows()
    assert (after[0] - rows[0], after[1] - rows[1], after[2] - rows[2]) == (1, 1, 0)
    assert shop.state(payment) == ("succeeded", None)


@EACH
def test_an_unknown_reference_is_kept(shop, sender):
    number = shop.number()
    call = sender.notice(number)
    shop.expect(sender, call, "orphan")
    # and counts as soon as the payment is there, once
    payment = shop.create(sender, number)
    assert shop.state(payment) == ("succeeded", None)
    shop.expect(sender, call, "again taken")


@EACH
@pytest.mark.parametrize(
    ("amount", "discrepancy"),
    [(149_999, "underpaid"), (150_001, "overpaid"), (1, "underpaid")],
)
def test_another_amount_is_for_a_person(shop, sender, amount, discrepancy):
    number = shop.number()
    payment = shop.create(sender, number)
    call = sender.notice(number, amount=amount)
    shop.expect(sender, call, "review")
    assert shop.state(payment) == ("needs_review", discrepancy)
