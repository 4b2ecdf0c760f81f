"""The bank's book: transfers in, and those who are told of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import attrs

from ...money import Money
from ..edge import remember
from ..summary import PaymentSummary
from .config import BankAccount, BankConfig


@attrs.frozen(kw_only=True)
class Transfer:
    """One credit. ``memo`` is what the payer wrote, ``text`` what the bank made of it."""

    number: int
    account: BankAccount
    amount: int
    memo: str
    text: str
    reference: str
    at: datetime


Watcher: TypeAlias = Callable[[Transfer], None]


class Bank:
    """The accounts and what came in, in memory."""

    def __init__(self, config: BankConfig, *, keep: int) -> None:
        self.config = config
        self._keep = keep
        self._transfers: dict[int, Transfer] = {}
        self._watchers: dict[str, list[Watcher]] = {}
        self._count = 92_703

    def watch(self, account_number: str, watcher: Watcher) -> None:
        """Tell ``watcher`` of every credit on this account."""
        self._watchers.setdefault(account_number, []).append(watcher)

    def account(self, bin_: str, number: str) -> BankAccount | None:
        """The account with this number at this bank."""
        return next(
            (one for one in self.config.accounts if (one.bin, one.number) == (bin_, number)), None
        )

    def credit(self, account: BankAccount, *, amount: int, memo: str, at: datetime) -> Transfer:
        """Book a transfer, and tell those who watch the account."""
        self._count += 1
        reference = f"{self._count * 7919 % 10**10:010d}"
        transfer = Transfer(
            number=self._count,
            account=account,
            amount=amount,
            memo=memo,
            text=as_banks_write(memo, reference),
            reference=f"MBVCB.{reference}",
            at=at,
        )
        remember(self._transfers, transfer.number, transfer, keep=self._keep)
        for watcher in self._watchers.get(account.number, ()):
            watcher(transfer)
        return transfer

    def statement(self, account_number: str, *, after: int = 0) -> list[Transfer]:
        """The credits on one account, the oldest first."""
        return [
            one
            for one in self._transfers.values()
            if one.account.number == account_number and one.number > after
        ]

    def summaries(self) -> list[PaymentSummary]:
        """The transfers in a line each, the oldest first."""
        return [
            PaymentSummary(
                provider="bank",
                reference=one.memo or "no memo",
                amount=Money(one.amount, "VND"),
                refunded=Money(0, "VND"),
                status=f"arrived on {one.account.number}",
                mood="good",
                created_at=one.at,
                page=None,
            )
            for one in self._transfers.values()
        ]


def as_banks_write(memo: str, reference: str) -> str:
    """The memo as it comes out of a bank: upper case, with what the banks add before and behind."""
    return f"MBVCB.{reference}.{memo.upper()}.CT TU 0123456789 NGUYEN VAN A TOI TIEM NHO".replace(
        "..", "."
    )
