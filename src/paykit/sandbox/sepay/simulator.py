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
from ..deliveries import RetryRule, Verdict
from ..times import local_text

if TYPE_CHECKING:
    from starlette.routing import Route

    from ..bank.ledger import Bank, Transfer
    from ..config import SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages
    from ..summary import PaymentSummary
    from .config import SePayConfig

_OK = frozenset({200, 201})


class SePaySimulator:
    """Watches one account of the pretended bank."""

    name: ClassVar = "sepay"
    title: ClassVar = "SePay"

    def __init__(
        self,
        config: SandboxConfig,
        *,
        deliveries: Deliveries,
        faults: Faults,
        pages: Pages,
        bank: Bank,
    ) -> None:
        del faults, pages
        self._config = config
        self._deliveries = deliveries
        bank.watch(config.sepay.account.number, self._notify)

    def routes(self) -> list[Route]:
        """None: nobody calls SePay here."""
        return []

    def summaries(self) -> list[PaymentSummary]:
        """None: the bank lists the transfers."""
        return []

    def _notify(self, transfer: Transfer) -> None:
        settings = self._config.sepay
        self._deliveries.enqueue(
            webhook(transfer, settings, now=self._config.clock()),
            provider="sepay",
            reference=transfer.memo or "no memo",
            rule=RetryRule(
                delays=settings.retry_after,
                timeout=settings.timeout,
                judge=judge,
            ),
        )


def webhook(transfer: Transfer, settings: SePayConfig, *, now: datetime) -> HttpRequest:
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
    if settings.auth == "api_key":
        headers["Authorization"] = f"Apikey {settings.api_key}"
    else:
        moment = str(int(now.timestamp()))
        key = settings.webhook_secret.encode()
        digest = hmac.new(key, f"{moment}.".encode() + body, "sha256").hexdigest()
        headers["X-SePay-Timestamp"] = moment
        headers["X-SePay-Signature"] = f"sha256={digest}"
    return HttpRequest("POST", settings.webhook_url, headers, body)


def judge(response: HttpResponse) -> Verdict:
    """HTTP 200 or 201 with ``{"success": true}``: the stricter of its two published rules."""
    try:
        success = response.json().get("success") is True
    except MalformedResponse:
        success = False
    return Verdict(
        settled=response.status in _OK and success,
        note=f"HTTP {response.status}, {'success' if success else 'no success'}",
    )
