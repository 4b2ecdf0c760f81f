"""What an item of a webhook means for its payment.

Source: https://docs.adyen.com/development-resources/webhooks/webhook-types/
"""

from __future__ import annotations

from typing import Final

import attrs

from ...declines import DeclineReason
from ...events import Movement, MovementKind
from ...models import CaptureMode, PaymentStatus
from ...money import Money
from .codes import EVENTS, Kind
from .notices import Item

S = PaymentStatus


@attrs.frozen
class Meaning:
    """What an item means for its payment."""

    status: PaymentStatus
    reason: str | None = None
    captured: Money | None = None
    movement: Movement | None = None


def meaning_of(item: Item, mode: CaptureMode) -> Meaning | None:
    """What an item means in an account with this capture mode; ``None`` for no news."""
    kind = EVENTS.get(item.code)
    return None if kind is None else _READERS[kind](item, mode)


def _authorisation(item: Item, mode: CaptureMode) -> Meaning:
    if not item.success:
        # Why, stands in what is not signed.
        return Meaning(S.FAILED, reason=DeclineReason.CARD_DECLINED)
    if mode is CaptureMode.AUTOMATIC or not item.money:
        return Meaning(S.SUCCEEDED, captured=item.money)
    return Meaning(S.AUTHORIZED)


def _capture(item: Item, mode: CaptureMode) -> Meaning:
    if item.success and mode is CaptureMode.AUTOMATIC:
        # The money that the authorisation told of already.
        return Meaning(S.SUCCEEDED, captured=item.money)
    movement = _movement(item, MovementKind.CAPTURE, undone=not item.success)
    if item.success:
        return Meaning(S.SUCCEEDED, movement=movement)
    # Where the money was never held for us to take, it was counted as taken.
    status = S.AUTHORIZED if mode is CaptureMode.MANUAL else S.FAILED
    return Meaning(status, reason="capture_failed", movement=movement)


def _capture_undone(item: Item, _mode: CaptureMode) -> Meaning | None:
    if not item.success:
        return None
    movement = _movement(item, MovementKind.CAPTURE, undone=True)
    return Meaning(S.FAILED, reason="capture_failed", movement=movement)


def _cancellation(item: Item, mode: CaptureMode) -> Meaning | None:
    if item.success:
        return Meaning(S.CANCELED, reason="canceled_by_merchant")
    return Meaning(S.AUTHORIZED, reason="void_failed") if mode is CaptureMode.MANUAL else None


def _reversal(item: Item, mode: CaptureMode) -> Meaning | None:
    """A cancel if nothing was taken yet, else a refund; which of them, nothing signed tells."""
    if not item.success:
        return None
    movement = _movement(item, MovementKind.REFUND, undone=False)
    if mode is CaptureMode.AUTOMATIC:
        # It counts as taken from the authorisation on, so it is given back either way.
        return Meaning(S.PARTIALLY_REFUNDED, movement=movement)
    return Meaning(S.NEEDS_REVIEW, reason="canceled_or_refunded", movement=movement)


def _refund(item: Item, _mode: CaptureMode) -> Meaning:
    movement = _movement(item, MovementKind.REFUND, undone=not item.success)
    if item.success:
        return Meaning(S.PARTIALLY_REFUNDED, movement=movement)
    return Meaning(S.NEEDS_REVIEW, reason="refund_failed", movement=movement)


def _refund_undone(item: Item, _mode: CaptureMode) -> Meaning | None:
    if not item.success:
        return None
    movement = _movement(item, MovementKind.REFUND, undone=True)
    return Meaning(S.NEEDS_REVIEW, reason="refund_failed", movement=movement)


def _expiry(item: Item, _mode: CaptureMode) -> Meaning | None:
    return Meaning(S.EXPIRED, reason="expired") if item.success else None


def _dispute(item: Item, _mode: CaptureMode) -> Meaning | None:
    return Meaning(S.DISPUTED, reason="disputed") if item.success else None


def _movement(item: Item, kind: MovementKind, *, undone: bool) -> Movement:
    return Movement(kind=kind, id=item.psp, amount=item.money, undone=undone)


_READERS: Final = {
    Kind.AUTHORISATION: _authorisation,
    Kind.CAPTURE: _capture,
    Kind.CAPTURE_UNDONE: _capture_undone,
    Kind.CANCELLATION: _cancellation,
    Kind.REVERSAL: _reversal,
    Kind.REFUND: _refund,
    Kind.REFUND_UNDONE: _refund_undone,
    Kind.EXPIRY: _expiry,
    Kind.DISPUTE: _dispute,
}
