"""A provider's own account book: what truly happened to each payment, and what is told of it.

It knows nothing of paykit's service. Whatever a shop should have on record in the end is read off
here. Money is a whole number of đồng; every change gets the next place in the payment's history.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from zlib import crc32

import attrs

UNPAID = frozenset({"failed", "canceled", "expired"})


@attrs.frozen(kw_only=True)
class Manners:
    """How one provider goes about what all of them do."""

    tells_each: bool = False  #: notices tell of single captures and refunds, and of no total
    repeats: bool = True  #: a call under a key that it knows is the same call
    slow: int = 0  #: of every so many payments one has its captures and refunds happen later
    silent_on: frozenset[str] = frozenset()  #: what it never tells by itself


@attrs.frozen
class Told:
    """What one sentence of the provider's says, in whatever way it was said.

    ``place`` is that of the status in the history; totals are ``None`` where it says none.
    """

    place: int = 0
    status: str | None = None
    captured: int | None = None
    refunded: int | None = None
    movement: tuple[str, str, int] | None = None  #: kind, id, amount
    is_refusal: bool = False


@attrs.frozen
class Notice:
    """What a provider tells by itself, and when that happened."""

    id: str
    reference: str
    told: Told
    at: datetime
    is_last: bool = False  #: told weeks after the rest, and so not before it


@attrs.define
class Move:
    """A capture or a refund: ``waits`` until it is ``done`` or ``failed``."""

    id: str
    amount: int
    state: str


@attrs.define
class Account:
    """One payment in the book. ``asks`` counts how often each wish was carried out."""

    reference: str
    amount: int
    manual: bool
    is_slow: bool = False
    status: str = "requires_action"
    place: int = 0
    captured: int = 0
    refunded: int = 0
    is_held: bool = False
    is_over: bool = False  #: nobody can pay it any more
    captures: dict[str, Move] = attrs.field(factory=dict)
    refunds: dict[str, Move] = attrs.field(factory=dict)
    notices: list[Notice] = attrs.field(factory=list)
    first_answer: Told | None = None  #: what the shop was answered when it asked for a payment
    asks: Counter = attrs.field(factory=Counter)

    @property
    def truth(self) -> tuple[str, int, int]:
        """How it stands: status, captured, refunded."""
        if self.refunded:
            return self._refunded_status, self.captured, self.refunded
        return ("succeeded" if self.captured else self.status), self.captured, 0

    @property
    def _refunded_status(self) -> str:
        return "refunded" if self.refunded >= self.captured else "partially_refunded"

    @property
    def waits(self) -> bool:
        """Whether something was taken on that did not happen yet."""
        moves = [*self.captures.values(), *self.refunds.values()]
        return any(one.state == "waits" for one in moves)

    def promised(self, moves: dict[str, Move]) -> int:
        """What is done, and what may still be."""
        return sum(one.amount for one in moves.values() if one.state != "failed")


class Book:
    """All payments of one provider, and what may happen to them. Safe between threads."""

    def __init__(self, manners: Manners, clock: Callable[[], datetime]) -> None:
        self.manners, self.clock = manners, clock
        self.accounts: dict[str, Account] = {}
        self.lock = threading.RLock()

    def open(self, reference: str, amount: int, *, manual: bool) -> Account:
        """A page to pay on, once for each reference."""
        if reference not in self.accounts:
            is_slow = bool(self.manners.slow) and crc32(reference.encode()) % self.manners.slow == 0
            self.accounts[reference] = Account(reference, amount, manual, is_slow)
        return self.accounts[reference]

    # What payers, banks and people at a console do.

    def pay(self, account: Account) -> None:
        """The payer pays, also after a try that failed: the money is held, or taken at once.

        Money that is taken at once may also come after the end.
        """
        if account.captured or account.is_held or account.is_over:
            return
        if account.manual and account.status in {"canceled", "expired"}:
            return
        if account.manual:
            account.is_held = True
            self._enter(account, "authorized")
        else:
            self._capture(account, account.amount, f"{account.reference}-paid")

    def end(self, account: Account, status: str) -> None:
        """A try fails, the payer gives up, the time to pay or to capture is over."""
        if account.captured or (account.is_held and status != "expired"):
            return
        if account.status in UNPAID:
            return
        account.is_over, account.is_held = account.is_over or account.is_held, False
        self._enter(account, status, is_last=account.is_over)

    def give_back(self, account: Account, amount: int) -> None:
        """A person refunds at the console."""
        if amount <= account.captured - account.promised(account.refunds):
            name = f"{account.reference}-desk-{len(account.refunds)}"
            account.refunds[name] = Move(name, amount, "waits")
            self._finish_refund(account, account.refunds[name], "done")

    def settle(self, account: Account, state: str) -> None:
        """What was taken on happens, or comes to nothing."""
        for move in [*account.captures.values(), *account.refunds.values()]:
            if move.state == "waits":
                if move in account.captures.values():
                    # Where only totals are told, nobody would ever hear of one that failed.
                    end = state if self.manners.tells_each else "done"
                    self._finish_capture(account, move, end)
                else:
                    self._finish_refund(account, move, state)
                return

    def tell_again(self, account: Account) -> None:
        """The latest news once more, as another notice."""
        if account.notices:
            latest = account.notices[-1]
            self._tell(account, latest.told, is_last=latest.is_last)

    # What a shop asks for. Each answers what it says and the same as JSON.

    def ask_to_pay(self, account: Account, card: str | None, key: str) -> Told | None:
        """A page to pay on, or the charge of a card; ``None``: that was declined.

        Whoever asks again under the same key is told what was told first.
        """
        if card is not None and not (account.asks[key] and self.manners.repeats):
            account.asks[key] += 1
            if card == "bad":
                self.end(account, "failed")
            else:
                self.pay(account)
            account.is_over = True  # a card is charged once, and there is no page
        if account.first_answer is None:
            account.first_answer = self.say(account)
        return None if card == "bad" else account.first_answer

    def capture(self, account: Account, amount: int, key: str, *, final: bool) -> Told | None:
        """Take held money; ``None``: refused."""
        if key in account.captures and self.manners.repeats:
            return self._say_captured(account, account.captures[key])
        if not account.is_held or account.promised(account.captures) + amount > account.amount:
            return None
        account.asks[key] += 1
        move = Move(f"{account.reference}-take-{len(account.captures)}", amount, "waits")
        account.captures[key] = move
        if not account.is_slow:
            self._finish_capture(account, move, "done")
        # Whatever is left of a hold can still be taken where the capture was not the last one.
        account.is_held = not final
        return self._say_captured(account, move)

    def void(self, account: Account, key: str) -> Told | None:
        """Release what is held; ``None``: refused."""
        if account.asks[key] and self.manners.repeats:
            return self.say(account)
        if not account.is_held or account.promised(account.captures) > account.captured:
            return None
        account.asks[key] += 1
        account.is_held, account.is_over = False, True
        self._enter(account, "canceled")
        return self.say(account)

    def refund(self, account: Account, name: str, amount: int, key: str) -> Move | None:
        """Give money back, by the shop's name of the refund; ``None``: refused."""
        if account.asks[key] and self.manners.repeats:
            return account.refunds[name]
        if account.captured - account.promised(account.refunds) < amount:
            return None
        account.asks[key] += 1
        move = Move(f"{account.reference}-back-{len(account.refunds)}", amount, "waits")
        account.refunds[name if name not in account.refunds else move.id] = move
        if not account.is_slow:
            self._finish_refund(account, move, "done")
        return move

    def say(self, account: Account) -> Told:
        """How a payment stands."""
        return Told(account.place, *account.truth)

    # Entries.

    def _say_captured(self, account: Account, move: Move) -> Told | None:
        if move.state == "failed":
            return None
        return self.say(account) if move.state == "done" else Told()

    def _capture(self, account: Account, amount: int, name: str) -> None:
        account.captures[name] = Move(name, amount, "waits")
        self._finish_capture(account, account.captures[name], "done")

    def _finish_capture(self, account: Account, move: Move, state: str) -> None:
        move.state = state
        if state == "done":
            account.captured += move.amount
            self._enter_movement(account, "capture", move)
            return
        account.is_held = True  # the hold stands
        if self.manners.tells_each:
            self._tell(account, Told(movement=("capture", move.id, move.amount), is_refusal=True))

    def _finish_refund(self, account: Account, move: Move, state: str) -> None:
        move.state = state
        if state == "done":
            account.refunded += move.amount
            self._enter_movement(account, "refund", move)
        elif self.manners.tells_each:
            self._tell(account, Told(movement=("refund", move.id, move.amount), is_refusal=True))

    def _enter_movement(self, account: Account, kind: str, move: Move) -> None:
        account.place += 1
        if self.manners.tells_each:
            self._tell(account, Told(movement=(kind, move.id, move.amount)))
        else:
            self._tell(account, self.say(account))

    def _enter(self, account: Account, status: str, *, is_last: bool = False) -> None:
        account.status = status
        account.place += 1
        self._tell(account, self.say(account), is_last=is_last)

    def _tell(self, account: Account, told: Told, *, is_last: bool = False) -> None:
        if told.status not in self.manners.silent_on:
            name = f"{account.reference}-{len(account.notices)}"
            account.notices.append(Notice(name, account.reference, told, self.clock(), is_last))

    # Bank transfers.

    def transfer(self, account: Account, amount: int) -> None:
        """Money arrives."""
        name = f"{account.reference}-{len(account.notices)}"
        account.captured += amount
        self._tell(account, Told(movement=("transfer", name, amount)))
