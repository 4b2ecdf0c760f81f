"""ZaloPay's agreements: ask a payer once, then charge the wallet without a page.

https://beta-docs.zalopay.vn/docs/guides/payment-acceptance/tokenization/wallet-token
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs

from ..config import SandboxConfig
from ..times import VIETNAM
from . import codes, outcomes
from .answers import Answer, Fields, Refusal, answer, in_time
from .banks import WALLET
from .config import ZaloPayMerchant
from .orders import check_reference
from .state import CONFIRMED, ENDED, REFUSED, Agreement, Books, Order, user_id

#: What the published samples show for no expiry: the zero time of the Go language.
_NEVER = -62_135_596_800_000
#: Made up; the last digits of a phone number are all that a merchant sees.
_PHONE = "****6789"


@attrs.frozen(kw_only=True)
class Agreements:
    """Operations on agreements, for requests that are well formed and signed.

    ``notify`` sends the callback of a paid order.
    """

    config: SandboxConfig
    books: Books
    notify: Callable[[Order, ZaloPayMerchant], None]

    def bind(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Ask a payer for an agreement: a page where to confirm it."""
        self._check_time(sent, now)
        check_reference(sent["app_trans_id"], now, check_date=self.config.zalopay.check_dates)
        if self.books.agreement(merchant.app_id, sent["app_trans_id"]):
            raise Refusal(codes.DUPLICATE_ORDER)
        agreement = Agreement(
            binding_id=f"{now.astimezone(VIETNAM):%y%m%d}{self.config.new_id()}",
            fields=dict(sent),
            created_at=now,
            expires_at=now + self.config.zalopay.order_lifetime,
        )
        self.books.add_agreement(agreement)
        token = agreement.binding_id
        return {
            **answer(codes.SUCCESS, codes.SUCCESS),
            "binding_token": token,
            "deep_link": f"zalopay://launch/app/732?view=authorize&b={token}",
            "binding_qr_link": page_url(self.config, agreement),
            "short_link": f"{self.config.public_url}/zalopay/oauthbe/agreement/{token}",
        }

    def query(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Tell how an agreement stands, with the token that charges it."""
        self._check_time(sent, now)
        agreement = self.books.agreement(merchant.app_id, sent["app_trans_id"])
        if agreement is None:
            raise Refusal(codes.NOT_FOUND)
        if agreement.open(now):
            return answer(codes.PROCESSING, codes.PROCESSING)
        if agreement.status == 0:
            raise Refusal(codes.EXPIRED)
        data = {**facts(agreement), "expiry_timestamp_in_ms": _NEVER}
        return {**answer(codes.SUCCESS, codes.SUCCESS), "data": data}

    def unbind(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """End an agreement: its token is worth nothing afterwards."""
        self._check_time(sent, now)
        agreement = self.books.agreement_by_id(sent["binding_id"])
        if (
            agreement is None
            or agreement.status != CONFIRMED
            or (agreement.app_id, agreement.identifier) != (merchant.app_id, sent["identifier"])
        ):
            raise Refusal(codes.NOT_FOUND)
        decide(agreement, ENDED, now=now)
        return answer(codes.SUCCESS, codes.SUCCESS)

    def balance(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Tell whether the wallet could pay an amount, not what is in it."""
        self._check_time(sent, now)
        self._in_force(sent, merchant)
        payable = sent["amount"] <= self.config.zalopay.wallet_balance
        data = [{"channel": WALLET, "payable": payable, "bank_code": "zp_app"}]
        return {**answer(codes.SUCCESS, codes.SUCCESS), "data": data, "discount_amount": 0}

    def pay(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Charge the wallet for an order. An order that was charged is not charged again."""
        self._check_time(sent, now)
        agreement = self._in_force(sent, merchant)
        order = self.books.order_by_token(sent["zp_trans_token"])
        if order is None or order.app_id != merchant.app_id:
            raise Refusal(codes.NOT_FOUND)
        if not order.is_charge:
            raise Refusal(codes.ILLEGAL_DATA, "the order has no product_code AGREEMENT")
        if agreement.max_amount and order.amount > agreement.max_amount:
            raise Refusal(codes.ILLEGAL_DATA, "the amount is above the agreement's max_amount")
        if order.payable(now):
            self._charge(order, merchant, now)
        return {
            **answer(*order.result(now)),
            "app_trans_id": order.app_trans_id,
            "zp_trans_id": order.zp_trans_id,
        }

    def query_user(self, sent: Fields, merchant: ZaloPayMerchant, now: datetime) -> Answer:
        """Tell whose wallet a token charges, as far as a merchant may know."""
        self._check_time(sent, now)
        if self.books.agreement_in_force(merchant.app_id, sent["access_token"]) is None:
            raise Refusal(codes.NOT_FOUND)
        return {"phone": _PHONE, **answer(codes.SUCCESS, codes.SUCCESS)}

    def _charge(self, order: Order, merchant: ZaloPayMerchant, now: datetime) -> None:
        if order.amount > self.config.zalopay.wallet_balance:
            order.code = codes.BALANCE
            return
        order.channel = WALLET
        paid_at = now + self.config.zalopay.charge_processing
        outcomes.collect(order, books=self.books, paid_at=paid_at, now=now)
        self.notify(order, merchant)

    def _in_force(self, sent: Fields, merchant: ZaloPayMerchant) -> Agreement:
        agreement = self.books.agreement_in_force(merchant.app_id, sent["pay_token"])
        if agreement is None or agreement.identifier != sent["identifier"]:
            raise Refusal(codes.NOT_FOUND)
        return agreement

    def _check_time(self, sent: Fields, now: datetime) -> None:
        if not in_time(sent["req_date"], now, self.config.zalopay.clock_tolerance):
            raise Refusal(codes.ILLEGAL_DATA, "req_date is not now, in Unix milliseconds")


def page_url(config: SandboxConfig, agreement: Agreement) -> str:
    """``binding_qr_link``: the page where the payer confirms."""
    return f"{config.public_url}/zalopay/binding?binding_token={agreement.binding_id}"


def decide(agreement: Agreement, status: int, *, now: datetime, pay_token: str = "") -> None:
    """Confirm, refuse or end an agreement."""
    agreement.status = status
    agreement.changed_at = now
    if pay_token:
        agreement.pay_token = pay_token


def facts(agreement: Agreement) -> dict[str, Any]:
    """What a query and a callback tell of an agreement. ``server_time`` counts seconds here."""
    assert agreement.changed_at is not None  # noqa: S101 - callers ask when it is decided
    refused = agreement.status == REFUSED
    return {
        "app_id": agreement.app_id,
        "app_trans_id": agreement.app_trans_id,
        "binding_id": agreement.binding_id,
        "pay_token": agreement.pay_token,
        "server_time": int(agreement.changed_at.timestamp()),
        "merchant_user_id": agreement.identifier,
        "status": agreement.status,
        "msg_type": 2 if agreement.status == ENDED else 1,
        "zp_user_id": "" if refused else user_id(agreement.app_id, agreement.identifier),
        "masked_user_phone": "" if refused else _PHONE,
    }
