"""Reading a VietQR code as a banking app does: bank, account, amount, memo.

Written apart from :mod:`paykit.vietqr`, so that the two pin each other.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from ..edge import UnreadableError

_NAPAS = "A000000727"
_LONGEST = 512


@attrs.frozen(kw_only=True)
class Code:
    """What a code asks for. ``amount`` is in đồng; 0 lets the payer choose."""

    bin: str
    account: str
    amount: int
    memo: str


def read_code(text: str) -> Code:
    """The content of a code; raises :class:`UnreadableError`."""
    text = text.strip()
    if not text.isascii() or not 20 <= len(text) <= _LONGEST:  # noqa: PLR2004
        raise UnreadableError("this is not a VietQR code")
    if text[-8:-4] != "6304" or f"{_crc(text[:-4]):04X}" != text[-4:].upper():
        raise UnreadableError("the code is damaged: its checksum does not fit")
    fields = dict(_fields(text))
    account = dict(_fields(fields.get("38", "")))
    if account.get("00") != _NAPAS:
        raise UnreadableError("the code is of another network than NAPAS")
    target = dict(_fields(account.get("01", "")))
    amount = fields.get("54", "0")
    if not (target.get("00") and target.get("01") and amount.isdigit() and len(amount) <= 12):  # noqa: PLR2004
        raise UnreadableError("the code names no account or no plain amount")
    more = dict(_fields(fields.get("62", "")))
    return Code(bin=target["00"], account=target["01"], amount=int(amount), memo=more.get("08", ""))


def _fields(text: str) -> Iterator[tuple[str, str]]:
    while text:
        head, length = text[:2], text[2:4]
        if not (head.isdigit() and length.isdigit()) or len(text) < 4 + int(length):
            raise UnreadableError("the code is damaged: a field is cut")
        yield head, text[4 : 4 + int(length)]
        text = text[4 + int(length) :]


def _crc(text: str) -> int:
    value = 0xFFFF
    for byte in text.encode():
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value
