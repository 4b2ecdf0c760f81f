"""The life of one payment: its steps are taken, and each change is held against what is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any
from zlib import crc32

import attrs

from paykit import (
    Declined,
    InvalidRequest,
    Money,
    NotFound,
    Outcome,
    OutcomeUnknown,
    PaymentRequest,
    PaymentToken,
    RequestInProgress,
    StoreUnavailable,
)
from paykit.flow import run
from paykit.models import CaptureMode
from paykit.service import commands
from paykit.service.effects import Read, Talk
from paykit.service.recording import News

from .bank import Said
from .book import UNPAID, Account, Notice, Told
from .knowledge import WAITING, Knowledge
from .steps import Crash, Step

if TYPE_CHECKING:
    from .shops import Shop, Worker

AMOUNT = 150_000
#: What may come of a call that could not be done; anything else is a fault of the service.
REFUSALS = (
    Declined, InvalidRequest, NotFound, OutcomeUnknown, RequestInProgress, StoreUnavailable,
)  # fmt: skip
#: Their notices tell of refunds by what was given back in all.
_TELL_SUMS = {"page", "forgetful"}
_TAKEN = {Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.MISMATCH, Outcome.UNKNOWN_REFERENCE}


@attrs.frozen
class Tx:
    """A transaction that a life waits for. ``doom``: it dies at that statement about ``life``."""

    database: Any
    body: Any
    life: Life | None
    doom: int | None = None


#: A life yields transactions and is sent what became of them: a value, or an error.
Living = Generator[Tx, Any, None]


@attrs.define(eq=False)
class Operation:
    """A call of the service under way."""

    step: Step
    worker: Worker
    flow: Generator[Any, Any, Any]
    notice: Notice | None = None
    told: list[Told] = attrs.field(factory=list)
    effect: Any = None
    effects: int = 0  #: how many it has had
    is_over: bool = False
    result: Any = None
    error: Exception | None = None


@attrs.define(eq=False)
class Life:
    """One payment and all that happens around it."""

    shop: Shop
    kind: str
    provider: str
    reference: str
    order: str
    steps: Sequence[Step]
    account: Account | None = None
    payment_id: str | None = None
    knowledge: Any = None
    #: What our record says, as it was last looked at: status, captured, refunded, sequence.
    record: tuple[str, int, int, int] | None = None
    journal: list[str] = attrs.field(factory=list)
    heard: set[str] = attrs.field(factory=set)
    orphans: list[Told] = attrs.field(factory=list)
    under_way: list[Operation] = attrs.field(factory=list)
    to_repeat: list[Step] = attrs.field(factory=list)
    wishes: set = attrs.field(factory=set)
    done: Counter = attrs.field(factory=Counter)
    calls: int = 0
    deaths: int = 0

    # The phases of a life.

    def live(self) -> Living:
        """Take the steps."""
        for step in self.steps:
            yield from getattr(self, f"_{step.name}")(step, *step.values)

    def go_home(self) -> Living:
        """End what is under way, and do again what came to nothing."""
        while self.under_way:
            yield from self._drive(self.under_way[0], None)
        again, self.to_repeat[:] = list(self.to_repeat), []
        for step in again:
            once_more = attrs.evolve(step, crash=None, pause=None)
            yield from getattr(self, f"_{step.name}")(once_more, *step.values)

    def hear_all(self) -> Living:
        """Hear what was not heard yet."""
        while self._waiting():
            yield from self._hear(Step("hear"), 0)

    # What happens at the provider.

    def _pay(self, _step: Step) -> Living:
        self._at_provider("pay")
        yield from ()

    def _end(self, _step: Step, status: str) -> Living:
        self._at_provider("end", status)
        yield from ()

    def _desk(self, _step: Step, amount: int) -> Living:
        self._at_provider("give_back", amount)
        yield from ()

    def _settle(self, _step: Step, state: str) -> Living:
        self._at_provider("settle", state)
        yield from ()

    def _retell(self, _step: Step) -> Living:
        self._at_provider("tell_again")
        yield from ()

    def _transfer(self, _step: Step, amount: int) -> Living:
        self._at_provider("transfer", amount)
        yield from ()

    def _at_provider(self, what: str, *values) -> None:
        if self.account is not None:
            self.shop.clock.pass_(milliseconds=1)
            getattr(self.shop.books[self.provider], what)(self.account, *values)
            self.note(f"at the provider: {what} {' '.join(map(str, values))}: {self.account.truth}")

    # What the shop hears.

    def _hear(self, step: Step, place: int) -> Living:
        waiting = self._waiting()
        if waiting:
            yield from self._receive(step, waiting[place % len(waiting)])

    def _again(self, step: Step, place: int) -> Living:
        heard = [one for one in self._notices() if one.id in self.heard]
        if heard:
            yield from self._receive(step, heard[place % len(heard)])

    def _receive(self, step: Step, notice: Notice) -> Living:
        call = self.shop.receive
        yield from self._begin(step, lambda on: call(on, self, notice), notice, [notice.told])

    def _list(self, step: Step, place: int) -> Living:
        """All transfers so far but some, as a list from the bank."""
        listed = self._notices()[place % 3 :]
        if listed:
            told = [one.told for one in listed]
            yield from self._begin(step, lambda on: self.shop.list_(on, self, listed), told=told)

    def _poll(self, step: Step) -> Living:
        if self.payment_id and self.shop.can_ask(self):
            yield from self._begin(step, lambda on: on.operations.refresh(self.payment_id))

    def _come_back(self, step: Step) -> Living:
        notices = self._notices()
        if notices and self.shop.has_returns(self):
            latest = notices[-1]
            yield from self._begin(step, lambda on: self.shop.come_back(on, self, latest))

    def _notices(self) -> list[Notice]:
        return self.account.notices if self.account else []

    def _waiting(self) -> list[Notice]:
        busy = {one.notice.id for one in self.under_way if one.notice}
        rest = [one for one in self._notices() if one.id not in self.heard]
        early = [one for one in rest if not one.is_last]
        return [one for one in early or rest if one.id not in busy]

    # What the shop does.

    def _create(self, step: Step) -> Living:
        card = self.shop.card_of(self)
        token = PaymentToken(provider=self.provider, value=card) if card else None
        request = PaymentRequest(
            reference=self.reference,
            order_id=self.order,
            amount=Money(AMOUNT, "VND"),
            capture=CaptureMode.MANUAL if self.kind == "hold" else CaptureMode.AUTOMATIC,
            token=token,
            return_url="https://shop.example/back",
            customer=self.shop.customer,
        )
        yield from self._begin(step, lambda on: on.operations.create(request, self.provider))

    def _capture(self, step: Step, amount: int | None, key: str, final: bool) -> Living:
        if self.knowledge.seen[0] in WAITING | UNPAID and not self._is_bold():
            return
        money, name = self._wish("capture", amount, key)
        wanted = commands.to_capture(self.payment_id or "", money, name, final=final)
        yield from self._command(step, wanted)

    def _is_bold(self) -> bool:
        """Whether this shop asks for what is refused before it is sent: one in four."""
        return crc32(self.reference.encode()) % 4 == 0

    def _void(self, step: Step) -> Living:
        if self.knowledge.seen[0] in WAITING | UNPAID and not self._is_bold():
            return
        yield from self._command(step, commands.to_void(self.payment_id or "", None))

    def _refund(self, step: Step, amount: int | None, key: str) -> Living:
        if not self.knowledge.seen[1] and not self._is_bold():
            return
        money, name = self._wish("refund", amount, key)
        yield from self._command(step, commands.to_refund(self.payment_id or "", money, name, ""))

    def _wish(self, kind: str, amount: int | None, key: str) -> tuple[Money | None, str | None]:
        money = None if amount is None else Money(amount, "VND")
        name = f"{self.reference}-{kind}-{amount}-{key}" if key else None
        if self.payment_id:
            self.wishes.add((kind, name or amount))
        return money, name

    def _command(self, step: Step, wanted: commands.Wanted) -> Living:
        if self.payment_id:
            yield from self._begin(step, lambda on: on.operations.command(wanted))

    # Operations, effect by effect.

    def _go_on(self, _step: Step, place: int) -> Living:
        if self.under_way:
            yield from self._drive(self.under_way[place % len(self.under_way)], 1)

    def _begin(
        self,
        step: Step,
        call: Callable[[Worker], Any],
        notice: Notice | None = None,
        told: Sequence[Told] = (),
    ) -> Living:
        """Call the service of the worker whose turn it is."""
        worker = self.shop.worker_of(self)
        self.calls += 1
        operation = Operation(step, worker, call(worker), notice, list(told))
        self.note(f"{operation.step}")
        self.under_way.append(operation)
        self._advance(operation, None, None)
        yield from self._drive(operation, operation.step.pause)

    def _drive(self, operation: Operation, effects: int | None) -> Living:
        """Perform so many effects of an operation, or all."""
        while not operation.is_over and effects != 0:
            effects = None if effects is None else effects - 1
            crash = operation.step.crash
            if crash is not None and crash.effect != operation.effects:
                crash = None
            if crash is not None and crash.where == "before":
                self._die(operation, "before effect")
                break
            value, error = yield from self._perform(operation, crash)
            operation.effects += 1
            if crash is not None and crash.where in {"inside", "after"}:
                self._die(operation, "inside effect" if error else "after effect")
                break
            self._advance(operation, value, error)
        if operation.is_over:
            self._finish(operation)

    def _perform(self, operation: Operation, crash: Crash | None) -> Generator[Tx, Any, Any]:
        """One transaction or call: its value, and its error."""
        if isinstance(operation.effect, Talk):
            return self._talk(operation, crash.where if crash else "")
        doom = crash.statement if crash is not None and crash.where == "inside" else None
        value, error = yield Tx(operation.worker.database, operation.effect.body, self, doom)
        told = []
        if error is None:
            told, operation.told = self.in_time(operation.effect.body, operation.told), []
        self.compare(told)
        return value, error

    def _talk(self, operation: Operation, fault: str) -> tuple[Any, Exception | None]:
        heard: list[Said] = []

        def perform(request):
            if fault == "unsent":
                raise OutcomeUnknown("nobody knows whether it arrived")
            said = self.shop.serve(self, request)
            if fault == "lost":
                raise OutcomeUnknown("the answer is lost")
            heard.append(said)
            return said.response

        try:
            value, error = run(operation.effect.flow(), perform), None
        except Exception as raised:  # noqa: BLE001 - it is the operation's own
            value, error = None, raised
        operation.told += [said.told for said in heard if said.told is not None]
        if heard or fault in {"unsent", "lost"}:
            self.note(f"  asked, {fault or error or [said.told for said in heard]}")
        return value, error

    def _advance(self, operation: Operation, value: Any, error: Exception | None) -> None:
        """Up to the next transaction or call; reads are done at once."""
        flow = operation.flow
        try:
            effect = flow.send(value) if error is None else flow.throw(error)
            while isinstance(effect, Read):
                effect = flow.send(operation.worker.database.read(effect.body))
            operation.effect = effect
        except StopIteration as stop:
            operation.is_over, operation.result = True, stop.value
        except REFUSALS as refused:
            operation.is_over, operation.error = True, refused

    def _die(self, operation: Operation, where: str) -> None:
        self.note(f"  {operation.step.name} died {where} {operation.effects}")
        operation.flow.close()
        self.deaths += 1
        self.under_way.remove(operation)
        self._repeat(operation)

    def _finish(self, operation: Operation) -> None:
        self.under_way.remove(operation)
        error = operation.error
        self.note(f"  {operation.step.name}: {error or _short(operation.result)}")
        self.done[operation.step.name] += 1
        if isinstance(error, OutcomeUnknown | RequestInProgress | StoreUnavailable):
            self._repeat(operation)
            return
        # Transfers have no reply: they are taken, or there was an error.
        outcome = getattr(operation.result, "outcome", Outcome.ACCEPTED)
        if operation.notice is not None and outcome in _TAKEN:
            self.heard.add(operation.notice.id)

    def _repeat(self, operation: Operation) -> None:
        if operation.step.name in {"create", "capture", "void", "refund", "list"}:
            self.to_repeat.append(operation.step)

    # What must hold.

    def in_time(self, body: Any, told: Sequence[Told]) -> list[Told]:
        """What counts of an answer: other news may have been quicker, and then only money does."""
        as_of = body.as_of if isinstance(body, News) else None
        overtaken = as_of is not None and self.record is not None and as_of != self.record[3]
        return [one for one in told if one.captured or not overtaken]

    def compare(self, told: list[Told]) -> None:
        """Our record after a commit is what is known now; what is new made exactly one event."""
        before, self.record = self.record, self.shop.records.get(self.reference)
        if self.record is None:
            self.orphans += told
            return
        if before is None:
            # The row is there now; what was told of it before counts in its order.
            told = [*self.orphans, *told]
        *seen, sequence = self.record
        events = sum(self.knowledge.hear(self._with_sum(one)) for one in told)
        made = sequence - (before[3] if before else 0)
        if made == events + 1 and self.knowledge.refusals:
            self.knowledge.refusals -= 1
            events += 1
        self.note(f"  committed {told}: {self.record}")
        assert _alike(tuple(seen), self.knowledge.seen), (seen, self.knowledge.seen)
        assert made == events, f"{made} events, not {events}"
        self.look_at_money()

    def _with_sum(self, told: Told) -> Told:
        """Of a refund of ours it is also known what had been given back when it was written down.

        So where notices tell sums, our record may be ahead of them; never of the truth, see below.
        """
        one_of_ours = told.movement is not None and told.movement[0] == "refund"
        if not one_of_ours or told.is_refusal or self.provider not in _TELL_SUMS:
            return told
        return attrs.evolve(told, refunded=self.record[2])

    def look_at_money(self) -> None:
        """Never more than the provider's own totals."""
        _, captured, refunded, _ = self.record
        truly = self.account.truth if self.account else ("", 0, 0)
        assert captured <= truly[1], "more captured than truly was"
        assert refunded <= truly[2], "more refunded than truly was"

    def note(self, text: str) -> None:
        """Write down what happened."""
        self.journal.append(text)


def _alike(one: tuple, other: tuple) -> bool:
    """Whether two say the same; that somebody waits is said in two ways."""
    both_wait = one[0] in WAITING and other[0] in WAITING
    return one[1:] == other[1:] and (both_wait or one[0] == other[0])


def _short(result: Any) -> str:
    return getattr(result, "outcome", None) or type(result).__name__


def knowledge_of(kind: str) -> Any:
    """What is known of a new payment."""
    from .knowledge import Transfers

    return Transfers(AMOUNT) if kind == "transfer" else Knowledge(AMOUNT)
