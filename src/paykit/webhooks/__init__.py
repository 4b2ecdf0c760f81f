"""Endpoints to mount: webhooks, browser returns and the status that a browser polls.

:mod:`~paykit.webhooks.receiver` holds the rules, the modules with a framework's name mount them
there. What is the same for all of them is here; every name is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import attach

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
__getattr__, __dir__ = attach(__name__, _HOMES)

__all__ = __dir__()  # noqa: PLE0605 - a test holds it equal to the imports above
