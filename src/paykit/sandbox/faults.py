"""Faults on demand: what a test switches on to see how a merchant copes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs

_MAX_COUNT = 1000
_MAX_DELAY = 3600
_DELAYS = frozenset({"delay_ipn", "delay_capture"})
_COUNTS = frozenset(
    {
        "drop_next_ipn",
        "duplicate_next_ipn",
        "reorder_next_ipn",
        "fail_next_refund",
        "fail_next_capture",
    }
)


class BadFaultError(ValueError):
    """A fault switch has an unknown name or a value out of range."""


@attrs.define(kw_only=True)
class Faults:
    """How many of the next notices go wrong, and how late all of them are.

    A dropped notice is never sent by itself, as if it were lost for good; it can be resent by
    hand. A reordered one waits until the one after it was sent. A failing refund gets MoMo's 1080
    or VNPay's 99. ZaloPay accepts it; a query tells. Card gateways: captures stay pending for
    ``delay_capture`` seconds, where they can be.
    """

    drop_next_ipn: int = 0
    duplicate_next_ipn: int = 0
    reorder_next_ipn: int = 0
    delay_ipn: float = 0
    fail_next_refund: int = 0
    fail_next_capture: int = 0
    delay_capture: float = 0

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set the named switches, all or none; raises :class:`BadFaultError`."""
        for name, value in wanted.items():
            if name in _DELAYS:
                good = 0 <= _seconds(value) <= _MAX_DELAY
            elif name in _COUNTS:
                good = type(value) is int and 0 <= value <= _MAX_COUNT
            else:
                raise BadFaultError(f"there is no fault {name[:40]!r}")
            if not good:
                raise BadFaultError(f"{name} is out of range")
        for name, value in wanted.items():
            setattr(self, name, _seconds(value) if name in _DELAYS else value)

    def take(self, name: str) -> bool:
        """Use up one of a counted fault; tells whether there was one left."""
        left: int = getattr(self, name)
        if left:
            setattr(self, name, left - 1)
        return left > 0


def _seconds(value: object) -> float:
    # JSON fractions arrive as Decimal; True is an int, but no number of seconds.
    return float(value) if type(value) in {int, float, Decimal} else -1  # type: ignore[arg-type]
