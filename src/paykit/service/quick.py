"""Faster ways for what is done for every delivery; each does the same as the plain way it names."""

from __future__ import annotations

from enum import Enum
from functools import cache
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from ..money import Money

E = TypeVar("E", bound=Enum)
V = TypeVar("V")


def members(kind: type[E]) -> type[E]:
    """The members of an enumeration as plain attributes: in Python 3.11 each look is a call."""
    return cast("type[E]", SimpleNamespace(**kind.__members__))


def evolve(value: V, **changes: Any) -> V:
    """As ``attrs.evolve``, for classes without slots, whose fields are taken as they are."""
    made = object.__new__(type(value))
    fields = made.__dict__
    fields.update(value.__dict__)
    fields.update(changes)
    return made


@cache
def nothing(currency: str) -> Money:
    """No money at all, the same object each time."""
    return Money(0, currency)
