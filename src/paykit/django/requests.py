"""Django's requests and responses, and the endpoints' own: nothing but translation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from ..http import WITHOUT_BODY, Reply
from ..webhooks import asgi, wsgi
from ..webhooks.driving import Read
from ..webhooks.endpoints import Problem
from ..webhooks.receiver import STREAM_HEADERS, Head, path_below


def is_asgi(request: HttpRequest) -> bool:
    """Whether an event loop waits for the response."""
    return hasattr(request, "scope")


def head_of(request: HttpRequest, routed: str) -> Head:
    """The head of a request; ``routed`` is the path below the mount, as the router found it."""
    path = path_below(request.path, routed)
    if is_asgi(request):
        query = request.scope.get("query_string", b"")
        if isinstance(query, str):  # of Django's own test client
            query = query.encode()
        return asgi.head_of({**request.scope, "query_string": query}, path)
    return wsgi.head_of(request.environ, path, whole_path=request.path)


def reading(request: HttpRequest) -> Read:
    """How to read the body, whether or not something has read it before."""

    def read(limit: int, seconds: float) -> bytes | Problem:
        if not is_asgi(request) and wsgi.length_of(request.environ) is None:
            # Django knows nothing of chunks: whoever asks it for the body finds an empty one.
            return wsgi.read_body(request.environ["wsgi.input"], request.environ, limit, seconds)
        kept: bytes | None = getattr(request, "_body", None)
        if kept is not None:  # somebody has asked for request.body
            return Problem.TOO_LARGE if len(kept) > limit else kept
        if getattr(request, "_read_started", False):
            return Problem.TAKEN
        if is_asgi(request):  # Django has received all of it before
            body: bytes = request.read(limit + 1)
            return Problem.TOO_LARGE if len(body) > limit else body
        return wsgi.read_body(request, request.environ, limit, seconds)

    return read


class AsyncRequest:
    """One request on an event loop."""

    def __init__(self, request: HttpRequest) -> None:
        self._read = reading(request)

    async def read(self, limit: int, seconds: float) -> bytes | Problem:
        """The exact bytes of the body, which are here already."""
        return self._read(limit, seconds)

    async def until_gone(self) -> None:
        """Wait for ever: when the client goes, Django cancels whatever waits."""
        await asyncio.get_running_loop().create_future()


def to_response(reply: Reply) -> HttpResponse:
    """One answer."""
    response = HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))
    if reply.content_type is None:
        del response.headers["content-type"]  # Django would call it a page of HTML
    else:
        response.headers["content-type"] = reply.content_type
    if reply.status not in WITHOUT_BODY:
        response.headers["content-length"] = str(len(reply.body))
    return response


def to_stream(parts: Iterable[bytes] | AsyncGenerator[bytes, None]) -> StreamingHttpResponse:
    """A stream of events. What compresses responses would keep them back, so it leaves it alone."""
    headers = {**dict(STREAM_HEADERS), "content-encoding": "identity"}
    return StreamingHttpResponse(parts, headers=headers)


def uncached(request: Any) -> None:
    """Tell Django's cache of pages to keep nothing of this, whatever the answer's headers are."""
    request._cache_update_cache = False  # noqa: SLF001 - what its own middleware looks at
