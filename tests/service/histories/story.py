"""One history: a shop, its payers, their banks and a gateway, each step given as values."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count

import attrs

from paykit.errors import (
    Declined,
    InvalidRequest,
    MalformedResponse,
    NotFound,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    RequestInProgress,
)
from paykit.events import PaymentProcessed
from paykit.http import Delivery, HttpRequest, HttpResponse
from paykit.models import (
    CaptureMode,
    Customer,
    PaymentRequest,
    PaymentToken,
    Redirect,
)
from paykit.money import Money
from paykit.provider import Outcome
from paykit.service import PaymentService

from .gateways import Gateway

PRICE = Money(150_000, "VND")
#: What may come of a command that could not be done. Anything else is a fault of somebody's.
REFUSALS = (Declined, InvalidRequest, NotFound, NotSent, OutcomeUnknown, RequestInProgress)
#: How far the shop believes what it hears.
_TAKEN = {Outcome.ACCEPTED, Outcome.DUPLICATE}


@attrs.define
class Paying:
    """One payment: what the shop asked, and where its payer's browser is."""

    request: PaymentRequest
    payment_id: str = ""
    page: str = ""  #: where the payer is, or could go
    back: str = ""  #: where the payer's browser came back to
    #: The captures that were asked for by key or amount, and whether they release the rest.
    asked: dict = attrs.field(factory=dict)
    refunds: dict = attrs.field(factory=dict)


