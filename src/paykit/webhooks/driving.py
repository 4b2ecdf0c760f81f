"""Driving the endpoints: the waiting that they ask for, for async and for blocking servers."""

from __future__ import annotations

import asyncio
import threading
from asyncio import AbstractEventLoop
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import suppress
from math import ceil
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from .. import aside
from ..flow import run
from ..http import Reply
from ..status import StatusKey, StatusView, Waited
from .endpoints import (
    Answer,
    Await,
    Call,
    Emit,
    Endpoints,
    EventStream,
    Look,
    Problem,
    ReadBody,
    is_async,
)
from .receiver import Head

T = TypeVar("T")
#: Reads the body: at most so many bytes in so many seconds.
Read: TypeAlias = Callable[[int, float], bytes | Problem]


class AsyncRequest(Protocol):
    """One request on an async server, as a framework's file shows it to the driver."""

    def read(self, limit: int, seconds: float) -> Awaitable[bytes | Problem]:
        """The exact bytes of the body; see :func:`read_within`."""
        ...

    async def until_gone(self) -> None:
        """Wait until the client has closed the connection."""
        ...


class Streamed(AsyncRequest, Protocol):
    """One that may be answered by a stream."""

    async def emit(self, data: bytes) -> None:
        """Send a part of an event stream; the first one begins it."""
        ...


#: As the time of an event loop: it is over already.
_NOW: Final = 0.0
#: Those who wait need no finer clock.
_MOMENTS_A_SECOND: Final = 4
#: Calls a function with its arguments in a thread.
InThread: TypeAlias = Callable[..., Awaitable[Any]]


class AsyncDriver:
    """Answers requests on an event loop; a blocking service is called in worker threads.

    ``in_thread`` is for whoever has threads of its own for what blocks, such as a framework whose
    connections to a database belong to threads: then states are read there as well.
    """

    def __init__(self, endpoints: Endpoints, *, in_thread: InThread | None = None) -> None:
        self.endpoints = endpoints
        self._in_thread = in_thread
        self._awaited: dict[str, bool] = {}
        self._deadlines = _Deadlines()

    def begin(self, head: Head, request: AsyncRequest) -> Answer | Awaitable[Answer]:
        """The reply to one request or a stream to be driven by :meth:`stream`, if at hand.

        Otherwise it is what has to be awaited for it.
        """
        answer = self.endpoints.answer(head)
        return answer if isinstance(answer, Answer) else self._drive(answer, request)

    async def answer(self, head: Head, request: AsyncRequest) -> Answer:
        """As :meth:`begin`, awaited."""
        answer = self.begin(head, request)
        return answer if isinstance(answer, Answer) else await answer

    def stream(self, stream: EventStream, request: Streamed) -> Awaitable[Reply | None]:
        """Send a stream; what comes of it is the reply if it cannot even begin."""
        # Not over :meth:`parts`, which takes more memory for each that waits.
        return self._drive(self.endpoints.stream(stream), request)

    async def _drive(self, running: Generator[Any, Any, T], request: AsyncRequest) -> T:
        """Do what the endpoints ask for; a failure of it is theirs to react to."""
        # As flow.arun() does; that would take more memory for each that waits.
        value: Any = None
        failure: Exception | None = None
        try:
            while True:
                effect = running.send(value) if failure is None else running.throw(failure)
                value = failure = None
                try:
                    value = await self._perform(effect, request)
                except Exception as error:  # noqa: BLE001 - whatever it is, they decide
                    failure = error
        except StopIteration as stop:
            answer: T = stop.value
            return answer
        finally:
            running.close()  # a server may cancel this, and somebody else may want the place

    def parts(
        self, stream: EventStream, request: AsyncRequest
    ) -> Reply | AsyncGenerator[bytes, None]:
        """The parts of a stream, to be closed; or the reply if it cannot even begin.

        What it begins with is there without waiting, so this may be called in any thread.
        """
        running = self.endpoints.stream(stream)
        try:
            first = next(running)
        except StopIteration as stop:
            refused: Reply = stop.value
            return refused
        return self._parts(running, first, request)

    async def _parts(
        self, running: Generator[Any, Any, Any], effect: Any, request: AsyncRequest
    ) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                value: Any = None
                if isinstance(effect, Emit):
                    yield effect.data
                else:
                    value = await self._perform(effect, request)
                effect = running.send(value)
        except StopIteration:
            return
        finally:
            running.close()

    def _perform(self, effect: Any, request: Any) -> Awaitable[Any]:
        match effect:
            case Call():
                return self._call(effect)
            case ReadBody():
                reading: Awaitable[Any] = request.read(effect.limit, effect.seconds)
                return reading
            case Look():
                return self._look(effect.key)
            case Await():
                return self._until_changed(effect, request)
            case Emit():
                sending: Awaitable[Any] = request.emit(effect.data)
                return sending
        raise TypeError(effect)

    def _call(self, call: Call) -> Awaitable[Any]:
        service = self.endpoints.service
        is_awaited = self._awaited.get(call.method)
        if is_awaited is None:
            is_awaited = self._awaited[call.method] = is_async(service, call.method)
        function = getattr(service, call.method)
        if is_awaited:
            called: Awaitable[Any] = function(*call.args, **call.named)
            return called
        in_thread = self._in_thread or aside.in_thread
        return in_thread(function, *call.args, **call.named)

    def _look(self, key: StatusKey) -> Awaitable[StatusView | None]:
        statuses = self.endpoints.service.statuses
        if self._in_thread is not None:
            return self._in_thread(statuses.read, key)
        asked: Awaitable[StatusView | None] = statuses.ask(key, asyncio.get_running_loop())
        return asked

    async def _until_changed(
        self, wanted: Await, request: AsyncRequest
    ) -> StatusView | Waited | None:
        """Wait for another state than the one that is known, or until the client has gone.

        The news ends the wait for the client's going, as the end of the time does: a task for each
        would take more memory.
        """
        statuses = self.endpoints.service.statuses
        wait = _Wait()
        watch = statuses.watch(wanted.key, wait, tag=wanted.tag, loop=asyncio.get_running_loop())
        moment = self._deadlines.add(wait, wanted.seconds)
        try:
            async with wait.scope:
                await request.until_gone()
        except TimeoutError:
            return wait.found
        finally:
            self._deadlines.leave(wait, moment)
            statuses.leave(watch)
        return Waited.GONE


