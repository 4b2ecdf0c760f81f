"""PayPal's webhooks and returns, and what PayPal says when it is asked about them.

Source: https://developer.paypal.com/api/rest/webhooks/rest/. The signature is by a key that
everybody has, under a certificate of an authority that everybody can play: :func:`authority` gives
its certificate for ``webhook_roots``. What PayPal's API knows travels along in a header of the
delivery, which the adapter does not read.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlencode, urlsplit
from zlib import crc32

import attrs

from ...errors import ConfigurationError
from ...http import Delivery, HttpRequest, HttpResponse
from ...money import Money
from ...provider import Provider
from ...providers.paypal import PayPalConfig
from ...wire import Environment
from ..factory import Notice, State
from ..fields import Field
from .paypal_keys import authority, certificate, signing_key, wrong_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = [
    "ANSWERS",
    "PayPalDeliveries",
    "authority",
    "certificate",
    "signed_webhook",
    "signing_key",
]

#: The header that carries the API's answers, by path, as JSON.
ANSWERS: Final = "Paykit-Answers"
_CERTIFICATE: Final = "/v1/notifications/certs/CERT-360caa42-fca2a594-0badcafe"
_HOSTS: Final = {
    Environment.SANDBOX: "https://api.sandbox.paypal.com",
    Environment.PRODUCTION: "https://api.paypal.com",
}
_NAMES: Final = {
    Environment.SANDBOX: "messageverificationcerts.sandbox.paypal.com",
    Environment.PRODUCTION: "messageverificationcerts.paypal.com",
}
_WHOLE: Final = frozenset({"HUF", "JPY", "TWD"})

#: event_type, and the status of what it is about.
_TOLD: Final[Mapping[State, tuple[str, str]]] = {
    "paid": ("PAYMENT.CAPTURE.COMPLETED", "COMPLETED"),
    "pending": ("PAYMENT.CAPTURE.PENDING", "PENDING"),
    "failed": ("PAYMENT.CAPTURE.DENIED", "DECLINED"),
    "unknown": ("PAYMENT.CAPTURE.COMPLETED", "SETTLED_ELSEWHERE"),
    "authorized": ("PAYMENT.AUTHORIZATION.CREATED", "CREATED"),
    "canceled": ("PAYMENT.AUTHORIZATION.VOIDED", "VOIDED"),
    "expired": ("PAYMENT.AUTHORIZATION.VOIDED", "VOIDED"),
}


@attrs.frozen
class _Amount(Field):
    """The amount in the body of a webhook, and the order's id in the query of a return."""

    def alter(self, delivery: Delivery) -> Delivery:
        """The delivery with another one."""
        name = "token" if delivery.method == "GET" else "resource.amount.value"
        return Field(name).alter(delivery)


class PayPalDeliveries:
    """RSA over the ids, the time and a CRC-32 of the body; and PayPal's answers about it."""

    signature = Field("PAYPAL-TRANSMISSION-SIG", header=True)
    signed = _Amount("token")
    #: What a notice's ``fields`` may set: parts of the capture or the authorization.
    names = (
        "id",
        "status",
        "status_details",
        "amount",
        "amount.value",
        "amount.currency_code",
        "custom_id",
        "create_time",
        "update_time",
        "links",
        "payee",
        "supplementary_data",
    )
    amount = "amount.value"

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """The webhook; ``key`` is the RSA key (PEM) to sign with, or anything for a wrong one."""
        config = _config(provider)
        kind, part = _TOLD[notice.state][0], _part(notice)
        plural = "captures" if kind.startswith("PAYMENT.CAPTURE") else "authorizations"
        body = {
            "id": f"WH-{_digest(part, notice.state)[:17].upper()}",
            "event_version": "1.0",
            "create_time": _time(notice.at),
            "resource_type": plural[:-1],
            "resource_version": "2.0",
            "event_type": kind,
            "summary": f"{kind} of {notice.reference}",
            "resource": part,
        }
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        answers = {
            f"/v2/payments/{plural}/{part.get('id')}": part,
            f"/v2/checkout/orders/{notice.provider_id}": _order(notice, part, plural),
        }
        return signed_webhook(config, raw, at=notice.at, answers=answers, key=key)

    def browser_return(
        self,
        provider: Provider,
        notice: Notice,
        *,
        key: bytes | None = None,  # noqa: ARG002
    ) -> Delivery:
        """The payer's browser with the order's id. Nothing signs it, so ``key`` is of no use."""
        _config(provider)
        plural = "captures" if "CAPTURE" in _TOLD[notice.state][0] else "authorizations"
        order = _order(notice, _part(notice), plural)
        query = urlencode({"token": notice.provider_id, "PayerID": "QYR5Z8XDVJNXQ"})
        answers = {f"/v2/checkout/orders/{notice.provider_id}": order}
        headers = {ANSWERS: json.dumps(answers)}
        return Delivery("GET", "/returns/paypal", query.encode(), headers)

    def answer(self, provider: Provider, delivery: Delivery, request: HttpRequest) -> HttpResponse:
        """The certificate, an access token, and what the delivery carries along."""
        config = _config(provider)
        if request.method == "GET" and request.url == delivery.header("paypal-cert-url"):
            pem = certificate(_name_for(request.url, config))
            return HttpResponse(200, {"Content-Type": "application/x-pem-file"}, pem)
        path = request.url.removeprefix(provider.base)
        if path == "/v1/oauth2/token":
            token = {"access_token": "A21AA-of-the-tests", "token_type": "Bearer"}
            return _json(200, {**token, "expires_in": 32400})
        if path == "/v1/notifications/verify-webhook-signature":
            status = "SUCCESS" if _is_genuine(request) else "FAILURE"
            return _json(200, {"verification_status": status})
        known = json.loads(delivery.header(ANSWERS) or "{}")
        if path in known:
            return _json(200, known[path])
        missing = "The specified resource does not exist."
        return _json(404, {"name": "RESOURCE_NOT_FOUND", "message": missing})


