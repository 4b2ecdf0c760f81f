"""The whole sync and async story: a provider's operation is a generator that yields requests.

A flow yields :class:`~paykit.http.HttpRequest` values, is sent the answers, and returns its
result. It does no I/O of its own, so one definition serves both drivers below. A failure to
perform a request is thrown *into* the flow, which may react or let it pass.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeAlias, TypeVar

from .http import HttpRequest, HttpResponse

T = TypeVar("T")
Flow: TypeAlias = Generator[HttpRequest, HttpResponse, T]
Perform: TypeAlias = Callable[[HttpRequest], HttpResponse]
AsyncPerform: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponse]]


def done(value: T) -> Flow[T]:
    """A flow without I/O: a signed URL, a QR code, a signature check."""
    return value
    yield  # the unreachable yield is what makes this function a generator


def run(flow: Flow[T], perform: Perform) -> T:
    """Drive a flow with a blocking ``perform``; returns the flow's result."""
    step: Callable[[Any], HttpRequest] = flow.send
    value: Any = None
    while True:
        try:
            request = step(value)
        except StopIteration as stop:
            result: T = stop.value
            return result
        try:
            step, value = flow.send, perform(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the flow decides
            step, value = flow.throw, error


async def arun(flow: Flow[T], perform: AsyncPerform) -> T:
    """Drive a flow with an awaitable ``perform``; returns the flow's result."""
    step: Callable[[Any], HttpRequest] = flow.send
    value: Any = None
    while True:
        try:
            request = step(value)
        except StopIteration as stop:
            result: T = stop.value
            return result
        try:
            step, value = flow.send, await perform(request)
        except Exception as error:  # noqa: BLE001 - as above
            step, value = flow.throw, error
