"""Calling what blocks, and what belongs to somebody else, beside an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *args: Any, **named: Any) -> T:
    """What a blocking function returns; it is called in a thread, as by :func:`asyncio.to_thread`.

    A ``StopIteration``, of a lone ``next()`` for instance, arrives as a ``RuntimeError``: a future
    cannot carry it, and whoever waits would do so for ever.
    """
    return await asyncio.to_thread(_call, function, *args, **named)


def _call(function: Callable[..., T], *args: Any, **named: Any) -> T:
    try:
        return function(*args, **named)
    except StopIteration as error:
        raise RuntimeError("a StopIteration came out of a function that blocks") from error
