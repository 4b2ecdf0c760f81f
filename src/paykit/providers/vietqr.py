"""VietQR alone: a QR code for a transfer to your bank account, and nobody who tells of the money.

Pair it with a feed of your own through ``PaymentService.record_transfers``, or use SePay, Casso or
payOS, which show the same code and send notices. Format: NAPAS, VietQR in NAPAS247
(https://vietqr.net).
"""

from __future__ import annotations

from datetime import timedelta

from ..bank_transfer import BankTransferConfig, BankTransferProvider
from ..info import Asking
from ..models import PaymentStatus
from ..provider import ProviderInfo


class VietQRConfig(BankTransferConfig):
    """The bank account that the money goes to; there are no credentials."""

    provider = "vietqr"


class VietQR(BankTransferProvider):
    """A transfer by QR code, without notices."""

    name = "vietqr"
    info = ProviderInfo(
        title="VietQR",
        homepage="https://vietqr.net",
        docs=("https://vietqr.net",),
        currencies=frozenset({"VND"}),
        countries=frozenset({"VN"}),
        silent_on=frozenset(PaymentStatus),
        # It cannot be asked: whoever reads the bank account may do so after a weekend only.
        asking=Asking(grace=timedelta(days=3)),
    )
    Config = VietQRConfig
