"""Reading a pay link: is it signed, complete, in time? The answer is a payment or an error code."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import attrs

from ..config import VNPayConfig
from ..edge import UnreadableError, decode_query, is_return_url
from .signing import query_matches
from .state import SCALE
from .times import from_digits

BAD_FORMAT: Final = "03"
DUPLICATE: Final = "01"
EXPIRED: Final = "15"
BAD_SIGNATURE: Final = "70"
NOT_APPROVED: Final = "71"
UNKNOWN_WEBSITE: Final = "72"

_PATTERNS: Final = {
    name: re.compile(pattern, re.ASCII)
    for name, pattern in {
        "vnp_Version": r"2\.1\.0",
        "vnp_Command": r"pay|genqr",
        "vnp_Amount": r"[1-9][0-9]{0,11}",
        "vnp_CreateDate": r"[0-9]{14}",
        "vnp_CurrCode": r"VND",
        "vnp_IpAddr": r".{7,45}",
        "vnp_Locale": r"vn|en",
        "vnp_OrderInfo": r".{1,255}",
        "vnp_OrderType": r".{1,100}",
        "vnp_ReturnUrl": r".{10,255}",
        "vnp_TxnRef": r".{1,100}",
    }.items()
}
_BANK_CODE: Final = re.compile(r"[A-Za-z0-9]{3,20}", re.ASCII)


class PayPageError(Exception):
    """VNPay does not open this link; ``code`` is what its error page shows."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@attrs.frozen(kw_only=True)
class PayLink:
    """A pay link that passed every check. ``amount`` is in hundredths of a đồng."""

    fields: dict[str, str]
    amount: int
    expires_at: datetime

    @property
    def wants_qr(self) -> bool:
        """Whether the merchant shows the code itself and wants its content."""
        return self.fields["vnp_Command"] == "genqr"


def read_pay_link(query: bytes, config: VNPayConfig, now: datetime) -> PayLink:
    """Check a raw query; raises :class:`PayPageError`. The signature comes before the content."""
    try:
        fields = decode_query(query)
    except UnreadableError:
        raise PayPageError(BAD_FORMAT) from None
    if fields.get("vnp_TmnCode") != config.tmn_code:
        raise PayPageError(UNKNOWN_WEBSITE)
    if not query_matches(config.hash_secret, fields):
        raise PayPageError(BAD_SIGNATURE)
    if not config.approved:
        raise PayPageError(NOT_APPROVED)
    if not _well_formed(fields):
        raise PayPageError(BAD_FORMAT)
    expires_at = _expiry(fields, config.page_lifetime)
    if expires_at <= now:
        raise PayPageError(EXPIRED)
    amount = int(fields["vnp_Amount"])
    # Unsigned fields decide nothing and are not kept.
    signed = {name: value for name, value in fields.items() if name.startswith("vnp_") and value}
    return PayLink(fields=signed, amount=amount, expires_at=expires_at)


def _well_formed(fields: dict[str, str]) -> bool:
    if not all(pattern.fullmatch(fields.get(name, "")) for name, pattern in _PATTERNS.items()):
        return False
    bank = fields.get("vnp_BankCode")
    return (
        "vnp_SecureHashType" not in fields  # 2.1.0 forbids what 2.0 required
        and int(fields["vnp_Amount"]) % SCALE == 0
        and is_return_url(fields["vnp_ReturnUrl"])
        and (not bank or bool(_BANK_CODE.fullmatch(bank)))
    )


def _expiry(fields: dict[str, str], lifetime: timedelta) -> datetime:
    created = from_digits(fields["vnp_CreateDate"])
    text = fields.get("vnp_ExpireDate", "")
    expires = from_digits(text) if text else created and created + lifetime
    if created is None or expires is None:
        raise PayPageError(BAD_FORMAT)
    return expires
