"""Driving the endpoints: the waiting that they ask for, for async and for blocking servers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

from ..flow import arun, run
from ..http import Reply
from ..status import StatusKey, StatusView
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
    Waited,
    is_async,
)
from .receiver import Head

#: Reads the body: at most so many bytes in so many seconds.
Read: TypeAlias = Callable[[int, float], bytes | Problem]


class AsyncRequest(Protocol):
    """One request on an async server, as a framework's file shows it to the driver."""

    async def read(self, limit: int, seconds: float) -> bytes | Problem:
        """The exact bytes of the body."""
        ...

    async def until_gone(self) -> None:
        """Wait until the client has closed the connection."""
        ...


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

    async def answer(self, head: Head, request: AsyncRequest) -> Answer:
        """The reply to one request, or a stream to be driven by :meth:`stream`."""
        answering = self.endpoints.answer(head)
        try:
            return await arun(answering, lambda effect: self._perform(effect, request))
        finally:
            answering.close()  # a server may cancel this, and somebody else may want the place

    async def stream(
        self, stream: EventStream, request: AsyncRequest, emit: Callable[[bytes], Awaitable[None]]
    ) -> Reply | None:
        """Send a stream by ``emit``; returns the reply if it cannot even begin."""
        running = self.endpoints.stream(stream)

        def perform(effect: Any) -> Awaitable[Any]:
            if isinstance(effect, Emit):
                return emit(effect.data)
            return self._perform(effect, request)

        try:  # not over :meth:`parts`, which takes more memory for each that waits
            return await arun(running, perform)
        finally:
            running.close()

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

    def _perform(self, effect: Any, request: AsyncRequest) -> Awaitable[Any]:
        match effect:
            case Call():
                return self._call(effect)
            case ReadBody():
                return request.read(effect.limit, effect.seconds)
            case Look():
                return self._look(effect.key)
            case Await():
                return _until_changed(self.endpoints.service.statuses, effect, request)
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
        in_thread = self._in_thread or asyncio.to_thread
        return in_thread(function, *call.args, **call.named)

    def _look(self, key: StatusKey) -> Awaitable[StatusView | None]:
        statuses = self.endpoints.service.statuses
        if self._in_thread is not None:
            return self._in_thread(statuses.read, key)
        asked: Awaitable[StatusView | None] = statuses.ask(key, asyncio.get_running_loop())
        return asked


async def _until_changed(
    statuses: Any, wanted: Await, request: AsyncRequest
) -> StatusView | Waited | None:
    """Wait for another state than the one that is known, or until the client has gone.

    The news ends the wait for the client's going, as the end of the time does: a task for each
    would take more memory.
    """
    loop = asyncio.get_running_loop()
    news: StatusView | Waited | None = Waited.NO_CHANGE
    limit = asyncio.timeout(wanted.seconds)

    def tell(view: StatusView | None) -> None:
        nonlocal news
        news = view
        with suppress(RuntimeError):  # it has ended meanwhile
            limit.reschedule(loop.time())

    watch = statuses.watch(wanted.key, tell, tag=wanted.tag, loop=loop)
    try:
        async with limit:
            await request.until_gone()
    except TimeoutError:
        return news
    finally:
        statuses.leave(watch)
    return Waited.GONE


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

        return run(self.endpoints.answer(head), perform)

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
