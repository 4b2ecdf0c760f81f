"""Of the notices 30 % are lost, 10 % come twice, all are shuffled: two sweeps find out the rest."""

from __future__ import annotations

import logging
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs
import pytest

from paykit import Money, NoAnswer, PaykitError, PaymentRequest, PaymentStatus
from paykit.info import Asking
from paykit.models import CaptureMode
from paykit.service import PaymentService, upgrade_database

from ...support.databases import KINDS, fresh_database
from ..shop import Clock
from .schedules.bank import BankConfig, Cashier, Desk, Page, Wire, deliver, json_
from .schedules.book import Account, Book, Manners, Notice
from .schedules.steps import report
from .schedules.verdict import check_events, is_alike, look_up

PAYMENTS = 240
PRICE = Money(150_000, "VND")
#: A quarter of an hour after it began, a payment is asked about; as often as the test likes.
_SOON = Asking(per_minute=1_000_000)
_BAD_NEWS = frozenset({PaymentStatus.FAILED, PaymentStatus.CANCELED, PaymentStatus.EXPIRED})


class Totals(Page):
    info = attrs.evolve(Page.info, asking=_SOON)


class Singly(Cashier):
    info = attrs.evolve(Cashier.info, asking=_SOON)


class Quiet(Page):
    """It tells no bad news."""

    name = "quiet"
    info = attrs.evolve(Page.info, title="Quiet", asking=_SOON, silent_on=_BAD_NEWS)


class Busy(Page):
    """It cannot be asked at first."""

    name = "busy"
    info = attrs.evolve(Page.info, title="Busy", asking=_SOON)


class BusyDesk(Desk):
    """Tells that it is asked too much, or says nothing at all, until it has time."""

    has_time = False
    turned_away = 0

    def serve(self, request):
        if request.moves_money or self.has_time:
            return super().serve(request)
        self.turned_away += 1
        if self.turned_away % 2:
            return attrs.evolve(self._missing(), response=json_({"busy": 60}))
        raise NoAnswer("a timeout")


MANNERS = {
    "page": Manners(slow=3),
    "cashier": Manners(tells_each=True),
    "quiet": Manners(slow=2, silent_on=frozenset(status.value for status in _BAD_NEWS)),
    "busy": Manners(slow=4),
}


