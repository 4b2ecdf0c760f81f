"""PayPal's API in a few lines, in memory: what the adapter sends must be right to get anywhere.

Every request and every answer is held against PayPal's published description. It is no simulator of
PayPal's rules; it keeps orders, and repeats the answer to a request id that it has seen.
"""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import attrs

from paykit.http import HttpRequest, HttpResponse

from .contracts import check_paypal

API = "https://api-m.sandbox.paypal.com"
PAGE = "https://www.sandbox.paypal.com/checkoutnow?token="
AT = "2026-01-02T03:04:05Z"


@attrs.define
class PretendPayPal:
    """A transport. ``tokens`` are handed out in turn; only the newest one is good."""

    orders: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    requests: list[HttpRequest] = attrs.field(factory=list)
    #: Answers that come before all others, by the last part of the path.
    next_answers: dict[str, list[HttpResponse]] = attrs.field(factory=dict)
    tokens: int = 0
    _seen: dict[tuple[str, str], HttpResponse] = attrs.field(factory=dict)
    _ids: Any = attrs.field(factory=lambda: count(1))

    def send(self, request: HttpRequest) -> HttpResponse:
        """Answer ``request``."""
        self.requests.append(request)
        path = urlsplit(request.url).path
        if path.endswith("/v1/oauth2/token"):
            self.tokens += 1
            return _json(
                200,
                {
                    "access_token": f"token-{self.tokens}",
                    "token_type": "Bearer",
                    "expires_in": 32400,
                },
            )
        check_paypal(request)
        if request.header("authorization") != f"Bearer token-{self.tokens}":
            return _json(401, {"error": "invalid_token", "error_description": "Token expired"})
        key = (path, request.header("paypal-request-id") or "")
        if request.method == "POST":
            assert key[1], "no PayPal-Request-Id"
        waiting = self.next_answers.get(path.rpartition("/")[2])
        if waiting:
            return waiting.pop(0)
        if request.method == "POST" and key in self._seen:
            return attrs.evolve(self._seen[key], status=200)
        answer = self._answer(request, path)
        check_paypal(request, answer)
        if request.method == "POST":
            self._seen[key] = answer
        return answer

    def close(self) -> None:
        """Nothing to give back."""

    def approve(self, order_id: str) -> None:
        """The payer approves."""
        self.orders[order_id] |= {"status": "APPROVED", "update_time": AT}

    def posts(self) -> list[str]:
        """What was done, without questions and tokens."""
        return [
            urlsplit(request.url).path
            for request in self.requests
            if request.method == "POST" and not request.url.endswith("/token")
        ]

    def _answer(self, request: HttpRequest, path: str) -> HttpResponse:
        body = json.loads(request.body) if request.body else {}
        match request.method, path.split("/")[2:]:
            case "POST", ["checkout", "orders"]:
                return _json(201, self._create(body))
            case "GET", ["checkout", "orders", order_id] if order_id in self.orders:
                return _json(200, self.orders[order_id])
            case "POST", ["checkout", "orders", order_id, action]:
                return self._complete(order_id, action)
            case "GET", ["payments", kind, part_id]:
                found = self._find(kind, part_id)
                return _json(200, found[1]) if found else _missing()
            case "POST", ["payments", kind, part_id, action]:
                found = self._find(kind, part_id)
                return self._act(*found, action, body) if found else _missing()
        return _missing()

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        order_id = self._id("5O")
        unit = {**body["purchase_units"][0], "payee": {"merchant_id": "2J6QB8YJQSJRJ"}}
        self.orders[order_id] = {
            "id": order_id,
            "intent": body["intent"],
            "status": "PAYER_ACTION_REQUIRED",
            "purchase_units": [unit],
            "create_time": AT,
            "links": [
                {"href": f"{API}/v2/checkout/orders/{order_id}", "rel": "self", "method": "GET"},
                {"href": PAGE + order_id, "rel": "payer-action", "method": "GET"},
            ],
        }
        return self.orders[order_id]

    def _complete(self, order_id: str, action: str) -> HttpResponse:
        order = self.orders[order_id]
        if order["status"] != "APPROVED":
            issue = (
                "ORDER_NOT_APPROVED" if order["status"] != "COMPLETED" else "ORDER_ALREADY_CAPTURED"
            )
            return _refused(issue)
        unit = order["purchase_units"][0]
        kind = "captures" if action == "capture" else "authorizations"
        part = self._part(order, kind, unit["amount"]["value"])
        unit["payments"] = {kind: [part]}
        order["status"] = "COMPLETED"
        return _json(201, order)

    def _part(self, order: dict[str, Any], kind: str, value: str, **more: Any) -> dict[str, Any]:
        unit = order["purchase_units"][0]
        made: dict[str, Any] = {
            "id": self._id({"captures": "3C", "authorizations": "0A", "refunds": "1J"}[kind]),
            "status": "CREATED" if kind == "authorizations" else "COMPLETED",
            "amount": {"currency_code": unit["amount"]["currency_code"], "value": value},
            "custom_id": unit["custom_id"],
            "create_time": AT,
            "update_time": AT,
            "links": [
                {"href": f"{API}/v2/checkout/orders/{order['id']}", "rel": "up", "method": "GET"}
            ],
            **more,
        }
        if kind == "authorizations":
            made["expiration_time"] = "2026-01-31T03:04:05Z"
        if kind != "refunds":
            made["supplementary_data"] = {"related_ids": {"order_id": order["id"]}}
        return made

    def _act(
        self, order: dict[str, Any], part: dict[str, Any], action: str, body: dict[str, Any]
    ) -> HttpResponse:
        payments = order["purchase_units"][0]["payments"]
        value = body.get("amount", part["amount"])["value"]
        if action == "void":
            part["status"] = "VOIDED"
            return HttpResponse(204)
        if action == "reauthorize":
            made = self._part(order, "authorizations", value)
            payments["authorizations"].append(made)
            return _json(201, made)
        if action == "capture":
            up = f"{API}/v2/payments/authorizations/{part['id']}"
            made = self._part(order, "captures", value, final_capture=body["final_capture"])
            made["links"][0]["href"] = up
            made["supplementary_data"]["related_ids"]["authorization_id"] = part["id"]
            payments.setdefault("captures", []).append(made)
            whole = _sum(payments["captures"]) >= Decimal(part["amount"]["value"])
            part["status"] = "CAPTURED" if whole or body["final_capture"] else "PARTIALLY_CAPTURED"
            return _json(201, made)
        refunds = payments.setdefault("refunds", [])
        if _sum(refunds) + Decimal(value) > Decimal(part["amount"]["value"]):
            return _refused(
                "CAPTURE_FULLY_REFUNDED" if "amount" not in body else "REFUND_AMOUNT_EXCEEDED"
            )
        made = self._part(order, "refunds", value, custom_id=body["custom_id"])
        made["links"][0]["href"] = f"{API}/v2/payments/captures/{part['id']}"
        refunds.append(made)
        total = _sum(refunds)
        whole = total == Decimal(part["amount"]["value"])
        part["status"] = "REFUNDED" if whole else "PARTIALLY_REFUNDED"
        made["seller_payable_breakdown"] = {
            "total_refunded_amount": {**part["amount"], "value": f"{total:.2f}"}
        }
        return _json(201, made)

    def _find(self, kind: str, part_id: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        for order in self.orders.values():
            for part in order["purchase_units"][0].get("payments", {}).get(kind, []):
                if part["id"] == part_id:
                    return order, part
        return None

    def _id(self, head: str) -> str:
        return f"{head}{next(self._ids):015d}"


class AsyncPretendPayPal(PretendPayPal):
    """The same for async code."""

    async def send(self, request: HttpRequest) -> HttpResponse:  # type: ignore[override]
        """Answer ``request``."""
        return super().send(request)

    async def aclose(self) -> None:
        """Nothing to give back."""


def _sum(parts: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(part["amount"]["value"]) for part in parts), Decimal(0))


def _json(status: int, content: dict[str, Any]) -> HttpResponse:
    return HttpResponse(status, {"Content-Type": "application/json"}, json.dumps(content).encode())


def _missing() -> HttpResponse:
    message = "The specified resource does not exist."
    issue = "INVALID_RESOURCE_ID"
    return _json(
        404, {"name": "RESOURCE_NOT_FOUND", "message": message, "details": [{"issue": issue}]}
    )


def _refused(issue: str) -> HttpResponse:
    message = (
        "The requested action could not be performed, semantically incorrect, or failed business "
        "validation."
    )
    return _json(
        422, {"name": "UNPROCESSABLE_ENTITY", "message": message, "details": [{"issue": issue}]}
    )
