"""payOS' notice of a transfer (signed JSON), and its return, which nothing signs.

Source: https://payos.vn/docs/tich-hop-webhook/kiem-tra-du-lieu-voi-signature/
"""

from __future__ import annotations

import hmac
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from urllib.parse import urlencode

from ...errors import ConfigurationError, UnsupportedOperation
from ...http import Delivery, HttpRequest, HttpResponse
from ...provider import Provider
from ...providers.payos import PayOSConfig
from ..factory import Notice, State
from ..fields import Field

#: The states of a payment request, which payOS tells when it is asked.
_STATUSES: Final[dict[State, str]] = {
    "paid": "PAID",
    "pending": "PENDING",
    "failed": "FAILED",
    "canceled": "CANCELLED",
    "expired": "EXPIRED",
    "unknown": "EXPLODED",
}
_LINK = re.compile(r"[0-9a-f]{32}", re.ASCII)
_VIETNAM: Final = timezone(timedelta(hours=7))


class PayOSDeliveries:
    """HMAC-SHA256 over the fields of ``data``, as ``name=value`` in the order of their names.

    A notice tells of money that arrived, and of nothing else. A return tells nothing by itself;
    :meth:`answer` plays payOS, which is asked about it. How much and when stands in its ``id``.
    """

    signature = Field("signature")
    signed = Field("data.amount")
    asked = Field("orderCode")
    amount = "amount"
    names = tuple(
        "orderCode amount description accountNumber reference transactionDateTime currency "
        "paymentLinkId code desc counterAccountBankId counterAccountName".split()
    )

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The notice of a transfer. Another amount, time or ``provider_id`` is another transfer."""
        if notice.state != "paid":
            raise UnsupportedOperation("payos", f"a notice of {notice.state!r}")
        local = notice.at.astimezone(_VIETNAM)
        data = {
            "orderCode": _number(notice.reference),
            "amount": notice.amount.minor,
            "description": f"DH{notice.reference}",
            "accountNumber": "0123456789",
            "reference": f"FT{local:%y%m%d%H%M%S}{notice.amount.minor}{notice.provider_id}",
            "transactionDateTime": f"{local:%Y-%m-%d %H:%M:%S}",
            "currency": notice.amount.currency,
            "paymentLinkId": f"{_number(notice.reference):032x}",
            "code": "00",
            "desc": "success",
            "counterAccountBankId": "",
            "counterAccountName": None,
            **notice.fields,
        }
        text = "&".join(f"{name}={_text(data[name])}" for name in sorted(data))
        body = {
            "code": "00",
            "desc": "success",
            "success": True,
            "data": data,
            "signature": _sign(provider, text, key),
        }
        return Delivery.post_json(body)

    def browser_return(
        self, provider: Provider, notice: Notice, *, key: bytes | None = None
    ) -> Delivery:
        """The payer's browser with the five parameters that payOS adds."""
        del provider, key  # nothing is signed
        if notice.state not in _STATUSES:
            raise UnsupportedOperation("payos", f"a payment that is {notice.state}")
        seconds = int(notice.at.timestamp())
        canceled = notice.state == "canceled"
        query = {
            "code": "00",
            "id": f"{seconds:08x}{0:012x}{notice.amount.minor:012x}",
            "cancel": "true" if canceled else "false",
            "status": _STATUSES[notice.state],
            "orderCode": notice.reference,
            **notice.fields,
        }
        return Delivery.get(urlencode(query))

    def answer(self, provider: Provider, delivery: Delivery, request: HttpRequest) -> HttpResponse:
        """The state of the payment that the return ``delivery`` is about."""
        query = delivery.query_fields()
        number, link = query["orderCode"], query.get("id", "")
        told = query.get("status")
        status = told if told in _STATUSES.values() else _STATUSES["unknown"]
        if not request.url.endswith(f"/v2/payment-requests/{number}"):
            raise ConfigurationError(f"payOS does not know {request!r}")
        if not _LINK.fullmatch(link):
            link = f"{10**9:08x}{1:024x}"
        amount, at = int(link[20:], 16), datetime.fromtimestamp(int(link[:8], 16), UTC)
        paid = amount if status == "PAID" else 0
        data = {
            "id": link,
            "orderCode": int(number),
            "amount": amount,
            "amountPaid": paid,
            "amountRemaining": amount - paid,
            "status": status,
            "createdAt": at.astimezone(_VIETNAM).isoformat(),
            "transactions": [],
            "canceledAt": None,
            "cancellationReason": None,
        }
        text = "&".join(f"{name}={_text(data[name])}" for name in sorted(data))
        body = {"code": "00", "desc": "success", "data": data}
        signed = {**body, "signature": _sign(provider, text, None)}
        return HttpResponse(200, body=json.dumps(signed, ensure_ascii=False).encode())


def _sign(provider: Provider, text: str, key: bytes | None) -> str:
    config = provider.config
    if not isinstance(config, PayOSConfig):
        raise ConfigurationError(f"{provider!r} is not payOS")
    secret = config.checksum_key.get_secret_value().encode() if key is None else key
    return hmac.new(secret, text.encode(), "sha256").hexdigest()


def _text(value: Any) -> str:
    if value is None or value in ("null", "undefined"):
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _number(reference: str) -> int:
    if not (reference.isascii() and reference.isdigit()):
        raise UnsupportedOperation("payos", f"the reference {reference!r:.40}: it is no number")
    return int(reference)