class Wire:
    """The network between the shop and the gateway, which loses what it is told to lose.

    ``fault`` meets the next call that moves money: it is ``unsent``, its answer is ``lost``, or
    ``meanwhile`` is run ``before`` the gateway hears of it or ``after``, before the shop does.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.fault = ""
        self.meanwhile = lambda: None
        #: How much of each kind was moved under each key.
        self.moved: Counter = Counter()

    def send(self, request: HttpRequest) -> HttpResponse:
        fault = ""
        if request.moves_money:
            fault, self.fault = self.fault, ""
        if fault == "unsent":
            raise OutcomeUnknown("nobody knows")
        if fault == "before":
            self.meanwhile()
        response = self.perform(request)
        if fault == "after":
            self.meanwhile()
        if fault == "lost":
            raise OutcomeUnknown("the answer was lost")
        return response

    def perform(self, request: HttpRequest) -> HttpResponse:
        key = next((v for k, v in request.headers if "idempotency-key" in k.lower()), "")
        before = self.count()
        response = self.gateway.send(request)
        if key:
            path = request.url.rpartition("/")[2]
            self.moved.update(
                {(key, path, kind): n - before[kind] for kind, n in self.count().items()}
            )
            for (_, where, kind), times in self.moved.items():
                assert times <= 1, f"{times} {kind} under one key at {where}"
        return response

    def count(self) -> dict[str, int]:
        found = list(self.gateway.all_payments())
        return {
            "holds": sum(one.held is not None for one in found),
            "captures": sum(len(one.captures) for one in found),
            "refunds": sum(len(one.refunds) for one in found),
        }

    def close(self) -> None:
        pass


class Story:
    """A shop with one gateway, whose notices come when somebody lets them."""

    def __init__(self, gateway: Gateway, database: str) -> None:
        self.gateway, self.clock = gateway, gateway.clock
        self.wire = Wire(gateway)
        ids = count(1)
        self.service = PaymentService(
            [gateway.provider],
            database=database,
            transport=self.wire,
            clock=self.clock,
            new_id=lambda: f"{next(ids):04d}",
            single_process=True,
        )
        self.payings: list[Paying] = []
        self.heard: set[str] = set()  #: ids of notices
        self.dropped: set[str] = set()
        self.events = 0

    def close(self) -> None:
        self.service.close()
        self.gateway.close()

    def step(self, name: str, who: int, *values) -> None:
        """Do one thing for one of the payments."""
        self.clock.pass_(seconds=1)
        if name == "create":
            self.create(*values)
        else:
            getattr(self, name)(self.payings[who % len(self.payings)], *values)
        for paying in self.payings:
            self.look(paying)

    # What the shop does.

    def create(self, mode: CaptureMode, number: str | None, fault: str) -> None:
        """Ask for a payment with a card, or with a page of the gateway's."""
        reference = f"ORDER-{len(self.payings) + 1}"
        token = None
        if number is not None:
            value = self.gateway.token(number)
            token = PaymentToken(provider=self.gateway.name, value=value)
        request = PaymentRequest(
            reference=reference,
            amount=PRICE,
            capture=self.gateway.capture_mode(mode),
            token=token,
            return_url="https://shop.example/return?cart=7",
            customer=Customer(id="customer-7", email="an@example.com", ip="203.0.113.7"),
            extra=self.gateway.extra(),
        )
        paying = Paying(request)
        self.payings.append(paying)
        self.ask(paying, fault)

    def ask(self, paying: Paying, fault: str) -> None:
        """The same request, for the first time or again."""

        def create() -> None:
            session = self.service.create(paying.request, provider=self.gateway.name)
            paying.payment_id = session.payment_id
            if isinstance(session.next, Redirect):
                paying.page = paying.page or session.next.url

        self.command(create, fault)
        found = self.service._read(lambda conn: _payment_id(conn, paying.request.reference))
        paying.payment_id = found or ""

    def again(self, paying: Paying) -> None:
        self.ask(paying, "")

    def capture(self, paying: Paying, minor: int | None, final: bool, own: str, fault: str) -> None:
        """Take what is held, or a part of it; ``own`` is a key of the shop's."""
        if not paying.payment_id:
            return
        amount = None if minor is None else Money(minor, "VND")
        # One key is always for one capture.
        key = f"{paying.payment_id}-{own}-{minor}" if own else None
        final = paying.asked.setdefault(key or (amount or PRICE).minor, final)

        def capture() -> None:
            done = self.service.capture(paying.payment_id, amount, idempotency_key=key, final=final)
            self.events += done.published

        self.command(capture, fault)

    def void(self, paying: Paying, fault: str) -> None:
        if paying.payment_id:
            self.command(lambda: self.service.void(paying.payment_id), fault)

    def refund(self, paying: Paying, minor: int | None, number: int, fault: str) -> None:
        """Give back all that is left or a part; the same number is the same refund."""
        if not paying.payment_id:
            return
        minor = paying.refunds.setdefault(number, minor)
        amount = None if minor is None else Money(minor, "VND")
        key = f"{paying.payment_id}-back-{number}"

        def refund() -> None:
            done = self.service.refund(paying.payment_id, amount, idempotency_key=key)
            self.events += done.published

        self.command(refund, fault)

    def sweep(self, paying: Paying) -> None:
        """Whatever was left open is asked about, or sent again."""
        self.events += self.service.reconcile().published

    def refresh(self, paying: Paying) -> None:
        if paying.payment_id and self.gateway.answers:
            self.command(lambda: self.service.refresh(paying.payment_id), "")

    def command(self, do, fault: str) -> None:
        """Do it, whatever the network does to it."""
        self.wire.fault = fault
        if fault.startswith("news "):
            self.wire.fault = fault.removeprefix("news ")
            self.wire.meanwhile = self.hear_all
        else:
            self.wire.meanwhile = lambda: self.attempt(do)
        self.attempt(do)
        self.wire.fault = ""

    def attempt(self, do) -> None:
        refused = None
        try:
            do()
        except REFUSALS:
            pass
        except MalformedResponse as error:
            # Checkout.com: of a payment whose payer has not answered yet nothing was done.
            if "at least one action" not in str(error):
                raise
        except ProviderError as error:
            refused = type(error)
        assert refused in {None, ProviderError}  # a plain no of the gateway's

    # What payers and banks do.

    def pay(self, paying: Paying, number: str, outcome: str) -> None:
        """The payer does something on the page where the browser is."""
        if not paying.page:
            return
        if "/3ds/" in paying.page:
            target = self.gateway.submit(paying.page, outcome=outcome)
        elif outcome == "abandon":
            target = self.gateway.submit(paying.page, outcome="leave")
        else:
            form = {**self.gateway.typed(number), "outcome": "pay"}
            target = self.gateway.submit(paying.page, **form)
        if target and target.startswith("https://shop.example"):
            paying.back = target
        elif target:
            paying.page = target

    def go_through(self, paying: Paying, number: str) -> None:
        """The payer does all that is asked, and returns."""
        for _ in range(2):
            if not paying.back:
                self.pay(paying, number, "approve")
        self.come_back(paying)

    def come_back(self, paying: Paying) -> None:
        """The browser returns to the shop, perhaps not for the first time."""
        if paying.back:
            query = paying.back.partition("?")[2].partition("#")[0]
            done = self.service.receive_return(Delivery.get(query), provider=self.gateway.name)
            self.events += done.published

    def lie(self, paying: Paying) -> None:
        """Somebody returns who has not been anywhere."""
        before = self.snapshot()
        for query in (
            "redirectResult=forged&cart=7",
            "payment_intent=pi_forged&redirect_status=succeeded",
            "cko-session-id=sid_forgedforgedforgedforgedforge&approved=true",
            "sessionId=CSforged&sessionResult=forged",
        ):
            done = self.service.receive_return(Delivery.get(query), provider=self.gateway.name)
            assert not done.verified
        assert self.snapshot() == before

    def desk(self, paying: Paying, action: str) -> None:
        """Something happens behind the gateway's counter, if it can."""
        for payment in self.gateway.payments(paying.request.reference):
            things = [payment, *payment.captures, *payment.refunds, *payment.disputes]
            for thing in things:
                if action in self.gateway.simulator._desk.possible(thing):
                    self.gateway.submit(
                        f"http://127.0.0.1:8100/{self.gateway.name}/_sandbox/{thing.id}/{action}"
                    )
                    return

    def fail(self, paying: Paying, what: str) -> None:
        """The next capture or refund comes to nothing."""
        setattr(self.gateway.faults, f"fail_next_{what}", 1)

    def wait(self, paying: Paying, seconds: int) -> None:
        self.clock.pass_(seconds=seconds)
        self.gateway.catch_up()

    # What the shop hears.

    def waiting(self) -> list:
        found, early = [], True
        for notice in self.gateway.notices():
            last = self.gateway.last is not None and self.gateway.last in notice.request.body
            open_ = notice.id not in self.heard
            if open_ and notice.id not in self.dropped and (early or not last):
                found.append(notice)
            early = early and not open_
        return found

    def hear(self, paying: Paying, place: int) -> None:
        """One notice of those that wait, the oldest or any other."""
        waiting = self.waiting()
        if waiting:
            self.take(waiting[place % len(waiting)])

    def hear_all(self) -> None:
        for notice in self.waiting():
            self.take(notice)

    def everything(self, paying: Paying) -> None:
        self.hear_all()

    def hear_again(self, paying: Paying, place: int) -> None:
        """A notice that was heard before changes nothing."""
        heard = [one for one in self.gateway.notices() if one.id in self.heard]
        if heard:
            before = self.snapshot()
            self.take(heard[place % len(heard)])
            assert self.snapshot() == before

    def drop(self, paying: Paying, place: int) -> None:
        """A notice is lost on its way, for now."""
        waiting = self.waiting()
        if waiting:
            self.dropped.add(waiting[place % len(waiting)].id)

    def forge(self, paying: Paying, place: int) -> None:
        """A notice that somebody has changed is refused."""
        notices = self.gateway.notices()
        if not notices:
            return
        delivery = self.gateway.delivery(notices[place % len(notices)])
        for old, new in ((b"150000", b"150001"), (b'"true"', b'"false"'), (b"ORDER-", b"ORDER-9")):
            if old in delivery.body:
                before = self.snapshot()
                forged = attrs.evolve(delivery, body=delivery.body.replace(old, new))
                receipt = self.service.receive(forged, provider=self.gateway.name)
                assert receipt.outcome is Outcome.BAD_SIGNATURE
                assert self.snapshot() == before

    def take(self, notice) -> None:
        receipt = self.service.receive(self.gateway.delivery(notice), provider=self.gateway.name)
        assert receipt.reply.status == 200, (receipt, notice.request.body)
        taken = _TAKEN | ({Outcome.MISMATCH} if self.is_part_of_whole() else set())
        assert receipt.outcome in taken, (receipt, notice.request.body)
        self.events += receipt.published
        self.heard.add(notice.id)
        self.dropped.discard(notice.id)

    def is_part_of_whole(self) -> bool:
        """Whether the shop takes a part by itself of what was to be taken whole, and was not."""
        return any(one.request.capture == "automatic" and one.asked for one in self.payings)

    # What holds at any time.

    def record(self, paying: Paying):
        return self.service.status(paying.payment_id) if paying.payment_id else None

    def snapshot(self) -> list:
        return [self.record(one) for one in self.payings]

    def look(self, paying: Paying) -> None:
        """Nothing counts here that the gateway's books never had."""
        record = self.record(paying)
        if record is None:
            return
        attempts = self.gateway.payments(record.reference)
        # What Adyen's account takes by itself counts from the authorisation on.
        at_once = {"pending", "refused"} if self.gateway.habits.automatic else set()
        moved = {"done", "undone"} | at_once
        captures = [one for payment in attempts for one in payment.captures if one.state in moved]
        refunds = [one for payment in attempts for one in payment.refunds if one.state in moved]
        assert record.captured.minor <= sum(one.amount.minor for one in captures), record
        assert record.refunded.minor <= sum(one.amount.minor for one in refunds), record

    # The end.

    def settle(self, order: str, redeliver: bool) -> None:
        """Everything that is under way arrives; what was dropped comes again or is asked about."""
        self.wait(self.payings[0], 600)
        if not self.gateway.answers or redeliver:
            self.dropped.clear()
        for notice in self.gateway.notices():
            if self.gateway.untold and self.gateway.untold in notice.request.body:
                self.dropped.discard(notice.id)
        self.hear_in(order)
        if not self.dropped:
            return
        for paying in self.payings:
            try:
                self.events += self.service.refresh(paying.payment_id) if paying.payment_id else 0
            except (InvalidRequest, NotFound):
                # The shop does not know the gateway's name of it.
                self.dropped.clear()
        self.hear_in(order)

    def hear_in(self, order: str) -> None:
        """All that waits, in this order; about what waits something new may be told."""
        while waiting := self.waiting():
            if order == "backwards":
                waiting.reverse()
            elif order == "mixed":
                waiting = waiting[1::2] + waiting[::2]
            for notice in waiting:
                self.take(notice)


def _payment_id(conn, reference: str) -> str | None:
    return conn.exec_driver_sql(
        "SELECT payment_id FROM paykit_payments WHERE reference = ?", (reference,)
    ).scalar()


def outbox(story: Story) -> list[PaymentProcessed]:
    """All events, as they would be published."""
    rows = story.service._read(
        lambda conn: conn.exec_driver_sql(
            "SELECT payload FROM paykit_outbox ORDER BY aggregateid, sequence"
        ).all()
    )
    return [PaymentProcessed.from_json(json.loads(row[0])) for row in rows]
