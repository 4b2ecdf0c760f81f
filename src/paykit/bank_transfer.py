"""What all bank-transfer providers share: a QR code that asks for a transfer, and the transfer.

The payer scans a VietQR code with any banking app. The code carries the account, the amount and a
payment code as the memo; whoever watches the account tells of the transfer, and the memo says what
it is for. See :mod:`paykit.vietqr`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

import attrs
from pydantic import Field, model_validator

from .errors import InvalidRequest, MalformedDelivery
from .events import TransferReceived
from .flow import Flow, done
from .models import PaymentRequest, PaymentSession, PaymentStatus, ShowQr
from .money import Money
from .provider import Clock, IdFactory, Provider, random_id, utc_now
from .vietnam import GMT7
from .vietqr import banks
from .vietqr.matching import PaymentCodes
from .vietqr.payload import VietQRPayload
from .wire import ProviderConfig, Text


@attrs.frozen(kw_only=True)
class TransferPage:
    """A part of a list of transfers, as a notifier's API gives it; outgoing ones are left out.

    Give ``transfers`` to ``PaymentService.record_transfers``. ``next_page`` is ``None`` at the end.
    """

    transfers: tuple[TransferReceived, ...]
    next_page: int | None = None


def in_vietnam(moment: datetime, *, field: str) -> datetime:
    """The time as a clock in Vietnam shows it; raises ``InvalidRequest`` without a time zone."""
    if moment.tzinfo is None:
        raise InvalidRequest("needs a time zone", field=field)
    return moment.astimezone(GMT7)


class BankTransferConfig(ProviderConfig):
    """The bank account that the money goes to.

    ``bank`` is its BIN, code or name, as :func:`paykit.vietqr.banks.find` reads it. Payment codes
    are ``code_prefix`` and ``code_length`` characters; see
    :class:`~paykit.vietqr.matching.PaymentCodes`. A transfer later than ``session_lifetime`` after
    the code was shown is kept for a person. ``other_accounts`` are further accounts of ours that
    transfers may arrive on, such as virtual ones.
    """

    bank: Text
    account_number: Text = Field(repr=False)
    other_accounts: tuple[Text, ...] = Field(default=(), repr=False)
    code_prefix: Text = "PK"
    code_length: int = 8
    session_lifetime: timedelta = timedelta(hours=24)

    @model_validator(mode="after")
    def _usable(self) -> BankTransferConfig:
        # What the QR code and the memos are made of has to be right from the start.
        try:
            VietQRPayload.of(self.bank, self.account_number)
            PaymentCodes(self.code_prefix, self.code_length)
        except InvalidRequest as error:
            raise ValueError(str(error)) from None
        if self.session_lifetime <= timedelta(0):
            raise ValueError("session_lifetime must be more than nothing")
        return self


class BankTransferProvider(Provider):
    """Shows a QR code; a subclass tells of the transfers."""

    Config: ClassVar[type[BankTransferConfig]]
    config: BankTransferConfig

    def __init__(
        self, config: BankTransferConfig, *, clock: Clock = utc_now, new_id: IdFactory = random_id
    ) -> None:
        super().__init__(config, clock=clock, new_id=new_id)
        self.codes = PaymentCodes(config.code_prefix, config.code_length)
        self._bank = banks.find(config.bank)
        self._accounts = frozenset({config.account_number, *config.other_accounts})

    def create_payment(self, request: PaymentRequest) -> Flow[PaymentSession]:
        """Make a QR code; nobody is called.

        ``reference`` is a payment code of ``codes`` and becomes the memo; another one is
        refused, because a mistyped one could not be told from another order's. Raises
        :class:`~paykit.errors.InvalidRequest`.
        """
        self.check_request(request)
        if request.method or request.extra:
            raise InvalidRequest("a bank transfer has no methods and no options", field="extra")
        now = self.clock()
        expires_at = request.expires_at or now + self.config.session_lifetime
        if expires_at <= now:
            raise InvalidRequest("must be in the future", field="expires_at")
        payload = VietQRPayload.of(
            self._bank,
            self.config.account_number,
            amount=request.amount,
            purpose=self.codes.check(request.reference),
        )
        return done(
            PaymentSession(
                provider=self.name,
                reference=request.reference,
                status=PaymentStatus.REQUIRES_ACTION,
                next=ShowQr(payload.to_text()),
                amount=request.amount,
                created_at=now,
                expires_at=expires_at,
            )
        )

    def own(self, *numbers: str | None) -> str | None:
        """The first of these account numbers that is ours, or ``None``."""
        return next((number for number in numbers if number in self._accounts), None)

    def received(
        self,
        *,
        transfer_id: str,
        amount: int,
        memo: str,
        occurred_at: datetime,
        account_number: str,
        bank_reference: str | None = None,
    ) -> TransferReceived:
        """The transfer of ``amount`` đồng that the notifier calls ``transfer_id``.

        The same one has the same ``event_id``, whether a webhook or a list tells of it. Raises
        :class:`~paykit.errors.MalformedDelivery` for another account and for nothing or less.
        """
        if account_number not in self._accounts:
            raise MalformedDelivery("the account is not one of ours", provider=self.name)
        if amount <= 0:
            raise MalformedDelivery("the amount is not more than nothing", provider=self.name)
        return TransferReceived(
            event_id=self.event_id("transfer", transfer_id),
            provider=self.name,
            account=self.account,
            provider_id=transfer_id,
            amount=Money(amount, "VND"),
            occurred_at=occurred_at,
            memo=memo,
            codes=self.codes.find(memo),
            account_number=account_number,
            bank_reference=bank_reference,
        )
