"""Driving the endpoints: the waiting that they ask for, for async and for blocking servers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol, TypeAlias

from ..flow import arun, run
from ..http import Reply
from ..status import StatusView
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


class AsyncDriver:
    """Answers requests on an event loop; a blocking service is called in worker threads."""

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self._awaited: dict[str, bool] = {}

    async def answer(self, head: Head, request: AsyncRequest) -> Answer:
        """The reply to one request, or a stream to be driven by :meth:`stream`."""
        holding = _Holding(request)
        answering = self.endpoints.answer(head)
        try:
            return await arun(answering, lambda effect: self._perform(effect, holding))
        finally:
            answering.close()  # a server may cancel this, and somebody else may want the place
            holding.close()

    async def stream(
        self, stream: EventStream, request: AsyncRequest, emit: Callable[[bytes], Awaitable[None]]
    ) -> Reply | None:
        """Send a stream by ``emit``; returns the reply if it cannot even begin."""
        holding = _Holding(request)

        def perform(effect: Any) -> Awaitable[Any]:
            if isinstance(effect, Emit):
                return emit(effect.data)
            return self._perform(effect, holding)

        try:
            return await arun(self.endpoints.stream(stream), perform)
        finally:
            holding.close()

    def _perform(self, effect: Any, holding: _Holding) -> Awaitable[Any]:
        match effect:
            case Call(method, args, named):
                return self._call(method, args, named)
            case ReadBody(limit, seconds):
                return holding.request.read(limit, seconds)
            case Look(key):
                loop = asyncio.get_running_loop()
                asked: Awaitable[Any] = self.endpoints.service.statuses.ask(key, loop)
                return asked
            case Await():
                return holding.until_changed(self.endpoints.service.statuses, effect)
        raise TypeError(effect)

    def _call(self, method: str, args: tuple[Any, ...], named: Any) -> Awaitable[Any]:
        service = self.endpoints.service
        if method not in self._awaited:
            self._awaited[method] = is_async(service, method)
        function = getattr(service, method)
        if self._awaited[method]:
            called: Awaitable[Any] = function(*args, **named)
            return called
        return asyncio.to_thread(function, *args, **named)


class _Holding:
    """A connection that may be held: it is watched for being closed once it is."""

    def __init__(self, request: AsyncRequest) -> None:
        self.request = request
        self._gone: asyncio.Future[None] | None = None
        self._news: asyncio.Future[Any] | None = None

    async def until_changed(self, statuses: Any, wanted: Await) -> StatusView | Waited | None:
        """Wait for another state than the one that is known."""
        loop = asyncio.get_running_loop()
        if self._gone is None:
            self._gone = asyncio.ensure_future(self.request.until_gone())
            self._gone.add_done_callback(lambda _: self._tell(Waited.GONE))
        elif self._gone.done():
            return Waited.GONE
        self._news = loop.create_future()
        over = loop.call_later(wanted.seconds, self._tell, Waited.NO_CHANGE)
        watch = statuses.watch(wanted.key, self._tell, tag=wanted.tag, loop=loop)
        try:
            news: StatusView | Waited | None = await self._news
            return news
        finally:
            statuses.leave(watch)
            over.cancel()
            self._news = None

    def close(self) -> None:
        """Look no more whether the client is there."""
        if self._gone is not None and not self._gone.done():
            self._gone.cancel()

    def _tell(self, news: StatusView | Waited | None) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(news)


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
