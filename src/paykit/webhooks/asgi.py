"""The endpoints as a plain ASGI app: mount it anywhere, no framework needed.

::

    app = PaykitApp(service, return_to="https://shop.example/thanks")

Starlette: ``Mount("/pay", app)``. It adds nothing to the rules of :mod:`.receiver` and
:mod:`.endpoints`; it only reads requests and writes replies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import attrs

from ..errors import ConfigurationError
from ..http import WITHOUT_BODY, Reply
from .driving import AsyncDriver, InThread, read_within
from .endpoints import Answer, Endpoints, EventStream, Mountable, Problem
from .options import MountOptions
from .receiver import STREAM_HEADERS, Head, below_prefix, check_prefix, path_below

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class PaykitApp:
    """An ASGI app over a payment service, blocking or async, or over an event receiver.

    ``return_to`` is where browsers go after a return; it gets ``?state=…&payment_id=…``. ``prefix``
    is the path that it is mounted under, where the framework neither takes it off the path nor
    tells it as the root path. ``max_body`` and ``body_seconds`` are short for those of ``options``.
    ``in_thread`` calls the methods of a blocking service, if not :func:`asyncio.to_thread` shall.
    """

    def __init__(
        self,
        service: Mountable,
        *,
        return_to: str,
        options: MountOptions | None = None,
        prefix: str = "",
        max_body: int | None = None,
        body_seconds: float | None = None,
        in_thread: InThread | None = None,
    ) -> None:
        options = options or MountOptions()
        if max_body is not None:
            options = attrs.evolve(options, max_body=max_body)
        if body_seconds is not None:
            options = attrs.evolve(options, body_seconds=body_seconds)
        self._prefix = check_prefix(prefix)
        endpoints = Endpoints(service, return_to=return_to, options=options)
        self._driver = AsyncDriver(endpoints, in_thread=in_thread)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ConfigurationError("PaykitApp answers HTTP only")
        await self.answer(scope, receive, send)

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, *, path: str | None = None
    ) -> None:
        """Answer one HTTP request; a router that knows the path below the mount gives it."""
        request = _AsgiRequest(receive, send)
        whole: str = scope["path"]
        if path is None:
            path = below_root(scope)
            if self._prefix:
                path = below_prefix(path, self._prefix)
        else:
            path = path_below(whole, path)
        answer: Any = self._driver.begin(head_of(scope, path), request)
        if not isinstance(answer, Answer):  # no second name, or a stream would keep what is over
            answer = await answer
        if isinstance(answer, EventStream):
            answer = await self._driver.stream(answer, request)
            if request.is_begun:
                await send({"type": "http.response.body", "body": b""})
        if answer is not None:
            await _send(answer, send)


def below_root(scope: Scope) -> str:
    """The path below the root path that the server was told of."""
    path: str = scope["path"]
    root = scope.get("root_path", "").rstrip("/")
    return below_prefix(path, root) if root else path


def head_of(scope: Scope, path: str) -> Head:
    """The head of a request; ``path`` is the one below the mount."""
    client = scope.get("client")
    return Head(
        scope["method"],
        path,
        scope.get("query_string", b""),
        list(scope["headers"]),
        client[0] if client else None,
        scope["path"],
    )


_STREAM: Final = [(name.encode(), value.encode()) for name, value in STREAM_HEADERS]


class _AsgiRequest:
    """The body and the end of one ASGI request, and what goes out bit by bit."""

    __slots__ = ("_receive", "_send", "is_begun")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.is_begun = False

    def read(self, limit: int, seconds: float) -> Awaitable[bytes | Problem]:
        return read_within(seconds, self._read(limit))

    async def _read(self, limit: int) -> bytes | Problem:
        chunks = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return Problem.GONE
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                return Problem.TOO_LARGE
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    async def until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def emit(self, data: bytes) -> None:
        if not self.is_begun:
            self.is_begun = True
            head = {"type": "http.response.start", "status": 200, "headers": list(_STREAM)}
            await self._send(head)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})


async def _send(reply: Reply, send: Send) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
    if reply.content_type is not None:
        headers.append((b"content-type", reply.content_type.encode("latin-1")))
    if reply.status not in WITHOUT_BODY:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    try:
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})
    except OSError:
        return  # so a server may say that the client has gone


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
