"""The code that ZaloPay's wallet and the banks' apps scan: EMVCo fields and a checksum.

Its layout is that of the ``qr_code`` in ZaloPay's documentation: a part of its own (26) beside
the bank transfer of VietQR (38). The account is made up.
https://docs.zalopay.vn/en/v2/docs/mobilewebtoapp/api.html
"""

from __future__ import annotations

import binascii
from datetime import datetime

from ..times import VIETNAM


def content(*, app_id: int, amount: int, number: int, now: datetime) -> str:
    """What the code for one order holds; ``number`` is unique."""
    reference = f"{number:017d}"
    account = f"99ZP{now.astimezone(VIETNAM):%y%j}O{number:08d}"
    own = [("00", "vn.zalopay"), ("02", "001"), ("01", f"{app_id}"), ("03", reference)]
    payee = [("00", "970454"), ("01", account)]
    transfer = [("00", "A000000727"), ("01", _join(payee)), ("02", "QRIBFTTA")]
    fields = [
        ("00", "01"),
        ("01", "12"),  # for one payment
        ("26", _join(own)),
        ("38", _join(transfer)),
        ("52", "7399"),
        ("53", "704"),
        ("54", f"{amount}"),
        ("58", "VN"),
        ("62", _join([("08", reference)])),
    ]
    unchecked = _join(fields) + "6304"
    return unchecked + checksum(unchecked)


def checksum(text: str) -> str:
    """CRC-16/CCITT-FALSE, in upper-case hex."""
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def _join(fields: list[tuple[str, str]]) -> str:
    return "".join(f"{name}{len(value):02d}{value}" for name, value in fields)
