"""Endpoints to mount: webhooks, browser returns and the status that a browser polls.

:mod:`~paykit.webhooks.receiver` holds the rules, the modules with a framework's name mount them
there. What is the same for all of them is here; every name is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .on_event import AsyncEventReceiver as AsyncEventReceiver
    from .on_event import EventReceiver as EventReceiver
    from .options import MountOptions as MountOptions
    from .sources import Sources as Sources
    from .tokens import OrderTokens as OrderTokens

_HOMES = {
    "on_event": "AsyncEventReceiver EventReceiver",
    "options": "MountOptions",
    "sources": "Sources",
    "tokens": "OrderTokens",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME)  # noqa: PLE0605 - a test holds it equal to the imports above


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
