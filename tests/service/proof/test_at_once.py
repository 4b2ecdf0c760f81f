"""Eight processes, one payment, and all that is told of it at the same moment: one effect of each."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import pytest

from paykit import Money, PaymentRequest
from paykit.models import CaptureMode
from paykit.service import PaymentService, upgrade_database

from ...support.databases import KINDS, fresh_database
from ..shop import Clock, notice
from ..shop import request as redirect
from .crew import SIZE, Crew, Town, as_json, providers
from .schedules.bank import deliver
from .schedules.book import Book, Manners
from .schedules.verdict import check_events, look_up

PRICE = Money(150_000, "VND")


@pytest.fixture(scope="module")
def crew():
    with closing(Crew()) as made:
        yield made


@pytest.fixture
def books():
    clock = Clock()
    return {
        "page": Book(Manners(), clock),
        "cashier": Book(Manners(tells_each=True), clock),
        "forgetful": Book(Manners(repeats=False), clock),
    }


@pytest.fixture
def town(books):
    with closing(Town(books)) as made:
        yield made


@pytest.fixture(params=KINDS)
def database(request, tmp_path):
    with fresh_database(request.param, folder=tmp_path) as url:
        if request.param != "sqlite":
            upgrade_database(url)
        yield url


@pytest.fixture
def service(database, town):
    with PaymentService(providers(town.url), database=database) as made:
        yield made


def test_whatever_is_told_has_one_effect(crew, books, town, database, service):
    """Two notices of each change, lists that overlap, and questions, in eight different orders."""
    payments = {
        "page": _create(service, "page"),
        "cashier": _create(service, "cashier", capture=CaptureMode.MANUAL),
        "vnpay": service.create(redirect("R-vnpay"), provider="vnpay").payment_id,
        "vietqr": _create(service, "vietqr"),
    }
    told = [*_tell_of_page(books["page"]), *_tell_of_hold(books["cashier"]), *_tell_of_vnpay()]
    code = service.status(payments["vietqr"]).reference
    transfers = [(f"t-{amount}", amount, f"CK {code}") for amount in (30_000, 50_000, 70_000)]
    ask = [payments["page"], payments["cashier"]] * 2
    work = {"deliveries": told, "transfers": transfers, "ask": ask}
    results = crew.do([_job(town, database, "hear", **work, turn=turn) for turn in range(SIZE)])

    accepted = Counter(name for one in results for name in one["accepted"])
    assert accepted == {one["name"]: 1 for one in told}
    found = look_up(service._read, payments.values())
    ends = {
        one.payment.provider: (one.payment.status, one.payment.captured, one.payment.refunded)
        for one in found.values()
    }
    assert ends == {
        "page": ("refunded", 150_000, 150_000),
        "cashier": ("partially_refunded", 150_000, 50_000),
        "vnpay": ("succeeded", 150_000, 0),
        "vietqr": ("succeeded", 150_000, 0),
    }
    for one in found.values():
        check_events(one.payment, one.events)
    assert sum(one["events"] for one in results) == sum(len(one.events) for one in found.values())
    ids = [event.event_id for one in found.values() for event in one.events]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("provider", ["page", "forgetful"])
def test_eight_clicks_refund_once(crew, books, town, database, service, provider):
    """Also at a provider that would give the money back as often as it is asked to."""
    book = books[provider]
    for number, (amount, key) in enumerate([(None, None), (50_000, None), (50_000, "mine")]):
        payment_id = _create(service, provider, number=number)
        account = book.accounts[f"R-{provider}-{number}"]
        _pay(service, book, account, provider)
        wish = {"payment_id": payment_id, "amount": amount, "key": key}
        said = crew.do([_job(town, database, "refund", **wish)] * SIZE)
        assert Counter(one[-1] for one in said) == {"sent": 1, "done before": SIZE - 1}
        assert [move.amount for move in account.refunds.values()] == [amount or 150_000]
        record = service.status(payment_id)
        assert (record.refunded.minor, record.sequence) == (amount or 150_000, 2)


def test_eight_different_refunds_are_no_more_than_was_taken(crew, books, town, database, service):
    payment_id = _create(service, "page")
    account = books["page"].accounts["R-page-0"]
    _pay(service, books["page"], account, "page")
    wish = {"payment_id": payment_id, "amount": 60_000}
    said = crew.do(
        [_job(town, database, "refund", **wish, key=f"key-{turn}") for turn in range(SIZE)]
    )
    assert Counter(one[-1] for one in said) == {"sent": 2, "InvalidRequest": SIZE - 2}
    assert service.status(payment_id).refunded.minor == account.refunded == 120_000


def _create(service: PaymentService, provider: str, *, number: int = 0, **more) -> str:
    vietqr = service.providers["vietqr"]
    reference = vietqr.codes.from_number(1) if provider == "vietqr" else f"R-{provider}-{number}"
    request = PaymentRequest(
        reference=reference, amount=PRICE, return_url="https://shop.example/back", **more
    )
    return service.create(request, provider=provider).payment_id


def _pay(service, book, account, provider) -> None:
    book.pay(account)
    for one in account.notices:
        service.receive(deliver(account, one), provider=provider)


def _job(town: Town, database: str, act: str, **values) -> dict:
    return {"town": town.url, "database": database, "act": act, "with": values}


def _tell_of_page(book: Book) -> list[dict]:
    """A try that fails, a payment, and two refunds at the console, each told twice."""
    account = book.accounts["R-page-0"]
    for step in (
        lambda: book.end(account, "failed"),
        lambda: book.pay(account),
        lambda: book.give_back(account, 50_000),
        lambda: book.give_back(account, 100_000),
    ):
        book.clock.pass_(seconds=1)
        step()
        book.tell_again(account)
    return _told("page", account)


def _tell_of_hold(book: Book) -> list[dict]:
    """A hold that is taken in two parts, of which something is given back twice."""
    account = book.accounts["R-cashier-0"]
    book.pay(account)
    for amount, final in ((60_000, False), (90_000, True)):
        book.clock.pass_(seconds=1)
        book.capture(account, amount, f"key-{amount}", final=final)
    for amount in (30_000, 20_000):
        book.clock.pass_(seconds=1)
        book.give_back(account, amount)
    return _told("cashier", account)


def _told(provider: str, account) -> list[dict]:
    return [as_json(provider, one.id, deliver(account, one)) for one in account.notices]


def _tell_of_vnpay() -> list[dict]:
    return [
        as_json("vnpay", code, notice("R-vnpay", code=code, number=number))
        for code, number in (("24", "1"), ("00", "2"))
    ]
