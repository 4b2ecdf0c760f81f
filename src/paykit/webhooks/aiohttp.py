"""The endpoints as routes of aiohttp: ``app.add_routes(paykit_routes(service, …))``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.http import HttpProcessingError

from ..http import Reply
from .driving import AsyncDriver, read_within
from .endpoints import Endpoints, EventStream, Mountable, Problem
from .options import MountOptions
from .receiver import PATHS, STREAM_HEADERS, Head, check_prefix, path_below

#: Seconds between looks whether a client that waits is still there; aiohttp tells nobody.
_LOOK_SECONDS: Final = 2.0


def paykit_routes(
    service: Mountable,
    *,
    return_to: str,
    prefix: str = "/pay",
    options: MountOptions | None = None,
    name: str = "paykit",
) -> list[web.RouteDef]:
    """All endpoints below ``prefix``; see :class:`~paykit.webhooks.asgi.PaykitApp`.

    The body is read by paykit itself, so no middleware may read it before; the application's
    ``client_max_size`` does not count here. The routes have names, ``paykit_webhook`` and so on:
    ``app.router["paykit_return"].url_for(account="vnpay")``. Another ``name`` than ``paykit`` is
    for another mount in the same application.
    """
    mount = check_prefix(prefix)
    driver = AsyncDriver(Endpoints(service, return_to=return_to, options=options))
    return [
        web.route(
            "*",
            mount + path.replace("}", ":.*}"),
            _handler(driver, path),
            name=f"{name}_{endpoint}",
        )
        for endpoint, path in PATHS.items()
    ]


def _handler(
    driver: AsyncDriver, path: str
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        incoming = _Request(request)
        answer = await driver.answer(_head(request, path), incoming)
        if not isinstance(answer, EventStream):
            return _response(answer)
        refused = await driver.stream(answer, incoming)
        return incoming.response if refused is None else _response(refused)

    return handle


class _Request:
    """The body and the end of one request, and what goes out bit by bit."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.response = web.StreamResponse(headers=dict(STREAM_HEADERS))

    def read(self, limit: int, seconds: float) -> Awaitable[bytes | Problem]:
        return read_within(seconds, self._read(limit))

    async def _read(self, limit: int) -> bytes | Problem:
        content = self._request.content
        if self._request.body_exists and content.at_eof() and content.total_bytes:
            return await self._read_before(limit)
        chunks = []
        size = 0
        try:
            async for chunk in self._request.content.iter_any():
                size += len(chunk)
                if size > limit:
                    return Problem.TOO_LARGE
                chunks.append(chunk)
        except ConnectionError:
            return Problem.GONE
        except (web.RequestPayloadError, HttpProcessingError):  # by what parses it
            return Problem.UNREADABLE
        return b"".join(chunks)

    async def _read_before(self, limit: int) -> bytes | Problem:
        """What something else has read, if it has kept it."""
        body = await self._request.read()
        if len(body) > limit:
            return Problem.TOO_LARGE
        return body or Problem.TAKEN

    async def until_gone(self) -> None:
        # It has no event for it either.
        while (at := self._request.transport) is not None and not at.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)

    async def emit(self, data: bytes) -> None:
        if not self.response.prepared:
            await self.response.prepare(self._request)
        await self.response.write(data)


def _head(request: web.Request, path: str) -> Head:
    # The target as it came; what aiohttp has parsed is no longer byte for byte what was signed.
    query = request.raw_path.partition("?")[2].encode("utf-8", "surrogateescape")
    return Head(
        request.method,
        path_below(request.path, path.format_map(request.match_info)),
        query,
        request.raw_headers,
        request.remote or None,
        request.path,
    )


def _response(reply: Reply) -> web.Response:
    response = web.Response(status=reply.status, body=reply.body)
    for name, value in reply.headers:
        response.headers.add(name, value)
    if reply.content_type is not None:
        response.headers["content-type"] = reply.content_type
    return response
