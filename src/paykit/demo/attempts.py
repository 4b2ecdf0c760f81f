"""One attempt to pay, as each provider wants it: its reference, and the amount in its currency."""

from __future__ import annotations

import hashlib
from typing import Final

from ..money import Money
from ..vietqr.matching import PaymentCodes

#: What the shop takes for a dollar. A real shop keeps the rate with the order.
DONG_PER_DOLLAR: Final = 25_000
#: The form of the codes in the memos of bank transfers.
CODES: Final = PaymentCodes("TN", 8)

_BY_TRANSFER: Final = frozenset({"vietqr", "sepay", "casso"})
_LAST_ORDER_CODE: Final = 9_007_199_254_740_991


def reference_of(provider: str, order_id: str, attempt: int) -> str:
    """Our id of this attempt at the provider: a new one for each attempt, always the same again."""
    name = f"{order_id}-{attempt}"
    if provider in _BY_TRANSFER:
        return CODES.from_text(name)
    if provider == "payos":  # numbers its orders
        digest = hashlib.sha256(name.encode()).digest()
        return str(int.from_bytes(digest[:8], "big") % _LAST_ORDER_CODE + 1)
    return name


def charge_of(provider: str, total: Money) -> Money:
    """What to ask for: the total, or its value in dollars where đồng are not taken."""
    if provider != "paypal":
        return total
    cents = -(-total.minor * 100 // DONG_PER_DOLLAR)
    return Money(cents, "USD")
