"""ZaloPay's orders, refunds and agreements as the simulator remembers them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import attrs

from ...money import Money
from ..edge import remember
from ..times import VIETNAM
from . import codes

#: Of an agreement: the payer agreed, refused, or it was ended.
CONFIRMED: Final = 1
REFUSED: Final = 3
ENDED: Final = 4


@attrs.frozen(kw_only=True)
class Refund:
    """One refund that was asked for: refused at once, or final at ``done_at``."""

    m_refund_id: str
    refund_id: int
    amount: int
    done_at: datetime
    refusal: int | None = None
    fails: bool = False

    def result(self, now: datetime) -> tuple[int, int]:
        """The return code and the sub code as of now."""
        if self.refusal is not None:
            return codes.FAILED, self.refusal
        if self.done_at > now:
            return codes.PROCESSING, codes.REFUND_PROCESSING
        if self.fails:
            return codes.FAILED, codes.REFUND_FAILED
        return codes.SUCCESS, codes.SUCCESS


@attrs.define(kw_only=True, eq=False)
class Order:
    """One order. ``fields`` is the merchant's request, ``embedded`` its ``embed_data``.

    ``code`` is what was made of it: :data:`codes.PROCESSING` while nothing was. What was paid has
    a ``zp_trans_id`` and counts as paid from ``paid_at`` on.
    """

    token: str
    fields: dict[str, Any]
    embedded: dict[str, Any]
    created_at: datetime
    expires_at: datetime
    qr_code: str
    code: int = codes.PROCESSING
    channel: int = 0
    bank_code: str = ""
    zp_trans_id: int = 0
    paid_at: datetime | None = None
    refunds: list[Refund] = attrs.field(factory=list)

    @property
    def app_id(self) -> int:
        """Whose order it is."""
        return int(self.fields["app_id"])

    @property
    def app_trans_id(self) -> str:
        """The merchant's reference."""
        return str(self.fields["app_trans_id"])

    @property
    def amount(self) -> int:
        """In đồng."""
        return int(self.fields["amount"])

    @property
    def is_charge(self) -> bool:
        """Whether it is to be charged through an agreement and not on a page."""
        return bool(self.fields.get("product_code"))

    @property
    def redirect_url(self) -> str:
        """Where the payer goes afterwards, or nothing. Only this spelling is understood."""
        return str(self.embedded.get("redirecturl") or self.fields.get("redirect_url") or "")

    def result(self, now: datetime) -> tuple[int, int]:
        """The return code and the sub code as of now: nobody has to look for it to expire."""
        if self.paid_at is not None:
            code = codes.SUCCESS if self.paid_at <= now else codes.PROCESSING
            return code, code
        if self.code in codes.RECOVERABLE and self.expires_at <= now:
            return codes.FAILED, codes.EXPIRED
        if self.code == codes.PROCESSING:
            return codes.PROCESSING, codes.PROCESSING
        return codes.FAILED, self.code

    def payable(self, now: datetime) -> bool:
        """Whether it can still be paid."""
        return self.paid_at is None and self.code in codes.RECOVERABLE and now < self.expires_at

    def refunded(self, now: datetime) -> int:
        """What was given back."""
        return sum(one.amount for one in self.refunds if one.result(now)[0] == codes.SUCCESS)

    def refundable(self, now: datetime) -> int:
        """What is left to give back; a refund in progress counts as given until it fails."""
        taken = (one.amount for one in self.refunds if one.result(now)[0] != codes.FAILED)
        return self.amount - sum(taken)

    def money(self) -> Money:
        """The amount for people."""
        return Money(self.amount, "VND")