class Town:
    """A shop, its providers, and a post office that loses things."""

    def __init__(self, database: str, seed: int) -> None:
        self.clock, self.chance = Clock(), random.Random(seed)
        self.books = {name: Book(manners, self.clock) for name, manners in MANNERS.items()}
        self.desks = {name: Desk(book) for name, book in self.books.items()}
        self.desks["busy"] = BusyDesk(self.books["busy"])
        self.service = PaymentService(
            [
                kind(BankConfig(url=f"https://{kind.name}.example"), clock=self.clock)
                for kind in (Totals, Singly, Quiet, Busy)
            ],
            database=database,
            clock=self.clock,
            transport=Wire(self.desks),
        )
        self.payment_ids: dict[str, str] = {}
        self.told: Counter = Counter()
        self.sent: set[str] = set()

    @property
    def accounts(self) -> list[tuple[str, Account]]:
        return [(name, one) for name, book in self.books.items() for one in book.accounts.values()]

    def create(self) -> None:
        for number in range(PAYMENTS):
            provider = list(MANNERS)[number % len(MANNERS)]
            is_hold = provider == "cashier" and number % 8 == 1
            request = PaymentRequest(
                reference=f"R{number:04d}X",
                amount=PRICE,
                capture=CaptureMode.MANUAL if is_hold else CaptureMode.AUTOMATIC,
                return_url="https://shop.example/back",
            )
            session = self.service.create(request, provider=provider)
            self.payment_ids[request.reference] = session.payment_id

    def pay(self) -> None:
        """Most pay, some at the second try; some give up, or do nothing at all."""
        for name, account in self.accounts:
            book = self.books[name]
            self.clock.pass_(milliseconds=1)
            what = self.chance.choices(["pay", "retry", "failed", "canceled", "expired", ""], _PAY)
            if what == ["retry"]:
                book.end(account, "failed")
            if what in (["pay"], ["retry"]):
                book.pay(account)
            elif what != [""]:
                book.end(account, *what)

    def post(self) -> None:
        """Deliver what is new; of ten notices three are lost, and one comes twice."""
        new = [
            (name, account, notice)
            for name, account in self.accounts
            for notice in account.notices
            if notice.id not in self.sent
        ]
        self.sent |= {notice.id for _, _, notice in new}
        self.chance.shuffle(new)
        lost, twice = len(new) * 3 // 10, len(new) // 10
        arriving = new[lost:] + new[lost : lost + twice]
        self.chance.shuffle(arriving)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda one: self._receive(*one), arriving))
        self.told.update(notices=len(new), lost=lost, doubled=twice)

    def _receive(self, provider: str, account: Account, notice: Notice) -> None:
        receipt = self.service.receive(deliver(account, notice), provider=provider)
        assert receipt.reply.status == 200, receipt

    def command(self) -> None:
        """The shop takes and gives back what it knows of; a person gives back at the console."""
        for name, account in self.accounts:
            payment_id = self.payment_ids[account.reference]
            record = self.service.status(payment_id)
            chance = self.chance.random()
            amount = self.chance.choice([None, Money(60_000, "VND")])
            if record.status is PaymentStatus.AUTHORIZED and chance < 0.8:
                act = self.service.capture if chance < 0.5 else self.service.void
                act(payment_id, *([amount] if chance < 0.5 else []))
            elif record.captured and chance < 0.5:
                self.service.refund(payment_id, amount)
            elif account.captured and chance > 0.8:
                self.books[name].give_back(account, self.chance.choice([50_000, 150_000]))

    def settle(self) -> None:
        """What was taken on happens, or not."""
        for name, account in self.accounts:
            while account.waits:
                self.books[name].settle(account, self.chance.choice(["done", "done", "failed"]))

    def sweep(self) -> None:
        self.clock.pass_(minutes=40)
        report = self.service.reconcile(limit=10_000, paid_within=timedelta(days=1))
        self.told.update(sweeps=1, asked=report.asked)

    def untrue(self) -> Counter:
        """How many records are not as the books, by provider."""
        wrong: Counter = Counter()
        for name, account in self.accounts:
            record = self.service.status(self.payment_ids[account.reference])
            status, captured, refunded = account.truth
            same = (record.captured.minor, record.refunded.minor) == (captured, refunded)
            wrong[name] += not (same and is_alike(record.status.value, status))
        return +wrong


_PAY = [60, 10, 10, 8, 6, 6]


@pytest.mark.parametrize("kind", KINDS)
def test_two_sweeps_find_out_what_was_lost(kind, tmp_path, caplog):
    caplog.set_level(logging.CRITICAL, logger="paykit.service")
    with fresh_database(kind, folder=tmp_path) as database:
        if kind != "sqlite":
            upgrade_database(database)
        town = Town(database, seed=KINDS.index(kind))
        try:
            _live(town)
        finally:
            town.service.close()
    report(f"{kind}: {dict(town.told)}")


def _live(town: Town) -> None:
    town.create()
    town.pay()
    town.post()
    town.command()
    town.settle()
    town.post()
    assert sum(town.untrue().values()) > PAYMENTS / 10  # so much was lost
    town.sweep()
    town.sweep()
    assert set(town.untrue()) == {"busy"}  # nobody could ask it
    assert town.desks["busy"].turned_away >= 2
    town.desks["busy"].has_time = True
    town.sweep()
    town.sweep()
    assert town.untrue() == {}
    found = look_up(town.service._read, town.payment_ids.values())
    assert len(found) == PAYMENTS
    for one in found.values():
        check_events(one.payment, one.events)
        assert [row.state for row in one.commands if row.state in {"reserved", "waiting"}] == []
    with pytest.raises(PaykitError):  # and there is nothing more to give back than was taken
        town.service.refund(_refunded(town), Money(1, "VND"))


def _refunded(town: Town) -> str:
    whole = [one for _, one in town.accounts if one.truth[0] == "refunded"]
    return town.payment_ids[whole[0].reference]
