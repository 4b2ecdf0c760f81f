"""Serving several applications in one process: each on its own port, all with one shutdown."""

from __future__ import annotations

import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import FrameType
from typing import Final

import attrs
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from ..errors import ConfigurationError

_SHUTDOWN_SECONDS: Final = 3


@attrs.frozen
class Listener:
    """A port that is ours: connections wait from now on until they are served."""

    host: str
    port: int
    socket: socket.socket

    @property
    def url(self) -> str:
        """The address for browsers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def listen(host: str, port: int) -> Listener:
    """Take a port (0: any that is free); raises :class:`ConfigurationError` in one line."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(f"cannot use {host}: {error.strerror}") from None
    try:
        # Without it, a restart would wait for the connections of the run before.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen()
    except OSError as error:
        opened.close()
        raise ConfigurationError(
            f"port {port} on {host} is not free ({error.strerror}); choose another one"
        ) from None
    return Listener(host, opened.getsockname()[1], opened)


def serve(apps: Mapping[Listener, Starlette]) -> None:
    """Serve each application on its listener until SIGINT or SIGTERM, then end in order."""
    config = uvicorn.Config(
        combine({listener.port: app for listener, app in apps.items()}),
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    server = uvicorn.Server(config)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn raises the signal once more after its shutdown. With the usual handlers that would be
    # a traceback or a death by signal, where a clean end is meant.
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in signals]
    try:
        server.run(sockets=[listener.socket for listener in apps])
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def combine(apps: Mapping[int, Starlette]) -> Starlette:
    """One application that passes each request on by the port on which it came in."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    async def by_port(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[scope["server"][1]](scope, receive, send)

    return Starlette(routes=[Mount("/", by_port)], lifespan=lifespan)
