"""How payments stand, kept ready for browsers that poll, and told to those that wait for a change.

A state that was read is kept until it changes. Commits of this process say so before they are
acknowledged; those of other processes are heard of through PostgreSQL or a bus. Where neither is to
be had, and other processes may write, a state is read anew after a second.

One thread, begun when it is first needed, reads for all who wait, many states in one question.
"""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop, Future
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from time import monotonic
from typing import Final, TypeAlias

import attrs
from sqlalchemy import Connection

from ..errors import PaykitError, StoreUnavailable
from ..provider import Clock
from ..status import StatusKey, StatusView, Subject, Waited
from .changes import STATUS_CHANNEL, ChangeBus, Changed, load
from .effects import log
from .listening import Listener
from .status import load as load_views
from .store import Store
from .telling import Teller
from .threads import OwnThread

#: What is told: a new state, ``None`` when there is none (any more), or that nobody tells any more.
News: TypeAlias = "StatusView | Waited | None"
Deliver: TypeAlias = Callable[[News], None]
#: What was found: states, and what kept one from being read.
Found: TypeAlias = "Mapping[StatusKey, StatusView | PaykitError]"

#: Seconds for which a state counts without being read again: where changes are heard of, and where
#: they may not be.
_HEARD_SECONDS: Final = 30.0
_UNHEARD_SECONDS: Final = 1.0
#: What a transaction of somebody else's will change is read anew for so long.
_UNSETTLED_SECONDS: Final = 60.0
#: So many states a second are read for those who wait, where changes may not be heard of.
_READS_A_SECOND: Final = 2000
_CHECK_SECONDS: Final = 15.0
_KEPT: Final = 32_768
_WAITING: Final = 10_000
_PAUSE_SECONDS: Final = 1.0


@attrs.define(slots=True, eq=False)
class Watch:
    """Somebody who waits for changes; ``tag`` is of the state that was told last."""

    key: StatusKey
    tag: str | None
    deliver: Deliver
    loop: AbstractEventLoop | None


@attrs.frozen(slots=True)
class _Kept:
    view: StatusView
    until: float  #: by the monotonic clock


_Told: TypeAlias = tuple[Deliver, News]
_Asked: TypeAlias = tuple[AbstractEventLoop, "Future[StatusView | None]"]


