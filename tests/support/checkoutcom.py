"""Checkout.com, pretended: as much of its API as the documentation's examples need."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from paykit.http import HttpRequest, HttpResponse

#: An amount that ends so is declined, with this code; as in Checkout.com's own sandbox.
DECLINED = {51: "20051", 5: "20005"}


class PretendCheckoutCom:
    """A transport. ``settle()`` does what was accepted; ``authenticate()`` is the payer's 3-D Secure."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.payments: dict[str, dict[str, Any]] = {}
        self.actions: dict[str, list[dict[str, Any]]] = {}
        self._kept: dict[str, HttpResponse] = {}
        self._numbers = iter(range(1, 1000))

    def close(self) -> None:
        """Nothing to give back."""

    def send(self, request: HttpRequest) -> HttpResponse:
        """Answer at once; a key that was answered with 2xx is answered so again."""
        self.requests.append(request)
        key = request.header("cko-idempotency-key")
        if key is not None and key in self._kept:
            return self._kept[key]
        status, body = self._answer(request)
        answer = HttpResponse(status, body=b"" if body is None else json.dumps(body).encode())
        if key is not None and status < 300:
            self._kept[key] = answer
        return answer

    def authenticate(self) -> None:
        """Every payer passes 3-D Secure."""
        for payment in self.payments.values():
            if payment["status"] == "Pending":
                payment |= {"status": "Authorized", "approved": True, "_links": {}}

    def settle(self) -> None:
        """What was accepted is done."""
        for pay, actions in self.actions.items():
            payment = self.payments[pay]
            totals = payment["balances"]
            for action in actions:
                if action["approved"] is None:
                    action |= {"approved": True, "response_code": "10000"}
                    _count(totals, action)
            payment["status"] = _state(payment)

    def _answer(self, request: HttpRequest) -> tuple[int, Any]:
        url = urlsplit(request.url)
        body = json.loads(request.body) if request.body else {}
        match [request.method, *url.path.strip("/").split("/")]:
            case ["POST", "payments"]:
                return self._pay(body)
            case ["GET", "payments"]:
                (reference,) = parse_qs(url.query)["reference"]
                found = [one for one in self.payments.values() if one["reference"] == reference]
                return 200, {"data": found}
            case ["GET", "payments", pay] if pay in self.payments:
                return 200, self.payments[pay]
            case ["GET", "payments", pay, "actions"] if pay in self.payments:
                return 200, [one for one in self.actions[pay] if one["approved"]]
            case ["POST", "payments", pay, what] if pay in self.payments:
                return self._act(pay, what, body)
            case ["POST", "hosted-payments"]:
                page = f"hpp_{next(self._numbers):012}"
                link = {"redirect": {"href": f"https://pay.sandbox.checkout.com/page/{page}"}}
                return 201, {"id": page, "reference": body["reference"], "_links": link}
            case ["DELETE", "instruments", _]:
                return 204, None
        return 404, None

    def _pay(self, body: dict[str, Any]) -> tuple[int, Any]:
        pay = f"pay_{next(self._numbers):026}"
        code = DECLINED.get(body["amount"] % 100, "10000")
        made = {
            "id": pay,
            "approved": code == "10000",
            "status": "Authorized" if code == "10000" else "Declined",
            "response_code": code,
            "response_summary": "Approved" if code == "10000" else "Declined",
            "expires_on": "2026-03-08T09:00:00.1234567Z",
            "source": {"id": f"src_{pay[4:]}", "type": "card", "scheme": "Visa", "last4": "4242"},
            "balances": dict.fromkeys(("total_captured", "total_refunded"), 0),
            "_links": {},
            **{name: body[name] for name in ("amount", "currency", "reference", "metadata")},
        }
        made["balances"]["available_to_capture"] = body["amount"]
        held = {"id": f"act_{next(self._numbers):026}", "type": "Authorization", "approved": True}
        held |= {"amount": body["amount"], "response_code": code}
        self.payments[pay], self.actions[pay] = made, [held]
        if made["approved"] and body["3ds"]["enabled"]:
            link = {"redirect": {"href": "https://3ds2-sandbox.ckotech.co/interceptor/3ds_1"}}
            made |= {"status": "Pending", "approved": False, "_links": link}
            return 202, {name: made[name] for name in ("id", "status", "reference", "_links")}
        if made["approved"] and body["capture"]:
            self._act(pay, "captures", {})
        return 201, made

    def _act(self, pay: str, what: str, body: dict[str, Any]) -> tuple[int, Any]:
        kind = {"captures": "Capture", "voids": "Void", "refunds": "Refund"}[what]
        totals = self.payments[pay]["balances"]
        rest = totals["available_to_capture"]
        if kind == "Refund":
            rest = totals["total_captured"] - totals["total_refunded"]
        amount = body.get("amount", rest)
        if not rest or amount > rest:
            return 403, None
        action = {
            "id": f"act_{next(self._numbers):026}",
            "type": kind,
            "amount": amount,
            "approved": None,
            "final": body.get("capture_type") != "NonFinal",
            "reference": body.get("reference"),
            "metadata": body.get("metadata"),
        }
        self.actions[pay].append(action)
        return 202, {"action_id": action["id"], "reference": action["reference"]}


def _count(totals: dict[str, Any], action: dict[str, Any]) -> None:
    if action["type"] == "Refund":
        totals["total_refunded"] += action["amount"]
    elif action["type"] == "Capture":
        totals["total_captured"] += action["amount"]
        totals["available_to_capture"] -= action["amount"]
    if action["type"] == "Void" or (action["type"] == "Capture" and action["final"]):
        totals["available_to_capture"] = 0


def _state(payment: dict[str, Any]) -> str:
    taken, back = payment["balances"]["total_captured"], payment["balances"]["total_refunded"]
    if back:
        return "Refunded" if back == taken else "Partially Refunded"
    if taken:
        return "Captured" if taken == payment["amount"] else "Partially Captured"
    return str(payment["status"] if payment["balances"]["available_to_capture"] else "Voided")
