"""What ZaloPay answers and notifies, as typed values: strict, and bounded where it is read."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import Field

from ...wire import Wire
from .codes import DONE, NO_REMARK, OPEN, REFUSALS, REFUSED, STEPS

MAX_NUMBER: Final = 2**63 - 1
#: A "long": more does not fit, and less than nothing makes no sense.
Long: TypeAlias = Annotated[int, Field(ge=0, le=MAX_NUMBER)]
#: ZaloPay writes its ids of transactions as numbers, and one of its documents as text.
_Id: TypeAlias = Long | Annotated[str, Field(max_length=64)]


class Answer(Wire):
    """What every answer has, https://docs.zalopay.vn/docs/specs/order-create.

    Errors of the gateway come in two shapes: below ``return_code`` 2, or as ``return_code``. No
    other code is known to do that, so a payment's or refund's own code there is unheard of.
    """

    return_code: int
    return_message: str | None = None
    sub_return_code: int | None = None
    sub_return_message: str | None = None

    @property
    def result(self) -> tuple[int, int | None]:
        """``DONE``, ``REFUSED``, ``OPEN`` or something unheard of, and the code that explains."""
        outcome, code = self.return_code, self.sub_return_code
        if outcome in REFUSALS:
            return REFUSED, outcome
        if outcome in STEPS or (outcome == REFUSED and code in STEPS):
            return OPEN, outcome if code is None else code
        return outcome, code

    @property
    def code(self) -> str:
        """The most telling code, as text."""
        outcome, code = self.result
        return str(outcome if code is None or outcome < 0 else code)

    @property
    def words(self) -> str | None:
        """What ZaloPay says to it."""
        return self.sub_return_message or self.return_message

    @property
    def is_done(self) -> bool:
        """Whether the call, which moves no money, did what it should."""
        outcome, code = self.result
        return outcome == DONE and code in {None, NO_REMARK}


class Created(Answer):
    """The answer to create: where to send the payer."""

    order_url: str = ""
    zp_trans_token: str | None = None
    qr_code: str | None = None


class Queried(Answer):
    """The answer to query. It does not say which order it is about."""

    is_processing: bool | None = None
    amount: Long | None = None
    zp_trans_id: _Id | None = None
    server_time: Long | None = None


class Paid(Answer):
    """The answer to agreement/pay."""

    app_trans_id: str | None = None
    zp_trans_id: _Id | None = None


class Bound(Answer):
    """The answer to agreement/bind; one description has other names than real answers."""

    binding_qr_link: str | None = None
    binding_url: str | None = None
    short_link: str | None = None
    deep_link: str | None = None


class Agreement(Wire):
    """A link as the callback and agreement/query tell of it; ``server_time`` counts seconds."""

    app_id: int
    app_trans_id: str
    status: Annotated[int, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]
    binding_id: Annotated[str, Field(max_length=256)] | None = None
    pay_token: Annotated[str, Field(max_length=1024)] | None = None
    merchant_user_id: Annotated[str, Field(max_length=256)] | None = None
    masked_user_phone: Annotated[str, Field(max_length=64)] | None = None
    server_time: Annotated[int, Field(ge=0, lt=2**35)] | None = None


class AgreementAnswer(Answer):
    """The answer to agreement/query."""

    data: Agreement | None = None


class OwnerAnswer(Answer):
    """The answer to agreement/query_user."""

    phone: str


class ChannelItem(Wire):
    """One way to pay in the answer to agreement/balance."""

    channel: int
    payable: bool
    bank_code: str | None = None


class BalanceAnswer(Answer):
    """The answer to agreement/balance."""

    data: list[ChannelItem]
    discount_amount: Long | None = None


class BankItem(Wire):
    """One bank in the list of banks, which has names of the older interface."""

    bankcode: str
    name: str
    displayorder: int | None = None
    minamount: Long | None = None
    maxamount: Long | None = None


class BanksAnswer(Wire):
    """The answer to getlistmerchantbanks."""

    returncode: int
    returnmessage: str | None = None
    banks: dict[str, list[BankItem]] | None = None


class BankLinkItem(Wire):
    """One bank's app in the answer to get_bank_deep_link."""

    bank_code: str
    short_name: str | None = None
    full_name: str | None = None
    logo_url: str | None = None
    is_auto_fill: bool | None = None
    deep_link: str


class BankLinksAnswer(Answer):
    """The answer to get_bank_deep_link."""

    data: list[BankLinkItem]


class OrderNotice(Wire):
    """What the callback of a payment says; ``server_time`` counts milliseconds."""

    app_id: int
    app_trans_id: str
    amount: Long
    zp_trans_id: _Id
    server_time: Long
