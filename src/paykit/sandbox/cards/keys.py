"""Idempotency keys: the same request again gets the same answer, another one a conflict."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from ..edge import remember

A = TypeVar("A")


class KeyConflictError(Exception):
    """The key was used for another request."""


class Keys(Generic[A]):
    """Answers by key; ``request`` is whatever makes two requests the same, bytes for bytes.

    How long a key is known is the gateway's rule (``lifetime``).
    """

    def __init__(self, *, lifetime: timedelta, keep: int) -> None:
        self._lifetime = lifetime
        self._keep = keep
        self._known: dict[str, tuple[datetime, bytes, A]] = {}

    def find(self, key: str, request: bytes, now: datetime) -> A | None:
        """The answer that was given, or ``None``; raises :class:`KeyConflictError`."""
        if key not in self._known:
            return None
        at, digest, answer = self._known[key]
        if now >= at + self._lifetime:
            del self._known[key]
            return None
        if digest != hashlib.sha256(request).digest():
            raise KeyConflictError
        return answer

    def store(self, key: str, request: bytes, answer: A, now: datetime) -> None:
        """Remember the answer to a request."""
        known = (now, hashlib.sha256(request).digest(), answer)
        remember(self._known, key, known, keep=self._keep)
