"""SePay's webhook: JSON, proven by an HMAC over time and body or by an API key.

https://developer.sepay.vn/en/sepay-webhooks
"""

from __future__ import annotations

import hmac
import json
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from ...errors import MalformedResponse
from ...http import HttpRequest, HttpResponse
from ..bank.notifier import BankNotifier
from ..deliveries import Verdict
from ..times import local_text
from .config import SePayConfig

if TYPE_CHECKING:
    from ..bank.ledger import Transfer

_OK = frozenset({200, 201})


class SePaySimulator(BankNotifier[SePayConfig]):
    """Watches one account of the pretended bank."""

    name: ClassVar = "sepay"
    title: ClassVar = "SePay"

    def webhook(self, transfer: Transfer, now: datetime) -> HttpRequest:
        """The call about one transfer."""
        body = json.dumps(
            {
                "id": transfer.number,
                "gateway": transfer.account.bank,
                "transactionDate": local_text(transfer.at),
                "accountNumber": transfer.account.number,
                "subAccount": None,
                "code": None,
                "content": transfer.text,
                "transferType": "in",
                "description": f"BankAPINotify {transfer.text}",
                "transferAmount": transfer.amount,
                "accumulated": 0,
                "referenceCode": transfer.reference,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        headers = {"Content-Type": "application/json"}
        if self.config.auth == "api_key":
            headers["Authorization"] = f"Apikey {self.config.api_key}"
        else:
            moment = str(int(now.timestamp()))
            key = self.config.webhook_secret.encode()
            digest = hmac.new(key, f"{moment}.".encode() + body, "sha256").hexdigest()
            headers["X-SePay-Timestamp"] = moment
            headers["X-SePay-Signature"] = f"sha256={digest}"
        return HttpRequest("POST", self.config.webhook_url, headers, body)

    def judge(self, response: HttpResponse) -> Verdict:
        """HTTP 200 or 201 with ``{"success": true}``: the stricter of its two published rules."""
        try:
            success = response.json().get("success") is True
        except MalformedResponse:
            success = False
        return Verdict(
            settled=response.status in _OK and success,
            note=f"HTTP {response.status}, {'success' if success else 'no success'}",
        )
