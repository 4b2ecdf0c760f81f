"""Writers: threads that commit whatever is waiting as one transaction.

A commit costs a disk flush. Taking all that wait into one transaction makes a burst of webhooks
cost one flush instead of one each, and a caller still hears "done" only after the commit. Nothing
waits for company: whoever comes alone is committed alone.

Facts that wait beside each other are recorded by the same few statements. Any other body runs in a
savepoint of its own, so one that fails takes nothing else with it.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, Generic, Protocol, TypeVar

import attrs
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ..errors import StoreUnavailable
from . import recording
from .dialects import are_in_the_way, attempt, reason, was_lost

T = TypeVar("T")
Body = Callable[[Connection], T]

_TRIES: Final = 5
_PAUSE: Final = 0.01


class Job(Protocol):
    """A body that waits, and what becomes of it."""

    @property
    def body(self) -> Body[Any]:
        """What to run."""
        ...

    def begin(self) -> bool:
        """Whether somebody still waits for it."""
        ...

    @property
    def loop(self) -> AbstractEventLoop | None:
        """The event loop to hand over the result in; ``None``: any thread may do that."""
        ...

    def end(self, value: Any, problem: BaseException | None) -> None:
        """Hand over the result. Called once, after the commit."""
        ...


@attrs.frozen(slots=True)
class _FutureJob(Generic[T]):
    body: Body[T]
    future: Future[T]
    loop: None = None

    def begin(self) -> bool:
        return self.future.set_running_or_notify_cancel()

    def end(self, value: Any, problem: BaseException | None) -> None:
        if problem is None:
            self.future.set_result(value)
        else:
            self.future.set_exception(problem)


_End = tuple[Any, BaseException | None]


class Writer:
    """Runs bodies in groups, in threads of its own. Close it to finish what waits.

    ``run`` runs one body in a transaction. ``together`` lets bodies of all kinds share one: where
    rows are locked, only facts do, for they take their locks in one order.
    """

    def __init__(
        self,
        run: Callable[[Body[Any]], Any],
        *,
        threads: int,
        max_group: int,
        together: bool,
    ) -> None:
        self._run = run
        self._max_group = max_group
        self._together = together
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._left: Job | None = None
        self._closed = False
        self._guard = threading.Lock()
        self._taking = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, name=f"paykit-writer-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, body: Body[T]) -> Future[T]:
        """Run ``body`` in the next group; the future is done once it is on disk."""
        future: Future[T] = Future()
        self.put(_FutureJob(body, future))
        return future

    def put(self, job: Job) -> None:
        """Run a job in the next group. Raises :class:`StoreUnavailable` after :meth:`close`."""
        with self._guard:
            if self._closed:
                raise StoreUnavailable("the service is closed")
            self._jobs.put(job)

    def close(self) -> None:
        """Commit what waits, then stop. Closing twice is fine."""
        with self._guard:
            if not self._closed:
                self._closed = True
                for _ in self._threads:
                    self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (group := self._take()) is not None:
            jobs = [job for job in group if job.begin()]
            if jobs:
                _hand_over(jobs, self._commit(jobs))

    def _take(self) -> list[Job] | None:
        """The next group: what waits already, and at least one; ``None``: it is over."""
        with self._taking:
            first = self._left or self._jobs.get()
            self._left = None
            if first is None:
                return None
            group = [first]
            while len(group) < self._max_group:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    self._jobs.put(None)  # the end is for the next turn
                    break
                if not self._together and not (_tells_facts(first) and _tells_facts(job)):
                    self._left = job
                    break
                group.append(job)
            return group

    def _commit(self, jobs: Sequence[Job]) -> list[_End]:
        """Commit a group; what became of each.

        Nearly always nothing fails, and no savepoints are needed. If something does, the careful
        way finds out whose it is.
        """
        plain = all(map(_tells_facts, jobs)) or len(jobs) == 1
        tried = 0
        while True:
            work = _Work(jobs, plain=plain and not tried)
            tried += 1
            try:
                self._run(work)
            except BaseException as error:  # noqa: BLE001 - the writer must outlive whatever happens
                if work.is_done or tried == _TRIES or not work.may_go_on(error):
                    # A transaction whose commit failed may be on disk all the same.
                    failure = StoreUnavailable(f"the database did not commit: {reason(error)}")
                    failure.__cause__ = error
                    return [(None, failure)] * len(jobs)
                # At once it would often be quicker than the other, and in its way again.
                time.sleep(random.uniform(0, _PAUSE * tried))  # noqa: S311 - not a secret
            else:
                return work.ends


class _Work:
    """The body of one transaction: those of a group."""

    def __init__(self, jobs: Sequence[Job], *, plain: bool) -> None:
        self._jobs = jobs
        self.plain = plain
        self.ends: list[_End] = []
        self.is_done = False  #: what is left is the commit

    def __call__(self, conn: Connection) -> None:
        self.ends = self._run_plainly(conn) if self.plain else _run_all(conn, self._jobs)
        self.is_done = True

    def may_go_on(self, error: BaseException) -> bool:
        """Whether to try once more, by the careful way, after an error that undid everything."""
        if not isinstance(error, SQLAlchemyError) or isinstance(error, IntegrityError):
            return self.plain  # it is the trouble of one body, and each has to have its own end
        return is_passing(error)

    def _run_plainly(self, conn: Connection) -> list[_End]:
        if len(self._jobs) == 1:
            return [(self._jobs[0].body(conn), None)]
        news: list[Any] = [job.body for job in self._jobs]
        return [(one, None) for one in recording.record(conn, news)]


def _hand_over(jobs: Sequence[Job], ends: Sequence[_End]) -> None:
    """Give each job its end. A loop is woken once for all of its own, for that costs a while."""
    by_loop: dict[AbstractEventLoop, list[tuple[Job, _End]]] = {}
    for job, end in zip(jobs, ends, strict=True):
        if job.loop is None:
            job.end(*end)
        else:
            by_loop.setdefault(job.loop, []).append((job, end))
    for loop, mine in by_loop.items():
        with suppress(RuntimeError):  # a loop that is closed waits for nothing any more
            loop.call_soon_threadsafe(_end_all, mine)


def _end_all(jobs: Sequence[tuple[Job, _End]]) -> None:
    for job, end in jobs:
        job.end(*end)


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction, which is undone, may well succeed when it is tried again.

    A connection may have died in the pool, and the next one is new.
    """
    return was_lost(error) or are_in_the_way(error)


