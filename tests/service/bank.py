"""A gateway with books of its own, which gives back what it is told to, once or twice, soon or later."""

import json
from itertools import count

import attrs

from paykit import DuplicateReference, Movement, MovementKind, NotFound, OutcomeUnknown
from paykit.info import RefundNotices
from paykit.provider import Capability

from .cards import answer, declined, fact, no
from .refunding import at
from .test_capture import part

PRICE = 150_000


@attrs.define
class Given:
    """One refund in the books. ``state``: pending, done, failed, or undone after it was done."""

    id: str
    amount: int
    reference: str | None
    key: str | None
    state: str


class Bank:
    """The transport of a service: it answers as its kind promises, and loses what it is told to.

    ``fault`` meets the next refund: it is ``unsent``, its answer is ``lost``, it is ``refused``, or
    it takes its time (``slow``). ``meanwhile`` is run before the answer is given.
    """

    def __init__(self, kind):
        self.kind = kind
        self.given = []
        self.notices = []  #: what was told, in the order in which it happened
        self.ids, self.numbers = count(1), count(1)
        self.fault = ""
        self.meanwhile = lambda: None

    # What the shop asks.

    def send(self, asked):
        where = asked.url.rpartition("/")[2]
        if where == "pay":
            return answer("succeeded", id="psp-1")
        if where == "refund":
            return self.refund(asked)
        if where == "query":
            return self.query()
        found = [one for one in self.given if where in {one.id, one.reference}]
        return self.tell(found[-1]) if found else no(NotFound)

    def refund(self, asked):
        fault, self.fault = self.fault, ""
        if fault == "unsent":
            raise OutcomeUnknown("silence")
        said = self.give(*asked.body.decode().split()[:2], asked.header("Key"), fault)
        self.meanwhile()
        if fault == "lost":
            raise OutcomeUnknown("silence")
        return said

    def give(self, reference, amount, key, fault):
        known = [one for one in self.given if reference == one.reference]
        remembers = self.kind.info.may_repeat(Capability.REFUND, 0 * self.kind.info.asking.grace)
        if known and self.kind.name == "named":
            return no(DuplicateReference)
        if known and remembers:
            return self.tell(known[-1])
        assert not known, "given back twice"
        if fault == "refused" or int(amount) > self.left():
            return declined()
        slow = "pending" if fault == "slow" else "done"
        return self.tell(self.write_down(int(amount), reference, key, slow))

    def query(self):
        back = self.back()
        status = "refunded" if back == PRICE else "partially_refunded" if back else "succeeded"
        return answer(status, id="psp-1", amount=PRICE, captured=PRICE, refunded=back)

    def tell(self, one):
        word = {"pending": "pending", "done": "succeeded"}.get(one.state, "failed")
        return answer(word, id=one.id, amount=one.amount)

    def close(self):
        pass

    # What happens there.

    def write_down(self, amount, reference, key, state):
        one = Given(f"re-{next(self.ids)}", amount, reference, key, state)
        self.given.append(one)
        if state == "done":
            self.notify(one)
        return one

    def desk(self, amount):
        """Somebody gives money back by hand."""
        if amount <= self.left():
            self.write_down(amount, None, None, "done")

    def end(self, state):
        """What took its time is done, or failed; what was done comes back."""
        for one in self.given:
            if one.state == "pending" and state in {"done", "failed"}:
                one.state = state
                self.notify(one)
                return
            if one.state == "done" and state == "undone" and self.tells_each:
                one.state = "undone"
                self.notify(one)
                return

    def notify(self, one):
        number = next(self.numbers)
        if self.tells_each:
            undone = one.state != "done"
            movement = Movement(
                kind=MovementKind.REFUND, id=one.id, amount=part(one.amount), undone=undone
            )
            word = "needs_review" if undone else "partially_refunded"
            reason = "refund_failed" if undone else None
            told = fact(word, one.amount, number=number, reason=reason, movement=movement)
        elif self.kind.info.refund_notices is RefundNotices.TOTAL and one.state == "done":
            told = fact("partially_refunded", PRICE, number=number, refunded=part(self.back()))
        else:
            return
        self.notices.append(at(self.kind.name, told))

    # The books.

    @property
    def tells_each(self):
        return self.kind.info.refund_notices is RefundNotices.EACH

    def back(self):
        """How much was given back, and stayed so."""
        return sum(one.amount for one in self.given if one.state == "done")

    def left(self):
        taken = {"done", "pending"}
        return PRICE - sum(one.amount for one in self.given if one.state in taken)

    def __repr__(self):
        return json.dumps([attrs.asdict(one) for one in self.given])