@attrs.define(kw_only=True, eq=False)
class Agreement:
    """A merchant's wish to charge a wallet. ``status`` is 0 until the payer decides."""

    binding_id: str
    fields: dict[str, Any]
    created_at: datetime
    expires_at: datetime
    status: int = 0
    pay_token: str = ""
    changed_at: datetime | None = None

    @property
    def app_id(self) -> int:
        """Whose agreement it is."""
        return int(self.fields["app_id"])

    @property
    def app_trans_id(self) -> str:
        """The merchant's reference."""
        return str(self.fields["app_trans_id"])

    @property
    def identifier(self) -> str:
        """The payer at the merchant."""
        return str(self.fields["identifier"])

    @property
    def max_amount(self) -> int:
        """The most that one charge may be; 0 is no limit."""
        return int(self.fields.get("max_amount") or 0)

    @property
    def redirect_url(self) -> str:
        """Where the payer goes afterwards, or nothing."""
        web, app = self.fields.get("redirect_url"), self.fields.get("redirect_deep_link")
        return str(web or app or "")

    def open(self, now: datetime) -> bool:
        """Whether the payer can still decide."""
        return self.status == 0 and now < self.expires_at


def user_id(app_id: int, app_user: str) -> str:
    """ZaloPay's name for a payer: made up, the same for the same user of the same app."""
    digest = hashlib.sha256(f"{app_id}|{app_user}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


class Books:
    """Everything that ZaloPay remembers."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._orders: dict[tuple[int, str], Order] = {}
        self._refunds: dict[tuple[int, str], Refund] = {}
        self._agreements: dict[tuple[int, str], Agreement] = {}
        self._count = 0

    @property
    def orders(self) -> Iterable[Order]:
        """All orders, the oldest first."""
        return self._orders.values()

    @property
    def agreements(self) -> Iterable[Agreement]:
        """All agreements, the oldest first."""
        return self._agreements.values()

    def add(self, order: Order) -> None:
        """Remember an order."""
        remember(self._orders, (order.app_id, order.app_trans_id), order, keep=self._keep)

    def order(self, app_id: int, app_trans_id: str) -> Order | None:
        """A merchant's order by its reference."""
        return self._orders.get((app_id, app_trans_id))

    def order_by_token(self, token: str) -> Order | None:
        """The order that a page, a link or a charge is about."""
        return next((one for one in self._orders.values() if one.token == token), None)

    def order_by_transaction(self, app_id: int, zp_trans_id: str) -> Order | None:
        """The order that a refund is about."""
        for order in self._orders.values():
            if order.zp_trans_id and (order.app_id, str(order.zp_trans_id)) == (
                app_id,
                zp_trans_id,
            ):
                return order
        return None

    def add_refund(self, order: Order, refund: Refund) -> None:
        """Remember a refund, whatever its result."""
        order.refunds.append(refund)
        key = (order.app_id, refund.m_refund_id)
        remember(self._refunds, key, refund, keep=self._keep)

    def refund(self, app_id: int, m_refund_id: str) -> Refund | None:
        """A merchant's refund by its reference."""
        return self._refunds.get((app_id, m_refund_id))

    def add_agreement(self, agreement: Agreement) -> None:
        """Remember an agreement."""
        key = (agreement.app_id, agreement.app_trans_id)
        remember(self._agreements, key, agreement, keep=self._keep)

    def agreement(self, app_id: int, app_trans_id: str) -> Agreement | None:
        """A merchant's agreement by its reference."""
        return self._agreements.get((app_id, app_trans_id))

    def agreement_by_id(self, binding_id: str) -> Agreement | None:
        """The agreement that a page is about."""
        found = (one for one in self._agreements.values() if one.binding_id == binding_id)
        return next(found, None)

    def agreement_in_force(self, app_id: int, pay_token: str) -> Agreement | None:
        """The agreement that this token may charge."""
        for one in self._agreements.values():
            if one.status == CONFIRMED and (one.app_id, one.pay_token) == (app_id, pay_token):
                return one
        return None

    def next_number(self) -> int:
        """A new number."""
        self._count += 1
        return self._count

    def next_transaction(self, now: datetime) -> int:
        """A new transaction number: the Vietnamese date and nine digits."""
        return int(f"{now.astimezone(VIETNAM):%y%m%d}{self.next_number():09d}")
