"""A shop with six ways to be paid, the books of its providers, and what is common to all lives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any
from zlib import crc32

from sqlalchemy import insert, select

from paykit import Customer, Money, VietQR
from paykit.models import CaptureMode, PaymentStatus
from paykit.service import PaymentService, rows
from paykit.service.schema import payments
from paykit.service.state import PaymentRecord
from paykit.testing import deliveries

from ...shop import START, Clock, vnpay
from .bank import BankConfig, Cashier, Deaf, Desk, Forgetful, Page, Said, Wire, deliver
from .book import Account, Book, Manners, Notice
from .life import AMOUNT, Life, knowledge_of

ACCOUNT_NUMBER = "0071001234567"
#: How each provider goes about it, and the kinds of payments that it has.
MANNERS = {
    "deaf": Manners(tells_each=True, slow=1),
    "cashier": Manners(tells_each=True),
    "page": Manners(slow=3),
    "forgetful": Manners(repeats=False),
    "vnpay": Manners(),
    "vietqr": Manners(),
}
KINDS = {
    "deaf": ["page", "hold"],
    "cashier": ["page", "hold"],
    "page": ["page", "hold"],
    "forgetful": ["page"],
    "vnpay": ["vnpay"],
    "vietqr": ["transfer"],
}
BANKS = [Deaf, Cashier, Page, Forgetful]
_ASKED = {"cashier", "page", "forgetful"}
_RETURNS = {"cashier", "page", "forgetful", "vnpay"}


class Worker:
    """One process of the shop's, with a clock of its own."""

    def __init__(self, providers: list, database: str, **settings: Any) -> None:
        self.service = PaymentService(providers, database=database, **settings)
        self.operations = self.service._operations
        self.database = self.service._database