class StatusFeed:
    """The states of payments and orders. Safe to share between threads and event loops."""

    def __init__(
        self,
        database: Store,
        *,
        clock: Clock,
        bus: ChangeBus | None = None,
        kept: int = _KEPT,
    ) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._teller = Teller(bus) if bus is not None else None
        self._others_tell = bus is not None or database.tells_at is not None
        self._most_kept = kept
        self._kept: OrderedDict[StatusKey, _Kept] = OrderedDict()
        self._watches: dict[StatusKey, set[Watch]] = {}
        self._asked: dict[StatusKey, list[_Asked]] = {}
        self._due: set[StatusKey] = set()
        self._unsettled: dict[StatusKey, float] = {}
        #: Counts changes; what was read before the last one of a key is not kept.
        self._turn = 0
        self._turns: dict[StatusKey, int] = {}
        self._floor = 0
        #: Those whose records cannot be read; that is logged once for each.
        self._unreadable: set[StatusKey] = set()
        self._all_due = False
        self._guard = threading.Lock()
        self._awake = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._listener: Listener | None = None

    # Asking.

    def peek(self, key: StatusKey) -> StatusView | None:
        """The state, if it is at hand."""
        kept = self._kept.get(key)
        if kept is None or kept.until < monotonic():
            return None
        over = kept.view.until
        return kept.view if over is None or over > self._clock() else None

    def read(self, key: StatusKey) -> StatusView | None:
        """The state, read in this thread if need be. Raises :class:`StoreUnavailable`."""
        view = self.peek(key)
        if view is not None:
            return view
        if self._thread is None and self._others_tell:
            self._start()
        found = self._read([key]).get(key)
        if isinstance(found, PaykitError):
            raise found
        return found

    def ask(self, key: StatusKey, loop: AbstractEventLoop) -> Future[StatusView | None]:
        """The state, read by the thread that reads for all. Call it in ``loop``.

        The future may raise :class:`StoreUnavailable`.
        """
        future: Future[StatusView | None] = loop.create_future()
        view = self.peek(key)
        if view is not None:
            future.set_result(view)
            return future
        with self._guard:
            refused = self._closed.is_set() or len(self._asked) >= _WAITING
            if not refused:
                self._asked.setdefault(key, []).append((loop, future))
        if refused:
            future.set_exception(StoreUnavailable("too many ask, or the service is closed"))
        else:
            self._wake()
        return future

    def watch(
        self,
        key: StatusKey,
        deliver: Deliver,
        *,
        tag: str | None = None,
        loop: AbstractEventLoop | None = None,
    ) -> Watch:
        """Call ``deliver`` with each state that is not ``tag``'s, in ``loop`` or in any thread.

        The first call comes soon when the state is another one already. End it by :meth:`leave`.
        """
        watch = Watch(key, tag, deliver, loop)
        with self._guard:
            is_over = self._closed.is_set()
            if not is_over:
                self._watches.setdefault(key, set()).add(watch)
        if is_over:  # or it would wait until its own time is over
            _hand_over(loop, [(deliver, Waited.CLOSED)])
            return watch
        view = self.peek(key)  # after that, or a change in between would be told to nobody
        if view is None or view.tag != tag:
            with self._guard:
                self._due.add(key)
        self._wake()
        return watch

    def leave(self, watch: Watch) -> None:
        """Stop telling whoever asked for it. Doing it twice is fine."""
        with self._guard:
            watches = self._watches.get(watch.key)
            if watches is not None:
                watches.discard(watch)
                if not watches:
                    del self._watches[watch.key]

    # Hearing.

    def changed(self, changed: Collection[Changed], *, tell: bool = True) -> None:
        """These payments have changed: forget what was read of them, tell those who wait."""
        keys = _keys(changed)
        with self._guard:
            self._forget(keys)
            due = keys & self._watches.keys()
            self._due |= due
        if tell and self._teller is not None:
            self._teller.tell(changed)
        if due:
            self._wake()

    def unsettled(self, changed: Collection[Changed]) -> None:
        """These may change at any time now: somebody else commits them, and does not tell."""
        keys = _keys(changed)
        with self._guard:
            self._forget(keys)
            self._settle()
            self._unsettled |= dict.fromkeys(keys, monotonic() + _UNSETTLED_SECONDS)

    def close(self) -> None:
        """Stop. Whoever waits is told that nobody tells any more; those who asked get an error."""
        with self._guard:
            self._closed.set()
        self._awake.set()
        if self._thread is not None:
            self._thread.join()
        if self._listener is not None:
            self._listener.close()
        if self._teller is not None:
            self._teller.close()
        if self._bus is not None:
            self._bus.close()
        with self._guard:
            asked, self._asked = self._asked, {}
            watches, self._watches = self._watches, {}
        _answer(asked, dict.fromkeys(asked, StoreUnavailable("the service is closed")))
        for watch in chain.from_iterable(watches.values()):
            _hand_over(watch.loop, [(watch.deliver, Waited.CLOSED)])

    def _forget(self, keys: Iterable[StatusKey]) -> None:
        self._turn += 1
        for key in keys:
            self._kept.pop(key, None)
            self._turns[key] = self._turn
        if len(self._turns) > self._most_kept:
            # Rather read something twice than remember for ever what has changed when.
            self._turns.clear()
            self._floor = self._turn

    def _hear(self, text: str | None) -> None:
        """Take what another process told; ``None``: some may have been missed."""
        if text is not None:
            try:
                self.changed(load(text), tell=False)
            except (ValueError, RecursionError):
                log.warning("somebody tells of changes in words that nobody can read")
                text = None
        if text is None:
            with self._guard:
                self._turn += 1
                self._floor = self._turn
                self._kept.clear()
                self._all_due = True
            self._awake.set()

    # The thread.

    def _wake(self) -> None:
        if self._thread is None:
            self._start()
        self._awake.set()

    def _start(self) -> None:
        with self._guard:
            if self._thread is not None or self._closed.is_set():
                return
            self._thread = OwnThread(self._work, name="paykit-status")
            self._thread.start()

    def _listen(self) -> None:
        if self._bus is not None:
            self._bus.listen(self._hear)
        elif self._database.tells_at is not None:
            self._listener = Listener(self._database.tells_at, self._hear, channel=STATUS_CHANNEL)

    def _is_heard(self) -> bool:
        if self._bus is not None:
            return self._bus.is_heard
        return self._database.is_alone or (self._listener is not None and self._listener.is_heard)

    def _work(self) -> None:
        self._listen()
        checked = monotonic()
        while not self._closed.is_set():
            self._awake.wait(self._until_check(checked))
            self._awake.clear()
            if monotonic() - checked >= self._check_seconds():
                checked = monotonic()
                self._make_due()
            try:
                self._turn_over()
            except Exception as error:  # noqa: BLE001 - whoever waits must not be forgotten
                known = isinstance(error, PaykitError)
                log.warning("could not read how payments stand: %s", error, exc_info=not known)
                self._closed.wait(_PAUSE_SECONDS)
                self._awake.set()

    def _until_check(self, checked: float) -> float | None:
        with self._guard:
            nobody = not self._watches
        if nobody:
            return None
        return max(0.0, checked + self._check_seconds() - monotonic())

    def _check_seconds(self) -> float:
        """How often all that is watched is read, in case a change was not heard of."""
        if self._is_heard() and not self._unsettled:
            return _CHECK_SECONDS
        return max(_UNHEARD_SECONDS, len(self._watches) / _READS_A_SECOND)

    def _make_due(self) -> None:
        with self._guard:
            self._settle()
            self._all_due = True

    def _settle(self) -> None:
        now = monotonic()
        self._unsettled = {key: end for key, end in self._unsettled.items() if end > now}

    def _turn_over(self) -> None:
        """Read what is due, keep it, and tell those who asked or wait."""
        with self._guard:
            due = set(self._watches) if self._all_due else self._due & self._watches.keys()
            self._due, self._all_due = set(), False
            asked = dict(self._asked)
            for key in asked:
                del self._asked[key]
        if not due and not asked:
            return
        try:
            turn = self._turn
            found = self._read([*asked, *(due - asked.keys())])
        except Exception as error:
            _answer(asked, dict.fromkeys(asked, error))
            with self._guard:
                self._due |= due
            raise
        _answer(asked, found)
        self._deliver(due, found, turn)

    def _deliver(self, due: Iterable[StatusKey], found: Found, turn: int) -> None:
        """Tell those who wait; what may have changed since it was read is read once more."""
        by_loop: dict[AbstractEventLoop | None, list[_Told]] = {}
        with self._guard:
            for key in due:
                if not self._is_unchanged(key, turn):
                    self._due.add(key)
                    self._awake.set()
                    continue
                view = found.get(key)
                if isinstance(view, PaykitError):
                    continue
                tag = None if view is None else view.tag
                for watch in self._watches.get(key, ()):
                    if watch.tag != tag or tag is None:
                        watch.tag = tag
                        by_loop.setdefault(watch.loop, []).append((watch.deliver, view))
        for loop, told in by_loop.items():
            _hand_over(loop, told)

    def _read(self, keys: Collection[StatusKey]) -> Found:
        """Read states now, and keep those that have not changed meanwhile."""
        turn, now = self._turn, self._clock()

        def body(conn: Connection) -> Found:
            return load_views(conn, keys, now)

        found = self._database.read(body)
        seconds = _HEARD_SECONDS if self._is_heard() else _UNHEARD_SECONDS
        began = monotonic()
        untold: list[PaykitError] = []
        with self._guard:
            for key, view in found.items():
                if isinstance(view, PaykitError):
                    if key not in self._unreadable:
                        self._unreadable.add(key)
                        untold.append(view)
                    continue
                self._unreadable.discard(key)
                if self._is_unchanged(key, turn):
                    self._keep(key, view, began + seconds)
            while len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
        for error in untold:  # a person has to look at them
            log.error("%s", error, exc_info=error.__cause__)
        return found

    def _is_unchanged(self, key: StatusKey, turn: int) -> bool:
        return self._floor <= turn and self._turns.get(key, 0) <= turn

    def _keep(self, key: StatusKey, view: StatusView, until: float) -> None:
        if self._unsettled.get(key, 0.0) < monotonic():
            self._kept[key] = _Kept(view, until)
            self._kept.move_to_end(key)


