"""VietQR: codes for bank transfers through NAPAS 247, read, written and drawn.

A code only asks for money; nothing in it tells that money came. ``banks`` is the table of banks,
``qr`` draws codes (it needs the extra ``paykit-adapters[qr]``), ``links`` makes vietqr.io's links.
"""

from __future__ import annotations

from . import banks, links, qr
from .banks import Bank
from .payload import VietQRPayload, memo
from .reading import OtherNetwork, parse
from .rules import ASK_PAYER, MAX_PURPOSE, TRANSFER_LIMIT, Initiation, Service, Tip

__all__ = [
    "ASK_PAYER",
    "MAX_PURPOSE",
    "TRANSFER_LIMIT",
    "Bank",
    "Initiation",
    "OtherNetwork",
    "Service",
    "Tip",
    "VietQRPayload",
    "banks",
    "links",
    "memo",
    "parse",
    "qr",
]