class Shop:
    """The service over one database, and the books of all providers.

    ``skews``: there are so many workers, whose clocks are wrong by that.
    """

    customer = Customer(ip="203.0.113.9")

    def __init__(self, database: str, *, skews: Sequence[timedelta] = (timedelta(0),)) -> None:
        self.clock = Clock()
        self.books = {name: Book(manners, self.clock) for name, manners in MANNERS.items()}
        self.desks = {name: Desk(book) for name, book in self.books.items()}
        self.vietqr = VietQR.from_dict(
            {"bank": "VCB", "account_number": ACCOUNT_NUMBER}, clock=self.clock
        )
        self.vnpay = vnpay()
        ids = count(1)
        self.workers = [
            Worker(
                [*map(self._bank, BANKS), self.vnpay, self.vietqr],
                database,
                clock=partial(_wrong, self.clock, skew),
                transport=Wire(self.desks),
                new_id=lambda: f"{next(ids):06d}",
                single_process=len(skews) == 1,
            )
            for skew in skews
        ]
        self.database = self.workers[0].database
        #: Our records as they were last looked at, by reference.
        self.records: dict[str, Any] = {}

    def _bank(self, kind: type[Deaf]) -> Deaf:
        return kind(BankConfig(url=f"https://{kind.name}.example"), clock=self.clock)

    def worker_of(self, life: Life) -> Worker:
        """Whose turn it is."""
        return self.workers[(life.calls + crc32(life.reference.encode())) % len(self.workers)]

    def close(self) -> None:
        for worker in self.workers:
            worker.service.close()

    def read(self, body: Any) -> Any:
        """What the database has."""
        return self.database.read(body)

    # New payments.

    def open(self, provider: str, number: int, kind: str, order: str, steps: Sequence) -> Life:
        """A life; without a step that creates it, its payment has to be born."""
        reference = f"P{number:06d}X"
        if kind == "transfer":
            reference = self.vietqr.codes.from_number(number)
        life = Life(self, kind, provider, reference, order, steps)
        life.knowledge = knowledge_of(kind)
        if kind in {"transfer", "vnpay"} or steps[0].name != "create":
            # There is no call by which VNPay or a bank would hear of it.
            life.account = self.books[provider].open(reference, AMOUNT, manual=kind == "hold")
        return life

    def bear(self, lives: Sequence[Life]) -> None:
        """Payments that were asked for before, all in one go."""
        born = [life for life in lives if not life.steps or life.steps[0].name != "create"]
        if not born:
            return
        for life in born:
            life.payment_id = f"pay_{life.reference}"
        values = [{**rows.to_row(self._record(life)), "check_at": None} for life in born]
        self.database.transact(lambda conn: conn.execute(insert(payments), values)).result()
        self.look(born)
        for life in born:
            life.record = self.records[life.reference]

    def _record(self, life: Life) -> PaymentRecord:
        nothing = Money(0, "VND")
        return PaymentRecord(
            payment_id=life.payment_id,
            order_id=life.order,
            provider=life.provider,
            account="default",
            reference=life.reference,
            amount=Money(AMOUNT, "VND"),
            capture=CaptureMode.MANUAL if life.kind == "hold" else CaptureMode.AUTOMATIC,
            status=PaymentStatus.REQUIRES_ACTION,
            captured=nothing,
            refunded=nothing,
            received=nothing,
            created_at=START,
            updated_at=START,
        )

    def look(self, lives: Sequence[Life]) -> None:
        """Read the records of these payments."""
        columns = (
            payments.c.reference,
            payments.c.payment_id,
            payments.c.status,
            payments.c.captured,
            payments.c.refunded,
            payments.c.sequence,
        )
        names = sorted(life.reference for life in lives)
        asked = select(*columns).where(payments.c.reference.in_(names))
        found = {row[0]: row for row in self.read(lambda conn: conn.execute(asked).all())}
        for life in lives:
            row = found.get(life.reference)
            self.records.pop(life.reference, None)
            if row is not None:
                life.payment_id = row[1]
                self.records[life.reference] = tuple(row[2:])

    # At the providers.

    def settle_all(self) -> None:
        """Whatever was taken on happens."""
        for book in self.books.values():
            for account in book.accounts.values():
                while account.waits:
                    book.settle(account, "done")

    def serve(self, life: Life, request: Any) -> Said:
        """What a provider says to a call."""
        said = self.desks[life.provider].serve(request)
        life.account = self.books[life.provider].accounts.get(life.reference)
        return said

    def card_of(self, life: Life) -> str | None:
        """The card of a payment: a good or a bad one, or none where the payer goes to a page."""
        if life.provider in {"vnpay", "vietqr"}:
            return None
        return ["good", "good", "bad", None, None][crc32(life.reference.encode()) % 5]

    def can_ask(self, life: Life) -> bool:
        return life.provider in _ASKED

    def has_returns(self, life: Life) -> bool:
        return life.provider in _RETURNS

    # On their way to the shop.

    def receive(self, on: Worker, life: Life, notice: Notice) -> Any:
        """The operation that takes a notice."""
        match life.provider:
            case "vietqr":
                return self.list_(on, life, [notice])
            case "vnpay":
                tell = deliveries.webhook
                return on.operations.receive(self._vnpay(tell, life.account, notice), "vnpay")
        return on.operations.receive(deliver(life.account, notice), life.provider)

    def come_back(self, on: Worker, life: Life, notice: Notice) -> Any:
        """The operation that takes the browser's return, which knows what the notice says."""
        if life.provider == "vnpay":
            back = self._vnpay(deliveries.returned, life.account, notice)
        else:
            back = deliver(life.account, notice, back=True)
        return on.operations.receive_return(back, life.provider)

    def list_(self, on: Worker, life: Life, notices: Sequence[Notice]) -> Any:
        """The operation that takes transfers from a list."""
        transfers = [
            self.vietqr.received(
                transfer_id=notice.told.movement[1],
                amount=notice.told.movement[2],
                memo=f"CK {life.reference} tks",
                occurred_at=notice.at,
                account_number=ACCOUNT_NUMBER,
            )
            for notice in notices
        ]
        return on.operations.record_transfers(transfers, "vietqr")

    def _vnpay(self, tell: Any, account: Account, notice: Notice) -> Any:
        return tell(
            self.vnpay,
            "paid" if notice.told.captured else notice.told.status,
            reference=account.reference,
            amount=Money(account.amount, "VND"),
            at=notice.at,
            provider_id=str(10_000_000 + crc32(notice.id.encode()) % 90_000_000),
        )


def _wrong(clock: Clock, skew: timedelta) -> datetime:
    return clock() + skew
