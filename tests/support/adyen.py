"""Adyen's side, written apart from paykit: how it signs, and a small play of its API."""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64encode
from typing import Any

from paykit import Adyen
from paykit.http import Delivery, HttpRequest, HttpResponse

from .contracts import check_adyen

#: The key that Adyen's Python library publishes in its tests.
KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"


def signed_text(item: dict[str, Any]) -> str:
    """The eight values of an item, joined by colons as they stand."""
    amount = item.get("amount") or {}
    values = (
        item.get("pspReference"),
        item.get("originalReference"),
        item.get("merchantAccountCode"),
        item.get("merchantReference"),
        amount.get("value"),
        amount.get("currency"),
        item.get("eventCode"),
        item.get("success"),
    )
    return ":".join("" if value is None else str(value) for value in values)


def sign(message: bytes, key: str = KEY) -> str:
    """HMAC-SHA256 in base64, with the key in hex."""
    return b64encode(hmac.new(bytes.fromhex(key), message, "sha256").digest()).decode()


def signed(item: dict[str, Any], shop: Adyen | None = None) -> dict[str, Any]:
    """The item with its signature, made with the key of ``shop``."""
    key = KEY if shop is None else shop.config.hmac_key.get_secret_value()
    signature = sign(signed_text(item).encode(errors="surrogatepass"), key)
    item["additionalData"] = {**(item.get("additionalData") or {}), "hmacSignature": signature}
    return item


class PretendAdyen:
    """Adyen for the pages of the documentation and for a whole life of a payment.

    It holds each request, and each answer that it gives, against Adyen's description. What it did
    is told by :meth:`webhooks`. Who pays as ``CHALLENGE`` has to confirm it first, and whoever is
    ``DECLINED`` has not enough money.
    """

    def __init__(self, account: str = "PaykitECOM") -> None:
        self.account = account
        self.requests: list[HttpRequest] = []
        self.cards: dict[str, list[str]] = {}
        self._answers: dict[tuple[str, str], HttpResponse] = {}
        self._news: list[dict[str, Any]] = []
        self._count = 0

    def send(self, request: HttpRequest) -> HttpResponse:
        """Answer; the same key gets the same answer."""
        self.requests.append(request)
        check_adyen(request)
        kept = (request.url, request.header("Idempotency-Key") or str(len(self.requests)))
        if kept not in self._answers:
            self._answers[kept] = self._answer(request)
        check_adyen(request, self._answers[kept])
        return self._answers[kept]

    def close(self) -> None:
        """Nothing to give back."""

    def webhooks(self) -> list[Delivery]:
        """What there is to tell since it was last asked."""
        told, self._news = self._news, []
        bodies = [
            {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}
            for item in told
        ]
        return [Delivery.post_json(json.dumps(body)) for body in bodies]

    def _answer(self, request: HttpRequest) -> HttpResponse:
        path = request.url.partition("/v72")[2].partition("?")[0]
        body = json.loads(request.body) if request.body else {}
        if path == "/payments":
            return self._pay(body)
        if path == "/payments/details":
            return self._authorise(json.loads(body["details"]["threeDSResult"]))
        if path == "/sessions":
            told = {**body, "id": self._psp("CS"), "url": "https://test.adyen.link/CS1"}
            told["expiresAt"] = "2026-03-01T10:00:00Z"
            return _json(told, 201)
        if path == "/storedPaymentMethods":
            owner = re.search(r"shopperReference=([^&]+)", request.url)
            name = owner[1] if owner else ""
            cards = [{"id": card, "lastFour": "1111"} for card in self.cards.get(name, [])]
            return _json(
                {
                    "merchantAccount": self.account,
                    "shopperReference": name,
                    "storedPaymentMethods": cards,
                }
            )
        if path.startswith("/storedPaymentMethods/"):
            for cards in self.cards.values():
                cards[:] = [card for card in cards if card != path.rpartition("/")[2]]
            return HttpResponse(204)
        return self._modify(path, body)

    def _pay(self, body: dict[str, Any]) -> HttpResponse:
        name = body["paymentMethod"].get("holderName")
        if name == "DECLINED":
            return _json(
                {
                    "resultCode": "Refused",
                    "pspReference": self._psp("PSP"),
                    "refusalReason": "Not enough balance",
                    "refusalReasonCode": "12",
                    "merchantReference": body["reference"],
                }
            )
        told = {"reference": body["reference"], "amount": body["amount"]}
        if body.get("storePaymentMethod"):
            told["owner"] = body["shopperReference"]
        if name == "CHALLENGE":
            action = {"type": "threeDS2", "subtype": "challenge", "token": json.dumps(told)}
            return _json({"resultCode": "ChallengeShopper", "action": action})
        return self._authorise(told)

    def _authorise(self, told: dict[str, Any]) -> HttpResponse:
        psp = self._psp("PSP")
        self._tell("AUTHORISATION", psp, None, told["reference"], told["amount"])
        answer = {
            "resultCode": "Authorised",
            "pspReference": psp,
            "merchantReference": told["reference"],
            "amount": told["amount"],
        }
        if "owner" in told:
            card = self._psp("CARD")
            self.cards.setdefault(told["owner"], []).append(card)
            answer["additionalData"] = {
                "tokenization.storedPaymentMethodId": card,
                "tokenization.shopperReference": told["owner"],
                "cardSummary": "1111",
            }
        return _json(answer)

    def _modify(self, path: str, body: dict[str, Any]) -> HttpResponse:
        _, _, payment, what = path.split("/")
        codes = {"captures": "CAPTURE", "cancels": "CANCELLATION", "refunds": "REFUND"}
        psp = self._psp("MOD")
        amount = body.get("amount", {"currency": "USD", "value": 0})
        self._tell(codes[what], psp, payment, body["reference"], amount)
        told = {**body, "pspReference": psp, "paymentPspReference": payment, "status": "received"}
        return _json(told, 201)

    def _tell(
        self, code: str, psp: str, original: str | None, reference: str, amount: dict[str, Any]
    ) -> None:
        item = {
            "pspReference": psp,
            "merchantAccountCode": self.account,
            "merchantReference": reference,
            "amount": amount,
            "eventCode": code,
            "success": "true",
            "eventDate": "2026-03-01T10:00:00+01:00",
        }
        if original is not None:
            item["originalReference"] = original
        self._news.append(signed(item))

    def _psp(self, start: str) -> str:
        self._count += 1
        return f"{start}{self._count:013}"


def _json(body: dict[str, Any], status: int = 200) -> HttpResponse:
    return HttpResponse(status, body=json.dumps(body).encode())
