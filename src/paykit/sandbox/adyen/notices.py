"""What Adyen tells the merchant by itself: items, each signed, one or more to a delivery.

https://docs.adyen.com/development-resources/webhooks/webhook-types/
"""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import attrs

from ...http import HttpRequest, HttpResponse
from ...money import Money
from ..cards.state import Dispute, Move
from ..deliveries import RetryRule, Verdict
from . import amounts
from .signing import sign, sign_bytes
from .state import Ending, Payment

if TYPE_CHECKING:
    from ..deliveries import Deliveries
    from .config import AdyenConfig

Item = dict[str, Any]

_OK: Final = range(200, 300)
#: Adyen's own clock on the wall; the offset is written with it.
_AMSTERDAM: Final = timezone(timedelta(hours=1))


@attrs.define(kw_only=True, eq=False)
class Notices:
    """Makes items and signs them; :meth:`flush` sends what has come together."""

    config: AdyenConfig
    deliveries: Deliveries
    _waiting: list[Item] = attrs.field(factory=list, init=False)
    _tokens: list[tuple[Payment, datetime]] = attrs.field(factory=list, init=False)

    def authorisation(self, payment: Payment, now: datetime) -> None:
        """An attempt was authorised, or was not."""
        outcome, card = payment.outcome, payment.instrument
        assert outcome is not None  # noqa: S101 - told when it is known
        expiry = f"{card.exp_month:02}/{card.exp_year}"
        extra: Item = {"cardSummary": card.last4, "expiryDate": expiry}
        item = self._item(payment, "AUTHORISATION", now, success=outcome.good)
        item["additionalData"] = extra
        if outcome.good:
            extra["authCode"] = "064826"
            extra |= stored_fields(payment) if self.config.tells_stored_id else {}
            item["reason"] = f"064826:{card.last4}:{expiry}"
            item["operations"] = ["CANCEL", "CAPTURE", "REFUND"]
        else:
            extra["refusalReasonRaw"] = item["reason"] = outcome.reason
        if payment.fields.get("metadata"):
            extra["metadata"] = payment.fields["metadata"]
        if payment.page:
            name = "checkoutSessionId" if payment.page.kind == "session" else "paymentLinkId"
            extra[name] = payment.page.id
        self._add(item)

    def moved(self, payment: Payment, move: Move, code: str, now: datetime, **extra: str) -> None:
        """What came of a capture or a refund; its own ``pspReference`` is that of the request."""
        done = code.endswith(("_FAILED", "_REVERSED")) or move.state == "done"
        item = self._item(payment, code, now, success=done)
        # The merchant's name of the modification, where it has one, is not that of the payment.
        item |= {
            "pspReference": move.id,
            "originalReference": payment.id,
            "merchantReference": move.reference or payment.reference,
            "amount": amounts.write(move.amount),
            "reason": "" if move.state == "done" else move.reason,
            "additionalData": dict(extra),
        }
        self._add(item)

    def ended(
        self, payment: Payment | None, ending: Ending, reason: str, now: datetime, **extra: str
    ) -> None:
        """What came of letting a hold go; refused, where there is a ``reason``."""
        item = self._item(payment, ending.event, now, success=not reason)
        item |= {
            "pspReference": ending.psp,
            "merchantReference": ending.reference or item["merchantReference"],
            "reason": reason,
            "additionalData": dict(extra),
        }
        if payment:
            item["originalReference"] = payment.id
        self._add(item)

    def adjusted(
        self,
        payment: Payment,
        amount: Money,
        now: datetime,
        *,
        psp: str,
        reference: str,
        reason: str,
    ) -> None:
        """What came of changing what is held."""
        item = self._item(payment, "AUTHORISATION_ADJUSTMENT", now, success=not reason)
        item |= {
            "pspReference": psp,
            "originalReference": payment.id,
            "merchantReference": reference or payment.reference,
            "amount": amounts.write(amount),
            "reason": reason,
        }
        self._add(item)

    def expired(self, payment: Payment, rest: Money, now: datetime) -> None:
        """What nobody captured is no longer held."""
        self._add(self._item(payment, "EXPIRE", now) | {"amount": amounts.write(rest)})

    def closed(self, payment: Payment, now: datetime) -> None:
        """The shopper did not come back in time."""
        self._add(self._item(payment, "OFFER_CLOSED", now))

    def stored(self, payment: Payment, now: datetime) -> None:
        """A card was stored: the item's own reference is the card's id."""
        assert payment.stored is not None  # noqa: S101 - told when there is one
        item = self._item(payment, "RECURRING_CONTRACT", now)
        item |= {
            "pspReference": payment.stored.id,
            "originalReference": payment.id,
            "originalPsp": payment.id,
            "amount": amounts.write(payment.zero),
            "additionalData": {"shopperReference": payment.stored.shopper},
        }
        self._add(item)
        if self.config.token_notices:
            self._tokens.append((payment, now))

    def disputed(self, payment: Payment, dispute: Dispute, code: str, now: datetime) -> None:
        """The shopper's bank wants the money back, or no longer."""
        item = self._item(payment, code, now)
        item |= {
            "pspReference": dispute.id,
            "originalReference": payment.id,
            "amount": amounts.write(dispute.amount),
            "reason": "Other Fraud-Card Absent Environment",
            "additionalData": {
                "chargebackReasonCode": "10.4",
                "chargebackSchemeCode": payment.brand,
                "defendable": "true",
                "disputeStatus": {"won": "Won", "lost": "Lost"}.get(dispute.state, "Undefended"),
            },
        }
        self._add(item)

    def anything(self, payment: Payment, code: str, psp: str, now: datetime) -> None:
        """Any event about a payment, whether or not it means anything."""
        item = self._item(payment, code, now)
        self._add(item | {"pspReference": psp, "originalReference": payment.id})

    def report(self, name: str, now: datetime) -> None:
        """A file can be fetched; nothing of it concerns a payment."""
        item = self._item(None, "REPORT_AVAILABLE", now)
        reason = f"https://ca-test.adyen.com/reports/download/{name}"
        self._add(item | {"pspReference": name, "reason": reason})

    def flush(self) -> None:
        """Send what waits, so many items to a delivery as the account's setting says."""
        items, self._waiting = self._waiting, []
        for start in range(0, len(items), self.config.batch):
            self._send(items[start : start + self.config.batch])
        tokens, self._tokens = self._tokens, []
        for payment, at in tokens:
            self._send_token(payment, at)

    def _item(
        self, payment: Payment | None, code: str, now: datetime, *, success: bool = True
    ) -> Item:
        item: Item = {
            "additionalData": {},
            "amount": amounts.write(payment.amount if payment else Money(0, "EUR")),
            "eventCode": code,
            "eventDate": stamp(now),
            "merchantAccountCode": self.config.merchant_account,
            "merchantReference": payment.reference if payment else "",
            "pspReference": payment.id if payment else "",
            "reason": "",
            "success": "true" if success else "false",
        }
        if payment:
            item["paymentMethod"] = payment.brand
        return item

    def _add(self, item: Item) -> None:
        item["additionalData"]["hmacSignature"] = sign(item, self.config.hmac_key)
        self._waiting.append(item)

    def _send(self, items: list[Item]) -> None:
        batch = {
            "live": "false",
            "notificationItems": [{"NotificationRequestItem": item} for item in items],
        }
        names = ", ".join(dict.fromkeys(item["merchantReference"] for item in items))
        self._deliver(_json(batch), names, {})

    def _send_token(self, payment: Payment, now: datetime) -> None:
        """https://docs.adyen.com/api-explorer/Tokenization-webhooks/1/overview."""
        stored = payment.stored
        assert stored is not None  # noqa: S101 - told when there is one
        body = _json(
            {
                "createdAt": stamp(now),
                "data": {
                    "merchantAccount": self.config.merchant_account,
                    "operation": "created",
                    "shopperReference": stored.shopper,
                    "storedPaymentMethodId": stored.id,
                    "type": payment.brand,
                },
                "environment": "test",
                "eventId": payment.id,
                "type": "recurring.token.created",
                "version": "1",
            }
        )
        signature = sign_bytes(body, self.config.hmac_key)
        headers = {"HmacSignature": signature, "Protocol": "HmacSHA256"}
        self._deliver(body, payment.reference, headers)

    def _deliver(self, body: bytes, reference: str, more: dict[str, str]) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8", **more}
        if self.config.webhook_login:
            login = ":".join(self.config.webhook_login).encode()
            headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
        self.deliveries.enqueue(
            # Not marked as replay safe: repeating is this sandbox's own rule.
            HttpRequest("POST", self.config.webhook_url, headers, body),
            provider="adyen",
            reference=reference,
            rule=RetryRule(
                delays=self.config.webhook_retry_after,
                timeout=self.config.webhook_timeout,
                judge=judge,
            ),
        )


def _json(value: Item) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def judge(response: HttpResponse) -> Verdict:
    """Any 2xx is an acknowledgement."""
    return Verdict(settled=response.status in _OK, note=f"HTTP {response.status}")


def stamp(moment: datetime) -> str:
    """A moment with its offset, as in ``2026-03-01T10:00:00+01:00``."""
    return moment.astimezone(_AMSTERDAM).isoformat(timespec="seconds")


def stored_fields(payment: Payment) -> dict[str, str]:
    """What ``additionalData`` says about a card that is stored with a payment."""
    if payment.stored is None:
        return {}
    return {
        "tokenization.shopperReference": payment.stored.shopper,
        "tokenization.storedPaymentMethodId": payment.stored.id,
        "tokenization.store.operationType": (
            "created" if payment.stored_anew else "alreadyExisting"
        ),
    }
