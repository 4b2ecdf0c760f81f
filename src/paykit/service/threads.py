"""Threads of the service itself."""

from __future__ import annotations

import threading
from collections.abc import Callable


class OwnThread(threading.Thread):
    """A thread that the service begins: nobody else closes what is opened in it."""

    def __init__(self, target: Callable[[], None], *, name: str) -> None:
        super().__init__(target=target, name=name, daemon=True)


def is_own() -> bool:
    """Whether this is such a thread."""
    return isinstance(threading.current_thread(), OwnThread)
