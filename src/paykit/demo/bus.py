"""A bus inside one process: who publishes an event does not know who handles it.

It stands in for a broker. Like one it promises nothing about duplicates, so handlers deduplicate
by ``event_id``. A handler's exception goes back to the publisher: the payment service then brings
its event again later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

E = TypeVar("E")


class Bus:
    """Handlers by the kind of event that they want, called in the order they subscribed."""

    def __init__(self) -> None:
        self._handlers: list[tuple[type[Any], Callable[[Any], None]]] = []

    def subscribe(self, kind: type[E], handler: Callable[[E], None]) -> None:
        """Call ``handler`` with every event that is a ``kind``."""
        self._handlers.append((kind, handler))

    def publish(self, event: object) -> None:
        """Give ``event`` to everybody who wants it."""
        for kind, handler in tuple(self._handlers):
            if isinstance(event, kind):
                handler(event)
