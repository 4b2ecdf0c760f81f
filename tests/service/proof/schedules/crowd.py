"""Many lives at once on one database: whatever they wait for is committed in one round.

In a round each payment is in at most one transaction, so that what came of it can be told. The
facts of different payments are recorded in groups by the service's own writer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import attrs
from sqlalchemy import event, update
from sqlalchemy.exc import OperationalError

from paykit import PaykitError, StoreUnavailable
from paykit.flow import run
from paykit.service import reports
from paykit.service.effects import Read, Talk, Transact
from paykit.service.recording import News
from paykit.service.schema import commands

from .life import Life, Tx
from .shops import Shop, Worker

_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Dooms:
    """Kills transactions at a statement, as a database does that goes away."""

    def __init__(self, shop: Shop) -> None:
        self.marks: dict[tuple[str, str], int] = {}
        self.deaths = 0
        for worker in shop.workers:
            engine = worker.database.engine
            event.listen(engine, "begin", self._begin)
            event.listen(engine, "before_cursor_execute", self._statement)
            event.listen(engine, "commit", self._commit)

    def _begin(self, conn: Any) -> None:
        conn.info["doom"] = None

    def _statement(self, conn, _cursor, statement, parameters, _context, _many) -> None:
        if not self.marks:
            return
        if "SAVEPOINT" in statement:
            conn.info["doom"] = None  # what comes next in this transaction is about others
            return
        left = conn.info.get("doom")
        if left is None:
            said = repr(parameters)
            found = [n for marks, n in self.marks.items() if any(map(said.__contains__, marks))]
            left = min(found) if found else None
        if left is not None:
            left -= 1
            if left <= 0:
                self._kill(conn)
        conn.info["doom"] = left

    def _commit(self, conn: Any) -> None:
        if conn.info.get("doom") is not None and self.marks:
            self._kill(conn)

    def _kill(self, conn: Any) -> None:
        conn.info["doom"] = None
        self.deaths += 1
        raise OperationalError("a statement", None, Exception("the database went away"))


@attrs.define(eq=False)
class Sweeper:
    """A sweep over the commands of all payments, while their lives go on."""

    crowd: Crowd
    worker: Worker
    flow: Any

    def live(self) -> Generator[Tx, Any, None]:
        shop, life, told = self.crowd.shop, None, []
        value, error = None, None
        while True:
            try:
                effect = self.flow.send(value) if error is None else self.flow.throw(error)
            except (StopIteration, StoreUnavailable):
                return  # it is over, or it died with the transaction that it was in
            value = error = None
            match effect:
                case Read(body):
                    value = self.worker.database.read(body)
                case Talk(_, flow):
                    heard = []

                    def perform(request, heard=heard):
                        life = self.crowd.by_reference[json.loads(request.body)["reference"]]
                        heard.append((life, shop.serve(life, request)))
                        return heard[-1][1].response

                    try:
                        value = run(flow(), perform)
                    except PaykitError as raised:
                        error = raised
                    for life, said in heard:
                        told += [said.told] if said.told is not None else []
                        life.note(f"a sweep asked, {error or said.told}")
                case Transact(body):
                    value, error = yield Tx(self.worker.database, body, life)
                    if life is not None and error is None:
                        life.compare(life.in_time(body, told))
                        told = []


class Crowd:
    """Lives on one database."""

    def __init__(self, shop: Shop, lives: Sequence[Life]) -> None:
        self.shop, self.lives = shop, lives
        self.by_reference = {life.reference: life for life in lives}
        self.dooms = Dooms(shop)
        self.rounds = self.transactions = 0
        #: Lives that did not go as they should, and why. Nothing more happens to them.
        self.failures: dict[str, Exception] = {}

    def run(self, phase: Callable[[Life], Any], *, sweep_every: int = 0) -> None:
        """Let all lives go through a phase, side by side."""
        waiting: dict[Any, tuple[Life | None, Tx]] = {}
        for life in self.lives:
            if life.reference in self.failures:
                continue
            self._go_on(waiting, life, phase(life), None)
        while waiting:
            self.rounds += 1
            self.shop.clock.pass_(seconds=1)
            is_alive = any(owner is not None for owner, _ in waiting.values())
            if sweep_every and is_alive and self.rounds % sweep_every == 0:
                self.lapse()
                self._go_on(waiting, None, self._sweep().live(), None)
            for flow, end in self._commit(waiting):
                owner, _ = waiting.pop(flow)
                self._go_on(waiting, owner, flow, end)

    def _commit(self, waiting: dict) -> list[tuple[Any, Any]]:
        """One transaction for each payment; those that wait behind another have to wait."""
        taken: dict[Any, Tx] = {}
        busy: set[int] = set()
        for flow, (_, tx) in waiting.items():
            if tx.life is None or id(tx.life) not in busy:
                busy.add(id(tx.life))
                taken[flow] = tx
        taken = dict(sorted(taken.items(), key=lambda one: _place(one[1])))
        self.transactions += len(taken)
        self.dooms.marks = {
            (tx.life.reference, tx.life.payment_id or tx.life.reference): tx.doom
            for tx in taken.values()
            if tx.doom is not None
        }
        futures = [tx.database.transact(tx.body) for tx in taken.values()]
        ends = [_end_of(future) for future in futures]
        self.dooms.marks = {}
        self.shop.look([tx.life for tx in taken.values() if tx.life is not None])
        return list(zip(taken, ends, strict=True))

    def _go_on(self, waiting: dict, owner: Life | None, flow: Any, end: Any) -> None:
        try:
            waiting[flow] = (owner, flow.send(end))
        except StopIteration:
            pass
        except Exception as error:
            if owner is None:
                raise
            self.failures[owner.reference] = error

    def _sweep(self) -> Sweeper:
        worker = self.shop.workers[self.rounds // 4 % len(self.shop.workers)]
        operations = worker.operations
        return Sweeper(
            self, worker, operations._sweep_commands(reports.Sweep(operations._clock()), 4)
        )

    def lapse(self) -> None:
        """Time goes by: whoever was sending something may have died, and waited long enough."""
        past = {"lease_until": _LONG_AGO, "check_at": _LONG_AGO}
        late = update(commands).where(commands.c.check_at.is_not(None)).values(**past)
        self.shop.database.transact(lambda conn: conn.execute(late)).result()


def _place(tx: Tx) -> int:
    """Facts first: those beside each other are recorded together, and some die with one of them."""
    if not isinstance(tx.body, News):
        return 1
    die_together = tx.doom is not None or crc32(tx.life.reference.encode()) % 16 == 0
    return 2 if die_together else 0


def _end_of(future: Any) -> tuple[Any, Exception | None]:
    try:
        return future.result(), None
    except Exception as error:  # noqa: BLE001 - it is for the life that waits
        return None, error
