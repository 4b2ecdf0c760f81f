"""VNPay's one API address: ``querydr`` and ``refund``, JSON with a pipe-joined hash both ways.

https://sandbox.vnpayment.vn/apis/docs/truy-van-hoan-tien/querydr&refund.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ..config import IdFactory, VNPayConfig
from ..faults import Faults
from .signing import (
    QUERYDR_REQUEST,
    QUERYDR_RESPONSE,
    REFUND_REQUEST,
    REFUND_RESPONSE,
    joined_hash,
    joined_matches,
)
from .state import Payment, Payments, Refund
from .times import from_digits, to_digits

_MESSAGES: Final = {
    "00": "Success",
    "02": "Invalid TmnCode",
    "03": "Invalid data format",
    "91": "Transaction not found",
    "93": "Invalid refund amount",
    "94": "Duplicate request",
    "95": "The payment was not successful",
    "97": "Invalid checksum",
    "99": "Unexpected error",
}
_PATTERNS: Final = {
    "vnp_RequestId": r"[A-Za-z0-9_-]{1,32}",
    "vnp_Version": r"2\.1\.0",
    "vnp_TmnCode": r".{1,8}",
    "vnp_TxnRef": r".{1,100}",
    "vnp_TransactionDate": r"[0-9]{14}",
    "vnp_CreateDate": r"[0-9]{14}",
    "vnp_IpAddr": r".{7,45}",
    "vnp_OrderInfo": r".{1,255}",
    "vnp_SecureHash": r"[0-9A-Fa-f]{128}",
}
_REFUND_PATTERNS: Final = {
    **_PATTERNS,
    "vnp_TransactionType": r"02|03",
    "vnp_Amount": r"[1-9][0-9]{0,11}",
    "vnp_TransactionNo": r"[0-9]{0,15}",
    "vnp_CreateBy": r".{1,245}",
}


class TransactionApi:
    """Answers API calls about the payments of one terminal."""

    def __init__(
        self, config: VNPayConfig, payments: Payments, *, faults: Faults, new_id: IdFactory
    ) -> None:
        self._config = config
        self._payments = payments
        self._faults = faults
        self._new_id = new_id

    def answer(self, body: Mapping[str, Any] | None, now: datetime) -> dict[str, str]:
        """The answer to a decoded body; ``None`` stands for one that could not be read."""
        fields = _as_text(body or {})
        if fields.get("vnp_TmnCode", self._config.tmn_code) != self._config.tmn_code:
            return self._unsigned("02", fields)
        if fields.get("vnp_Command") == "querydr":
            code, facts = self._query(fields, now)
            return self._signed(QUERYDR_RESPONSE, code, fields, facts)
        if fields.get("vnp_Command") == "refund":
            code, facts = self._refund(fields, now)
            return self._signed(REFUND_RESPONSE, code, fields, facts)
        return self._unsigned("03", fields)

    def _query(self, fields: dict[str, str], now: datetime) -> tuple[str, dict[str, str]]:
        refusal = self._refusal(fields, _PATTERNS, QUERYDR_REQUEST, now)
        if refusal:
            return refusal, {}
        payment = self._payments.find(fields["vnp_TxnRef"], fields["vnp_TransactionDate"])
        if payment is None:
            return "91", {}
        return "00", _facts(payment, now)

    def _refund(self, fields: dict[str, str], now: datetime) -> tuple[str, dict[str, str]]:
        refusal = self._refusal(fields, _REFUND_PATTERNS, REFUND_REQUEST, now)
        if refusal:
            return refusal, {}
        payment = self._payments.find(fields["vnp_TxnRef"], fields["vnp_TransactionDate"])
        if payment is None:
            return "91", {}
        code = self._refund_refusal(payment, fields, now)
        if code:
            return code, {}
        amount = int(fields["vnp_Amount"])
        done_at = now + self._config.refund_processing
        payment.refunds.append(Refund(amount=amount, done_at=done_at))
        return "00", {
            **_facts(payment, now),
            "vnp_Amount": str(amount),
            "vnp_TransactionType": fields["vnp_TransactionType"],
        }

    def _refund_refusal(self, payment: Payment, fields: dict[str, str], now: datetime) -> str:
        outcome = payment.outcome
        if outcome is None or not payment.paid:
            return "95"
        if fields.get("vnp_TransactionNo", "0") not in {"", "0", outcome.transaction_no}:
            return "91"
        if payment.refund_in_progress(now):
            return "94"
        left = payment.amount - payment.refunded
        amount = int(fields["vnp_Amount"])
        whole = fields["vnp_TransactionType"] == "02"
        if amount > left or (whole and amount != payment.amount):
            return "93"
        if not self._config.refunds_enabled or self._faults.take("fail_next_refund"):
            return "99"
        return ""

    def _refusal(
        self,
        fields: dict[str, str],
        patterns: Mapping[str, str],
        signed: tuple[str, ...],
        now: datetime,
    ) -> str:
        """What is wrong with a call whatever it is about, or an empty text."""
        for name, pattern in patterns.items():
            text = fields.get(name, "")
            if not re.fullmatch(pattern, text, re.ASCII):
                return "03"
        if not (
            from_digits(fields["vnp_TransactionDate"]) and from_digits(fields["vnp_CreateDate"])
        ):
            return "03"
        if not joined_matches(self._config.hash_secret, signed, fields):
            return "97"
        if not self._payments.new_request(fields["vnp_RequestId"], now):
            return "94"
        return ""

    def _signed(
        self, order: tuple[str, ...], code: str, fields: dict[str, str], facts: dict[str, str]
    ) -> dict[str, str]:
        answer = {**self._unsigned(code, fields), **facts}
        return {**answer, "vnp_SecureHash": joined_hash(self._config.hash_secret, order, answer)}

    def _unsigned(self, code: str, fields: dict[str, str]) -> dict[str, str]:
        """The part that every answer has. Without a terminal there is no key to sign it with."""
        echoed = ("vnp_Command", "vnp_TmnCode", "vnp_TxnRef", "vnp_OrderInfo")
        return {
            "vnp_ResponseId": self._new_id(),
            "vnp_ResponseCode": code,
            "vnp_Message": _MESSAGES[code],
            **{name: fields[name] for name in echoed if name in fields},
        }


def _facts(payment: Payment, now: datetime) -> dict[str, str]:
    kind, status = payment.transaction(now)
    outcome = payment.outcome
    facts = {
        "vnp_Amount": str(payment.amount),
        "vnp_OrderInfo": payment.fields["vnp_OrderInfo"],
        "vnp_TransactionNo": outcome.transaction_no if outcome else "0",
        "vnp_TransactionType": kind,
        "vnp_TransactionStatus": status,
    }
    if outcome:
        facts["vnp_BankCode"] = outcome.bank_code
        facts["vnp_PayDate"] = to_digits(outcome.pay_date)
    return facts


def _as_text(body: Mapping[str, Any]) -> dict[str, str]:
    """Numbers may come as JSON numbers; anything else than them and text is as good as absent."""
    return {
        name: str(value)
        for name, value in body.items()
        if name.startswith("vnp_") and (type(value) is int or isinstance(value, str))
    }
