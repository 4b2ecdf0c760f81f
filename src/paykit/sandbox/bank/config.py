"""The accounts of the pretended bank. All of them, and their holder, are made up."""

from __future__ import annotations

from datetime import timedelta

import attrs


@attrs.frozen(kw_only=True)
class BankAccount:
    """One account that transfers can go to. ``bin`` is the bank's number in QR codes."""

    bin: str
    number: str
    bank: str
    holder: str = "TIEM NHO"


#: Each watched by another notifier; the last one by nobody but its owner.
SEPAY_ACCOUNT = BankAccount(bin="970436", number="0071001234567", bank="Vietcombank")
CASSO_ACCOUNT = BankAccount(bin="970432", number="88888888", bank="VPBank")
PAYOS_ACCOUNT = BankAccount(bin="970422", number="VQRQ0001PAYKIT", bank="MBBank")
OWN_ACCOUNT = BankAccount(bin="970416", number="19036666888", bank="ACB")


@attrs.frozen(kw_only=True)
class BankConfig:
    """The bank's accounts, and how late a transfer is that comes too late."""

    accounts: tuple[BankAccount, ...] = (SEPAY_ACCOUNT, CASSO_ACCOUNT, PAYOS_ACCOUNT, OWN_ACCOUNT)
    lateness: timedelta = timedelta(days=2)