def signed_webhook(
    config: PayPalConfig,
    body: bytes,
    *,
    at: datetime,
    answers: Mapping[str, Any] | None = None,
    key: bytes | None = None,
    webhook_id: str | None = None,
) -> Delivery:
    """A webhook with exactly this body; ``answers`` are the API's, by path."""
    if webhook_id is None and not config.webhook_ids:
        raise ConfigurationError("paypal: no webhook id is configured")
    where = config.base_url or _HOSTS[config.environment]
    digest = hashlib.sha256(body).hexdigest()
    transmission, time = f"{digest[:8]}-{digest[8:12]}-11ee-{digest[12:16]}-4c7d2aa3", _time(at)
    signed_for = config.webhook_ids[0] if webhook_id is None else webhook_id
    text = f"{transmission}|{time}|{signed_for}|{crc32(body)}"
    headers = {
        "Content-Type": "application/json",
        "PAYPAL-TRANSMISSION-ID": transmission,
        "PAYPAL-TRANSMISSION-TIME": time,
        "PAYPAL-TRANSMISSION-SIG": _signature(text.encode(), key),
        "PAYPAL-CERT-URL": where + _CERTIFICATE,
        "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        "PAYPAL-AUTH-VERSION": "v2",
    }
    if answers is not None:
        headers[ANSWERS] = json.dumps(answers)
    return Delivery("POST", "/webhooks/paypal", b"", headers, body)


def _signature(text: bytes, key: bytes | None) -> str:
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if key is None:
        private = signing_key()
    elif key.startswith(b"-----BEGIN"):
        private = cast("RSAPrivateKey", load_pem_private_key(key, None))
    else:
        private = wrong_key()
    return b64encode(private.sign(text, padding.PKCS1v15(), SHA256())).decode()


def _is_genuine(request: HttpRequest) -> bool:
    """What PayPal would say to a webhook that is posted back."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import SHA256

    asked = json.loads(request.body)
    raw = request.body.partition(b'"webhook_event": ')[2][:-1]
    names = ("transmission_id", "transmission_time", "webhook_id")
    text = "|".join([*(asked[name] for name in names), str(crc32(raw))])
    try:
        signature = b64decode(asked["transmission_sig"])
        key = signing_key().public_key()
        key.verify(signature, text.encode(), padding.PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True


def _config(provider: Provider) -> PayPalConfig:
    if not isinstance(provider.config, PayPalConfig):
        raise ConfigurationError(f"{provider!r} is not PayPal")
    return provider.config


def _name_for(url: str, config: PayPalConfig) -> str:
    live = urlsplit(url).hostname in {"api.paypal.com", "api-m.paypal.com"}
    return _NAMES[Environment.PRODUCTION if live else config.environment]


def _part(notice: Notice) -> dict[str, Any]:
    """The capture or the authorization that the notice is about."""
    kind, status = _TOLD[notice.state]
    is_capture = kind.startswith("PAYMENT.CAPTURE")
    part: dict[str, Any] = {
        "id": f"{'3C' if is_capture else '0A'}{notice.provider_id[:17]}",
        "status": status,
        "amount": _amount(notice.amount),
        "custom_id": notice.reference,
        "create_time": _time(notice.at),
        "update_time": _time(notice.at),
        "supplementary_data": {"related_ids": {"order_id": notice.provider_id}},
        "links": [],
    }
    if is_capture:
        part["final_capture"] = True
    else:
        # An authorization that was voided at the end of its life has lapsed.
        life = timedelta(0) if notice.state == "expired" else timedelta(days=29)
        part["expiration_time"] = _time(notice.at + life)
    if notice.state == "pending":
        part["status_details"] = {"reason": "PENDING_REVIEW"}
    for name, value in notice.fields.items():
        home, _, key = name.rpartition(".")
        (part[home] if home else part)[key] = value
    return part


def _order(notice: Notice, part: Mapping[str, Any], plural: str) -> dict[str, Any]:
    return {
        "id": notice.provider_id,
        "intent": "CAPTURE" if plural == "captures" else "AUTHORIZE",
        "status": "COMPLETED",
        "create_time": _time(notice.at),
        "purchase_units": [
            {
                "reference_id": notice.reference,
                "custom_id": notice.reference,
                "amount": _amount(notice.amount),
                "payments": {plural: [part]},
            }
        ],
        "links": [],
    }


def _amount(amount: Money) -> dict[str, str]:
    text = amount.to_text()
    if amount.currency in _WHOLE:
        text = text.partition(".")[0]
    return {"currency_code": amount.currency, "value": text}


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _json(status: int, content: Mapping[str, Any]) -> HttpResponse:
    body = json.dumps(content).encode()
    return HttpResponse(status, {"Content-Type": "application/json"}, body)