def _keys(changed: Iterable[Changed]) -> set[StatusKey]:
    keys = set()
    for payment_id, order_id in changed:
        keys.add(StatusKey(Subject.PAYMENT, payment_id))
        keys.add(StatusKey(Subject.ORDER, order_id))
    return keys


def _hand_over(loop: AbstractEventLoop | None, told: Iterable[_Told]) -> None:
    if loop is None:
        _tell_all(told)
    else:
        with suppress(RuntimeError):  # a loop that is closed waits for nothing any more
            loop.call_soon_threadsafe(_tell_all, told)


def _tell_all(told: Iterable[_Told]) -> None:
    for deliver, news in told:
        deliver(news)


def _answer(
    asked: Mapping[StatusKey, list[_Asked]], found: Mapping[StatusKey, StatusView | Exception]
) -> None:
    by_loop: dict[AbstractEventLoop, list[tuple[Future[StatusView | None], StatusKey]]] = {}
    for key, waiting in asked.items():
        for loop, future in waiting:
            by_loop.setdefault(loop, []).append((future, key))

    def end(futures: Iterable[tuple[Future[StatusView | None], StatusKey]]) -> None:
        for future, key in futures:
            if future.done():
                continue
            answer = found.get(key)
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    for loop, futures in by_loop.items():
        with suppress(RuntimeError):  # as above
            loop.call_soon_threadsafe(end, futures)