class _Wait:
    """One who waits for a change: what has come meanwhile, and the scope that it ends."""

    __slots__ = ("found", "scope")

    def __init__(self) -> None:
        self.found: StatusView | Waited | None = Waited.NO_CHANGE
        self.scope = asyncio.timeout(None)

    def __call__(self, view: StatusView | None) -> None:
        """Take the news."""
        self.found = view
        self.end()

    def end(self) -> None:
        with suppress(RuntimeError):  # it has ended meanwhile
            self.scope.reschedule(_NOW)


class _Deadlines:
    """The ends of waits, at one timer for all of the same moment: one each takes half a KiB."""

    def __init__(self) -> None:
        self._ending: dict[tuple[AbstractEventLoop, int], set[_Wait]] = {}

    def add(self, wait: _Wait, seconds: float) -> tuple[AbstractEventLoop, int]:
        """End it after so many seconds, or hardly later; what is returned is for :meth:`leave`."""
        loop = asyncio.get_running_loop()
        moment = loop, ceil((loop.time() + seconds) * _MOMENTS_A_SECOND)
        if moment not in self._ending:
            self._ending[moment] = set()
            loop.call_at(moment[1] / _MOMENTS_A_SECOND, self._end, moment)
        self._ending[moment].add(wait)
        return moment

    def leave(self, wait: _Wait, moment: tuple[AbstractEventLoop, int]) -> None:
        """Forget it."""
        ending = self._ending.get(moment)
        if ending is not None:
            ending.discard(wait)
            if not ending:  # a loop that is closed never comes to the end
                del self._ending[moment]

    def _end(self, moment: tuple[AbstractEventLoop, int]) -> None:
        for wait in self._ending.pop(moment, ()):
            wait.end()


async def read_within(
    seconds: float, reading: Coroutine[Any, Any, bytes | Problem]
) -> bytes | Problem:
    """What this reads, if it takes no longer.

    It begins at once, and a timer is set only if it has to wait: most bodies are here already,
    and the timer would take longer than reading them.
    """
    try:
        waits_for = reading.send(None)
    except StopIteration as stop:
        body: bytes | Problem = stop.value
        return body
    try:
        async with asyncio.timeout(seconds):
            return await _Begun(reading, waits_for)
    except TimeoutError:
        return Problem.TOO_SLOW


class _Begun(Generic[T]):
    """A coroutine that has begun, and what it waits for: awaiting this goes on with it."""

    def __init__(self, running: Coroutine[Any, Any, T], waits_for: Any) -> None:
        self._running = running
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    sent = yield waits_for
                except BaseException as error:  # noqa: BLE001 - a cancellation is for it as well
                    waits_for = self._running.throw(error)
                else:
                    waits_for = self._running.send(sent)
        except StopIteration as stop:
            found: T = stop.value
            return found


class BlockingDriver:
    """Answers requests in the threads of a blocking server."""

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints

    def answer(self, head: Head, read: Read) -> Answer:
        """The reply to one request, or a stream to be iterated by :meth:`stream`."""

        def perform(effect: Any) -> Any:
            if isinstance(effect, ReadBody):
                return read(effect.limit, effect.seconds)
            return self._perform(effect)

        answer = self.endpoints.answer(head)
        return answer if isinstance(answer, Answer) else run(answer, perform)

    def stream(self, stream: EventStream) -> Reply | Iterator[bytes]:
        """The parts of a stream, or the reply if it cannot even begin."""
        emitted = self._emit(stream)
        first = next(emitted)
        if isinstance(first, Reply):
            return first
        return _chained(first, emitted)

    def _emit(self, stream: EventStream) -> Iterator[Any]:
        """What goes out, part by part; a lone reply where the stream was refused."""
        running = self.endpoints.stream(stream)
        value: Any = None
        while True:
            try:
                effect = running.send(value)
            except StopIteration as stop:
                if stop.value is not None:
                    yield stop.value
                return
            value = None
            if isinstance(effect, Emit):
                yield effect.data
            else:
                value = self._perform(effect)

    def _perform(self, effect: Any) -> Any:
        service = self.endpoints.service
        match effect:
            case Call(method, args, named):
                return getattr(service, method)(*args, **named)
            case Look(key):
                return service.statuses.read(key)
            case Await():
                return _await_in_thread(service.statuses, effect)
        raise TypeError(effect)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _await_in_thread(statuses: Any, wanted: Await) -> StatusView | Waited | None:
    told = threading.Event()
    news: list[StatusView | None] = []

    def deliver(view: StatusView | None) -> None:
        news.append(view)
        told.set()

    watch = statuses.watch(wanted.key, deliver, tag=wanted.tag)
    try:
        return news[-1] if told.wait(wanted.seconds) else Waited.NO_CHANGE
    finally:
        statuses.leave(watch)
