"""The endpoints as a view, blocking or async: each does the same under WSGI and ASGI.

Under ASGI the async one takes no thread for those who wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ..http import Reply
from ..webhooks.endpoints import EventStream
from ..webhooks.receiver import PATHS, Endpoint
from .requests import AsyncRequest, head_of, is_asgi, reading, to_response, to_stream, uncached
from .runtime import Runtime, current, current_async

View = TypeVar("View", bound=Callable[..., Any])


def opened(view: View) -> View:
    """Let providers in: they have no session and no token of a form, and commit by themselves."""
    view.csrf_exempt = True  # type: ignore[attr-defined]
    view.login_required = False  # type: ignore[attr-defined]
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


@opened
def answer(request: HttpRequest, endpoint: Endpoint, **names: str) -> HttpResponseBase:
    """Answer one request."""
    return respond(current(), request, PATHS[endpoint].format_map(names))


@opened
async def answer_async(request: HttpRequest, endpoint: Endpoint, **names: str) -> HttpResponseBase:
    """Answer one request on an event loop."""
    runtime = await current_async()
    return await respond_async(runtime, request, PATHS[endpoint].format_map(names))


def respond(runtime: Runtime, request: HttpRequest, path: str) -> HttpResponseBase:
    """The response to a request at this path below the mount."""
    uncached(request)
    found = runtime.blocking.answer(head_of(request, path), reading(request))
    return (
        _stream(runtime, found, request) if isinstance(found, EventStream) else to_response(found)
    )


async def respond_async(runtime: Runtime, request: HttpRequest, path: str) -> HttpResponseBase:
    """As :func:`respond`, without taking a thread for who waits, where there is a loop."""
    if not is_asgi(request):  # the request has a thread all the same, and there are few of them
        return await sync_to_async(respond)(runtime, request, path)
    uncached(request)
    found = await runtime.awaiting.answer(head_of(request, path), AsyncRequest(request))
    return (
        _stream(runtime, found, request) if isinstance(found, EventStream) else to_response(found)
    )


def _stream(runtime: Runtime, stream: EventStream, request: HttpRequest) -> HttpResponseBase:
    """A stream costs a task where there is a loop, and a thread elsewhere."""
    if is_asgi(request):
        parts: Any = runtime.awaiting.parts(stream, AsyncRequest(request))
    else:
        parts = runtime.blocking.stream(stream)
    return to_response(parts) if isinstance(parts, Reply) else to_stream(parts)
