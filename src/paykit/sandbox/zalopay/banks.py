"""ZaloPay's channels and banks: the list for merchants, and the links that open banks' apps.

A few banks with the codes that ZaloPay uses; the smallest and largest amounts are made up.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import attrs

from ..config import SandboxConfig
from . import codes
from .answers import Answer, Fields, Refusal, answer, in_time
from .config import ZaloPayMerchant
from .state import Books

# Channels ("pmcid").
CREDIT_CARD: Final = 36
ACCOUNT: Final = 37
WALLET: Final = 38
DOMESTIC_CARD: Final = 39
DEBIT_CARD: Final = 41

_MILLION: Final = 1_000_000


@attrs.frozen
class Bank:
    """One way to pay in the list: a bank, a kind of card, or the wallet."""

    code: str
    name: str
    channel: int
    least: int
    most: int


BANKS: Final = (
    Bank("CC", "Visa/Master/JCB", CREDIT_CARD, 10_000, 200 * _MILLION),
    Bank("BIDV", "BIDV", ACCOUNT, 10_000, 100 * _MILLION),
    Bank("VTB", "VietinBank", ACCOUNT, 10_000, 100 * _MILLION),
    Bank("zalopayapp", "ZaloPay", WALLET, 1, 100 * _MILLION),
    # The bank of the published test cards comes first.
    Bank("SBIS", "SBI", DOMESTIC_CARD, 10_000, 50 * _MILLION),
    Bank("BIDV", "BIDV", DOMESTIC_CARD, 10_000, 50 * _MILLION),
    Bank("MSB", "MSB", DOMESTIC_CARD, 10_000, 50 * _MILLION),
    Bank("VIB", "VIB", DOMESTIC_CARD, 10_000, 50 * _MILLION),
    Bank("VTB", "VietinBank", DOMESTIC_CARD, 10_000, 50 * _MILLION),
    Bank("CCDB", "Visa/Master Debit", DEBIT_CARD, 10_000, 200 * _MILLION),
)


@attrs.frozen
class App:
    """A bank's app; ``auto_fill`` tells whether its link may carry an order."""

    name: str
    full_name: str
    link: str
    auto_fill: bool


APPS: Final = {
    "BIDV": App(
        "BIDV",
        "Ngân hàng TMCP Đầu tư và Phát triển Việt Nam",
        "bidv.smartbanking.partner://payment",
        auto_fill=True,
    ),
    "MSB": App("MSB", "Ngân hàng TMCP Hàng Hải Việt Nam", "msbmbank://applink", auto_fill=True),
    "VIB": App("VIB", "Ngân hàng TMCP Quốc tế Việt Nam", "myvib2://", auto_fill=False),
    "VTB": App(
        "VietinBank",
        "Ngân hàng TMCP Công Thương Việt Nam",
        "vietinbankmobile://",
        auto_fill=False,
    ),
}


@attrs.frozen(kw_only=True)
class Banks:
    """Operations about banks, for requests that are well formed and signed."""

    config: SandboxConfig
    books: Books

    def listing(self, sent: Fields, _merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Every bank by its channel, in the names of version 1."""
        if not in_time(sent["reqtime"], now, self.config.zalopay.clock_tolerance):
            raise Refusal(codes.ILLEGAL_DATA, "reqtime is not now, in Unix milliseconds")
        by_channel: dict[str, list[dict[str, object]]] = {}
        for order, bank in enumerate(BANKS, start=1):
            entry = {
                "bankcode": bank.code,
                "name": bank.name,
                "displayorder": order,
                "pmcid": bank.channel,
                "minamount": bank.least,
                "maxamount": bank.most,
            }
            by_channel.setdefault(str(bank.channel), []).append(entry)
        return {"returncode": codes.SUCCESS, "returnmessage": "", "banks": by_channel}

    def deep_links(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Links that open banks' apps, with the order in them where the app takes it."""
        wanted = [code for code in (sent.get("bank_codes") or "").split(",") if code]
        if not set(wanted) <= set(APPS):
            raise Refusal(codes.LINK_BANK_CODES, f"known are {','.join(APPS)}")
        query = ""
        if token := sent.get("order_token"):
            order = self.books.order_by_token(token)
            if order is None or order.app_id != merchant.app_id or not order.payable(now):
                raise Refusal(codes.LINK_ORDER_TOKEN)
            query = "?" + urlencode({"qr": order.qr_code})
        logo = f"{self.config.public_url}/static/bank.svg"
        data = [
            {
                "bank_code": code,
                "short_name": app.name,
                "full_name": app.full_name,
                "logo_url": logo,
                "deep_link": app.link + (query if app.auto_fill else ""),
                "is_auto_fill": app.auto_fill,
            }
            for code, app in APPS.items()
            if not wanted or code in wanted
        ]
        return {**answer(codes.SUCCESS, codes.SUCCESS), "data": data}
