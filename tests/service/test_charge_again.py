"""A charge whose answer was lost is asked for again as it was, or not at all."""

import contextlib
from datetime import timedelta

import attrs
import pytest

from paykit import Declined, InvalidRequest, OutcomeUnknown, PaymentStatus, PaymentToken
from paykit.provider import Capability

from .cards import Cards, answer, cards, declined, fact, request, told

LOST = OutcomeUnknown("silence")
OTHER = PaymentToken(provider="cards", value="tok_2")


class Forgetful(Cards):
    """A gateway that knows a key for a day."""

    info = attrs.evolve(Cards.info, repeatable_for={Capability.CREATE_PAYMENT: timedelta(days=1)})


@pytest.fixture
def shop(open_service):
    return open_service(providers=[cards(Forgetful)])


def lose(shop):
    shop.transport.answers.append(LOST)
    with pytest.raises(OutcomeUnknown):
        shop.create(request(), provider="cards")


def test_the_same_is_sent_again_under_the_same_key(shop, clock):
    lose(shop)
    clock.now += timedelta(hours=23)
    shop.transport.answers.append(answer("authorized", id="psp-1"))
    session = shop.create(request(), provider="cards")
    assert session.status is PaymentStatus.AUTHORIZED
    assert len({one.header("Key") for one in shop.transport.asked}) == 1


@pytest.mark.parametrize(
    "changes", [{"idempotency_key": "another"}, {"token": OTHER}, {"token": None}]
)
def test_another_key_or_card_would_be_a_second_charge(shop, changes):
    lose(shop)
    asked = attrs.evolve(request(), **changes)
    with pytest.raises(InvalidRequest, match="another key or token"):
        shop.create(asked, provider="cards")
    assert len(shop.transport.asked) == 1


def test_a_new_attempt_after_a_decline_has_a_new_reference(shop):
    shop.transport.answers.append(declined())
    with pytest.raises(Exception, match="no"):
        shop.create(request(), provider="cards")
    with pytest.raises(InvalidRequest, match="a new attempt has a new one"):
        shop.create(attrs.evolve(request(), token=OTHER), provider="cards")
    shop.transport.answers.append(answer("authorized", id="psp-2"))
    again = attrs.evolve(request("R-2"), token=OTHER)
    assert shop.create(again, provider="cards").status is PaymentStatus.AUTHORIZED


def test_what_the_gateway_has_forgotten_is_not_sent_again(shop, clock):
    lose(shop)
    clock.now += timedelta(days=1)
    with pytest.raises(InvalidRequest, match="forgotten the key"):
        shop.create(request(), provider="cards")
    assert len(shop.transport.asked) == 1
    assert shop.status("pay_0001").status is PaymentStatus.PENDING  # and it stays on record


def test_a_gateway_that_promises_nothing_is_not_sent_it_again(open_service):
    shop = open_service(providers=[cards()])
    lose(shop)
    with pytest.raises(InvalidRequest, match="forgotten the key"):
        shop.create(request(), provider="cards")
    assert len(shop.transport.asked) == 1


def test_an_answer_stays_an_answer(shop, clock):
    shop.transport.answers.append(answer("authorized", id="psp-1"))
    first = shop.create(request(), provider="cards")
    clock.now += timedelta(days=9)
    again = shop.create(attrs.evolve(request(), token=OTHER), provider="cards")
    assert (again.payment_id, again.status) == (first.payment_id, first.status)


@pytest.mark.parametrize(
    ("known", "answered", "ends"),
    [
        (["authorized", "canceled"], answer("authorized", id="psp-1"), PaymentStatus.CANCELED),
        (["authorized"], declined(), PaymentStatus.AUTHORIZED),
        (["failed"], answer("succeeded", id="psp-1"), PaymentStatus.SUCCEEDED),
    ],
)
def test_an_answer_after_the_news_is_old_unless_it_tells_of_money(
    shop, clock, known, answered, ends
):
    """The gateway repeats what it answered first; what came of it since, its notices told."""
    lose(shop)
    for status in known:
        shop.receive(told(fact(status)), provider="cards")
    clock.pass_(minutes=5)
    shop.transport.answers.append(answered)
    with contextlib.suppress(Declined):
        shop.create(request(), provider="cards")
    assert shop.status("pay_0001").status is ends
