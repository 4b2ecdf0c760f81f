"""What VNPay tells the merchant: the browser's return and the IPN, both one signed query."""

from __future__ import annotations

from typing import Final

from ...errors import MalformedResponse
from ...http import HttpRequest, HttpResponse
from ..config import VNPayConfig
from ..deliveries import RetryRule, Verdict
from ..edge import with_query
from .signing import signed_query
from .state import Outcome, Payment
from .times import to_digits

#: The merchant has taken note, now or earlier.
_FINAL_CODES: Final = frozenset({"00", "02"})
_OK: Final = 200


def result_query(payment: Payment, outcome: Outcome, config: VNPayConfig) -> str:
    """The signed fields of a finished payment."""
    fields = {
        "vnp_Amount": str(payment.amount),
        "vnp_BankCode": outcome.bank_code,
        "vnp_BankTranNo": outcome.bank_tran_no or "",
        "vnp_CardType": outcome.card_type,
        "vnp_OrderInfo": payment.fields["vnp_OrderInfo"],
        "vnp_PayDate": to_digits(outcome.pay_date),
        "vnp_ResponseCode": outcome.response_code,
        "vnp_TmnCode": config.tmn_code,
        "vnp_TransactionNo": outcome.transaction_no,
        "vnp_TransactionStatus": outcome.status,
        "vnp_TxnRef": payment.txn_ref,
    }
    return signed_query(config.hash_secret, fields)


def return_url(payment: Payment, outcome: Outcome, config: VNPayConfig) -> str:
    """Where the browser goes: the merchant's own query stays and is not signed."""
    return with_query(payment.fields["vnp_ReturnUrl"], result_query(payment, outcome, config))


def ipn_request(payment: Payment, outcome: Outcome, config: VNPayConfig) -> HttpRequest:
    """The notice from server to server."""
    url = with_query(config.ipn_url, result_query(payment, outcome, config))
    # Not marked as replay safe: repeating is this sandbox's own rule, not the transport's.
    return HttpRequest("GET", url)


def retry_rule(config: VNPayConfig) -> RetryRule:
    """VNPay's published rule: ten more attempts, five minutes apart."""
    return RetryRule(
        delays=(config.ipn_interval,) * config.ipn_retries,
        timeout=config.ipn_timeout,
        judge=judge,
    )


def judge(response: HttpResponse) -> Verdict:
    """HTTP 200 with RspCode 00 or 02 ends it; all else is tried again."""
    if response.status != _OK:
        return Verdict(settled=False, note=f"HTTP {response.status}")
    try:
        code = response.json().get("RspCode")
    except MalformedResponse:
        return Verdict(settled=False, note="unreadable answer")
    if not isinstance(code, str):
        return Verdict(settled=False, note="no RspCode")
    return Verdict(settled=code in _FINAL_CODES, note=f"RspCode {code[:20]}")
