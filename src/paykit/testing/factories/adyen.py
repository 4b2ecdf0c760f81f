"""Adyen's webhooks (items signed one by one), and its return, which nothing signs.

Source: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final
from urllib.parse import urlencode

import attrs

from ...errors import ConfigurationError, UnsupportedOperation
from ...http import Delivery, HttpRequest, HttpResponse, basic_auth
from ...models import CaptureMode
from ...money import exponent
from ...provider import Provider
from ...providers.adyen import AdyenConfig
from ...wire import Environment
from ..factory import Notice, State
from ..fields import Field

#: Decimals at Adyen that are not those of ISO 4217.
_DECIMALS: Final = {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}
#: ``eventCode`` and ``success`` of what a webhook can tell.
_EVENTS: Final[dict[State, tuple[str, str]]] = {
    "failed": ("AUTHORISATION", "false"),
    "canceled": ("CANCELLATION", "true"),
    "expired": ("EXPIRE", "true"),
}
_MODIFICATIONS: Final = frozenset({"CAPTURE", "CANCELLATION"})
#: ``resultCode`` of what Adyen says about a return.
_RESULTS: Final[dict[State, str]] = {
    "pending": "Pending",
    "failed": "Refused",
    "canceled": "Cancelled",
    "unknown": "Exploded",
}
_SIGNED: Final = (
    "pspReference",
    "originalReference",
    "merchantAccountCode",
    "merchantReference",
    "value",
    "currency",
    "eventCode",
    "success",
)


_HEADER: Final = Field("HmacSignature", header=True)


@attrs.frozen
class _ItemField(Field):
    """A value in the first item of a webhook."""

    def _home(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        *path, key = self.name.split(".")[1:]
        home = body["notificationItems"][0]["NotificationRequestItem"]
        for name in path:
            home = home.get(name)
            if not isinstance(home, dict):
                return {}, key
        return home, key


@attrs.frozen
class _Signature(_ItemField):
    """The signature: in the item, but in a header where the body is signed as a whole."""

    def read(self, delivery: Delivery) -> Any:
        """The value."""
        return _HEADER.read(delivery) if _is_whole(delivery) else super().read(delivery)

    def replace(self, delivery: Delivery, value: Any) -> Delivery:
        """The delivery with another signature."""
        if _is_whole(delivery):
            return _HEADER.replace(delivery, value)
        return super().replace(delivery, value)

    def remove(self, delivery: Delivery) -> Delivery:
        """The delivery without its signature."""
        return _HEADER.remove(delivery) if _is_whole(delivery) else super().remove(delivery)


class AdyenDeliveries:
    """HMAC-SHA256 in base64 over eight values, joined by colons; the key is written in hex.

    Another amount, time or ``provider_id`` is another payment. What a return is about stands in
    its ``redirectResult``; :meth:`answer` plays Adyen, which is asked about it.
    """

    signature = _Signature("notificationItems.additionalData.hmacSignature")
    signed = _ItemField("notificationItems.amount.value")
    asked = Field("redirectResult")
    amount = "value"
    names = (*_SIGNED, "eventDate", "reason", "live", "additionalData", "amount")

    def webhook(self, provider: Provider, notice: Notice, *, key: bytes | None = None) -> Delivery:
        """A webhook with one item. ``paid`` is a capture where the account captures by hand."""
        config = _config(provider)
        code, success = _event(notice.state, config)
        psp = _psp(notice)
        modification = code in _MODIFICATIONS
        told: dict[str, Any] = {
            "pspReference": _psp(notice, code) if modification else psp,
            "originalReference": psp if modification else "",
            "merchantAccountCode": config.merchant_account,
            "merchantReference": notice.reference,
            "value": _units(notice),
            "currency": notice.amount.currency,
            "eventCode": code,
            "success": success,
            "eventDate": notice.at.isoformat(),
            "reason": "",
            "live": "true" if config.environment is Environment.PRODUCTION else "false",
            **notice.fields,
        }
        signed = ":".join("" if told[name] is None else str(told[name]) for name in _SIGNED)
        secret = bytes.fromhex(config.hmac_key.get_secret_value()) if key is None else key
        digest = hmac.new(secret, signed.encode(errors="surrogatepass"), "sha256").digest()
        item = {
            "additionalData": {"hmacSignature": b64encode(digest).decode()},
            "amount": {"currency": told["currency"], "value": told["value"]},
            "eventCode": told["eventCode"],
            "eventDate": told["eventDate"],
            "merchantAccountCode": told["merchantAccountCode"],
            "merchantReference": told["merchantReference"],
            "paymentMethod": "visa",
            "pspReference": told["pspReference"],
            "reason": told["reason"],
            "success": told["success"],
        }
        if told["originalReference"] != "":
            item["originalReference"] = told["originalReference"]
        item |= {
            name: notice.fields[name]
            for name in ("additionalData", "amount")
            if name in notice.fields
        }
        body = {
            "live": told["live"],
            "notificationItems": [{"NotificationRequestItem": item}],
        }
        delivery = Delivery.post_json(json.dumps(body, separators=(",", ":")))
        if config.webhook_password is None:
            return delivery
        password = config.webhook_password.get_secret_value()
        shown = basic_auth(config.webhook_user or "", password)
        return attrs.evolve(delivery, headers=(*delivery.headers, *shown.items()))

    def browser_return(
        self, provider: Provider, notice: Notice, *, key: bytes | None = None
    ) -> Delivery:
        """The payer's browser with what Adyen gave it."""
        del key  # nothing is signed
        config = _config(provider)
        manual = config.capture_mode is CaptureMode.MANUAL
        authorised: State = "authorized" if manual else "paid"
        if notice.state != authorised and notice.state not in _RESULTS:
            raise UnsupportedOperation("adyen", f"a return of {notice.state!r}")
        answer = {
            "pspReference": _psp(notice),
            "resultCode": _RESULTS.get(notice.state, "Authorised"),
            "merchantReference": notice.reference,
            "amount": {"currency": notice.amount.currency, "value": _units(notice)},
        }
        told = json.dumps([answer, notice.at.isoformat()]).encode()
        query = {"redirectResult": urlsafe_b64encode(told).decode(), **notice.fields}
        return Delivery.get(urlencode(query))

    def answer(self, provider: Provider, delivery: Delivery, request: HttpRequest) -> HttpResponse:
        """What Adyen says about the return ``delivery``."""
        if not request.url.endswith("/payments/details"):
            raise ConfigurationError(f"Adyen does not know {request!r}")
        del provider, delivery
        result = json.loads(request.body)["details"]["redirectResult"]
        try:
            answer, _ = json.loads(urlsafe_b64decode(result))
        except ValueError:
            refusal = {"status": 422, "errorCode": "101", "message": "Invalid payload"}
            return HttpResponse(422, body=json.dumps(refusal).encode())
        return HttpResponse(200, body=json.dumps(answer).encode())