def _run_all(conn: Connection, jobs: Sequence[Job]) -> list[_End]:
    """Run the bodies in their order, those that only tell facts together."""
    ends: list[_End] = []
    telling: list[Job] = []
    for job in jobs:
        if _tells_facts(job):
            telling.append(job)
            continue
        ends += _record(conn, telling)
        telling = []
        ends.append(_attempt(conn, job.body))
    return ends + _record(conn, telling)


def _record(conn: Connection, jobs: Sequence[Job]) -> list[_End]:
    if len(jobs) > 1:
        news: list[Any] = [job.body for job in jobs]
        recorded, problem = _attempt(conn, lambda conn: recording.record(conn, news))
        if problem is None:
            return [(one, None) for one in recorded]
        # Whatever it was, it is the trouble of one of them: each for itself.
    return [_attempt(conn, job.body) for job in jobs]


def _tells_facts(job: Job | None) -> bool:
    return job is not None and isinstance(job.body, recording.News)


def _attempt(conn: Connection, body: Body[Any]) -> _End:
    try:
        return attempt(conn, body), None
    except SQLAlchemyError as error:
        if are_in_the_way(error) or not conn.in_transaction() or conn.invalidated:
            raise  # the whole group is lost, not only this one
        failure = StoreUnavailable(f"the database refused: {reason(error)}")
        failure.__cause__ = error
        return None, failure
    except BaseException as error:  # noqa: BLE001 - it belongs to the caller who waits for it
        return None, error
