"""Casso's notice of a transfer: version 2 is signed, version 1 brings a token along.

Source: https://github.com/CassoHQ/casso-webhook-v2-verify-signature
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, timedelta
from typing import Any

from ...errors import ConfigurationError, UnsupportedOperation
from ...http import Delivery
from ...provider import Provider
from ...providers.casso import CassoConfig
from ..factory import Notice, new_transfer_number
from ..fields import Field


class CassoDeliveries:
    """HMAC-SHA512 over the milliseconds, a dot and the JSON with sorted keys.

    The reference becomes the payment code in the memo. ``fields`` are those of the transfer.
    """

    signature = Field("X-Casso-Signature", header=True)
    signed = Field("data.amount")
    amount = "amount"
    names: tuple[str, ...] = (
        "id",
        "reference",
        "description",
        "amount",
        "runningBalance",
        "transactionDateTime",
        "accountNumber",
        "virtualAccountNumber",
        "counterAccountName",
    )

    @classmethod
    def of(cls, provider: Provider) -> CassoDeliveries:
        """The factory for the version of the account's webhook."""
        config = provider.config
        first = isinstance(config, CassoConfig) and config.webhook_version == "v1"
        return CassoTokenDeliveries() if first else CassoDeliveries()

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The notice of a transfer that came in."""
        config = _config(provider, notice)
        body = {"error": 0, "data": _transfer(config.account_number, notice)}
        if key is None:
            secret = config.security_key
            key = b"" if secret is None else secret.get_secret_value().encode()
        milliseconds = str(int(notice.at.timestamp() * 1000))
        text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        digest = hmac.new(key, f"{milliseconds}.{text}".encode(), hashlib.sha512).hexdigest()
        return _post(body, {"X-Casso-Signature": f"t={milliseconds},v1={digest}"})


class CassoTokenDeliveries(CassoDeliveries):
    """Version 1: a list of transfers, and the token in ``Secure-Token``."""

    signature = Field("Secure-Token", header=True)
    signed = Field("data")
    names = ("id", "tid", "description", "amount", "cusum_balance", "when", "bank_sub_acc_id")

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The notice of a transfer that came in."""
        config = _config(provider, notice)
        told = _transfer(config.account_number, notice)
        transfer = {
            "id": told["id"],
            "tid": told["reference"],
            "description": told["description"],
            "amount": told["amount"],
            "cusum_balance": told["runningBalance"],
            "when": told["transactionDateTime"],
            "bank_sub_acc_id": told["accountNumber"],
            **notice.fields,
        }
        if key is None:
            secret = config.secure_token
            key = b"" if secret is None else secret.get_secret_value().encode()
        return _post({"error": 0, "data": [transfer]}, {"Secure-Token": key.decode()})


def _config(provider: Provider, notice: Notice) -> CassoConfig:
    if not isinstance(provider.config, CassoConfig):
        raise ConfigurationError(f"{provider!r} is not Casso")
    if notice.state != "paid":
        raise UnsupportedOperation("casso", f"a notice of {notice.state!r}")
    return provider.config


def _transfer(account_number: str, notice: Notice) -> dict[str, Any]:
    local = notice.at.astimezone(UTC) + timedelta(hours=7)
    return {
        "id": new_transfer_number(notice),
        "reference": f"FT{new_transfer_number(notice)}",
        "description": f"{notice.reference} Thanh toán FT24364030863634",
        "amount": notice.amount.minor,
        "runningBalance": 25_000_000,
        "transactionDateTime": f"{local:%Y-%m-%d %H:%M:%S}",
        "accountNumber": account_number,
        "bankName": "Vietcombank",
        "bankAbbreviation": "VCB",
        "virtualAccountNumber": "",
        "virtualAccountName": "",
        "counterAccountName": "NGUYỄN VĂN A",
        "counterAccountNumber": "",
        "counterAccountBankId": "970415",
        "counterAccountBankName": "VietinBank",
        **notice.fields,
    }


def _post(body: dict[str, Any], proof: dict[str, str]) -> Delivery:
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Delivery("POST", headers={"Content-Type": "application/json", **proof}, body=raw)