def _is_whole(delivery: Delivery) -> bool:
    return b"notificationItems" not in delivery.body


def _config(provider: Provider) -> AdyenConfig:
    if not isinstance(provider.config, AdyenConfig):
        raise ConfigurationError(f"{provider!r} is not Adyen")
    return provider.config


def _event(state: State, config: AdyenConfig) -> tuple[str, str]:
    manual = config.capture_mode is CaptureMode.MANUAL
    if state == "paid":
        return ("CAPTURE" if manual else "AUTHORISATION"), "true"
    if state == "authorized" and manual:
        return "AUTHORISATION", "true"
    if state not in _EVENTS:
        raise UnsupportedOperation("adyen", f"a notice of {state!r}")
    return _EVENTS[state]


def _psp(notice: Notice, code: str = "") -> str:
    """The id of the payment, or of what ``code`` did to it: other news has another one."""
    if notice.provider_id != attrs.fields(Notice).provider_id.default:
        return f"{notice.provider_id}{code[:3]}"
    told = f"{notice.reference} {notice.amount} {notice.at.isoformat()} {code}"
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:16].upper()


def _units(notice: Notice) -> int:
    currency = notice.amount.currency
    units = notice.amount.to_decimal().scaleb(_DECIMALS.get(currency, exponent(currency)))
    if units != int(units):
        raise UnsupportedOperation("adyen", f"a fraction of {currency}")
    return int(units)
