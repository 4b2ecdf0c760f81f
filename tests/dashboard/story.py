"""A shop in which everything has happened that the dashboard shows."""

from datetime import timedelta

import attrs
import pytest
from sqlalchemy import create_engine, insert, select

from paykit import Money, NoAnswer, OutcomeUnknown, PaymentRequest
from paykit.service import RelaySettings
from paykit.service.schema import inbox, payments

from ..service.cards import answer, cards, moved, told
from ..service.refunding import Asked
from ..service.shop import momo, notice, request, vnpay
from ..service.test_browsing import change
from ..service.test_reconcile import ASKING
from ..service.test_transfers import CODE, transfer, vietqr

MINUTE = timedelta(minutes=1)
#: Asked soon, and given up after three days.
INFO = attrs.evolve(Asked.info, title="Cards", asking=ASKING)


class Desk(Asked):
    name = "cards"
    info = INFO


def providers():
    return [vnpay(), vnpay("eu", "SHOP0002"), momo(), vietqr(), cards(Desk)]


#: One try for each event, so that some die.
SETTINGS = {"relay": RelaySettings(max_attempts=2, behind_dead=True)}


def take_card(shop, number, status="succeeded", amount=150_000):
    shop.transport.answers.append(answer(status, id=f"psp-{number}"))
    asked = PaymentRequest(
        reference=f"C-{number}", order_id=f"order-{number}", amount=Money(amount, "VND")
    )
    return shop.create(asked, provider="cards").payment_id


def refund_in_parts(shop, clock):
    """A payment of which a part was given back by us, and a part at the provider's console."""
    payment_id = take_card(shop, 3, amount=12_450_000)
    clock.pass_(minutes=7)
    shop.transport.answers.append(answer("succeeded", id="re-1", amount=450_000))
    shop.refund(payment_id, Money(450_000, "VND"), description="one cup was broken")
    clock.pass_(minutes=12, seconds=3)
    again = moved("refund", "re-2", 2_000_000, provider_id="psp-3", reference="C-3")
    shop.receive(told(again), provider="cards")
    return payment_id


def live_through(shop, clock):
    """Days in the life of a shop; returns the id of the payment with the longest story."""
    # Four days ago: a refund that nobody can tell the end of.
    lost = take_card(shop, 1)
    clock.pass_(minutes=31, milliseconds=250)
    shop.transport.answers.append(OutcomeUnknown("no answer within 10 s"))
    with pytest.raises(OutcomeUnknown):
        shop.refund(lost, Money(50_000, "VND"), idempotency_key="refund-of-order-1")
    open_ = take_card(shop, 2, status="requires_action")
    clock.pass_(days=4)
    shop.transport.answers += [NoAnswer("the provider does not answer")] * 2
    shop.reconcile()
    # Today.
    publish(shop, "order-")
    rich = refund_in_parts(shop, clock)
    publish(shop)
    for number in range(1, 9):
        provider = "vnpay-eu" if number == 4 else "vnpay"
        amount = 150_000 * number
        asked = request(f"2026030{number}-0{number}", amount, order_id=f"SO-{1040 + number}")
        shop.create(asked, provider=provider)
        clock.pass_(minutes=3, seconds=number)
        if number not in {4, 8}:
            code = "24" if number == 5 else "00"
            paid = amount - 50_000 if number == 3 else amount
            shop.receive(
                notice(asked.reference, paid, code=code, number=str(14422570 + number)),
                provider="vnpay",
            )
            publish(shop, "SO-1041", "SO-1042" if number == 2 else "-")
    shop.receive(notice("NOT-OURS", 50_000, number="14429999"), provider="vnpay")
    shop.create(
        PaymentRequest(reference=CODE, order_id="SO-1050", amount=Money(150_000, "VND")),
        provider="vietqr",
    )
    shop.record_transfers(
        [
            transfer(100_000, number=1, at=clock.now),
            transfer(35_000, "cam on shop", 2, at=clock.now),
            transfer(
                120_000,
                "MBVCB.7781234567.thanh toan don hang CT tu 0071001234567 NGUYEN VAN A",
                3,
                at=clock.now,
            ),
        ],
        provider="vietqr",
    )
    clock.pass_(minutes=2)
    return rich, lost, open_


def publish(shop, *refused):
    """Relay what waits; a handler refuses the events of these orders."""

    def handler(event):
        if any(event.order_id.startswith(order) for order in refused):
            raise ValueError(f"the warehouse does not know {event.order_id}")

    shop.service._handlers[:] = [handler]
    while shop.relay():
        pass


#: Of each table what has to differ, and what it is sorted by.
_COPIED = {
    payments: ("payment_id", "reference", "created_at"),
    inbox: ("event_id", "payment_id", "received_at"),
}


def copy(site, many):
    """Make so many more of the only payment and of its fact, each a minute older."""
    engine = create_engine(site.database)
    for table, (one, other, time) in _COPIED.items():
        with engine.connect() as connection:
            row = connection.execute(select(table)).mappings().one()
        copies = [
            {
                **row,
                one: f"{row[one]}-{number:03}",
                other: f"{row[other]}-{number:03}",
                time: row[time] - number * MINUTE,
            }
            for number in range(1, many + 1)
        ]
        change(site.database, insert(table).values(copies))
    engine.dispose()
