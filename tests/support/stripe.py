"""A pretended Stripe for tests and for the examples of the documentation.

It keeps payments, refunds, set-ups, pages and cards, repeats its answer to an idempotency key, and holds
every request and every answer of its own against Stripe's types.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from paykit.http import HttpRequest, HttpResponse

from .contracts import stripe

LAPSES = 1_767_927_845  # 2026-01-09T03:04:05Z
#: Test cards of Stripe's, and what becomes of them.
DECLINED = {"pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds"}
NEEDS_3DS = "pm_card_authenticationRequired"


class RefusedError(Exception):
    """An answer that says no."""

    def __init__(self, status: int, code: str | None, **more: Any) -> None:
        kind = "card_error" if status == 402 else "invalid_request_error"
        self.status = status
        self.error = {"type": kind, "code": code, "message": f"No: {code}", **more}


class PretendStripe:
    """One account. Give it to a client as its transport."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.things: dict[str, dict[str, Any]] = {}
        self._answers: dict[str, tuple[bytes, HttpResponse]] = {}

    def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        brought = stripe().check_request(request)
        key = request.header("idempotency-key")
        about = request.url.encode() + b"?" + request.body
        if key in self._answers:
            before, answer = self._answers[key]
            if before == about:
                return answer
            other = {"error": {"type": "idempotency_error", "message": "Keys are used once."}}
            return HttpResponse(400, {}, json.dumps(other).encode())
        try:
            status, content = 200, self._do(request.method, urlsplit(request.url).path, brought)
        except RefusedError as error:
            status, content = error.status, {"error": error.error}
        answer = HttpResponse(status, {}, json.dumps(content).encode())
        stripe().check_response(request, answer)
        if key is not None:
            self._answers[key] = (about, answer)
        return answer

    def close(self) -> None:
        """Nothing to give back."""

    # What the payer does.

    def authenticate(self, payment_id: str) -> None:
        """The payer passes 3-D Secure."""
        self._confirm(self.things[payment_id])

    def pay(self, page_id: str, card: str = "pm_card_visa") -> None:
        """The payer pays on the page."""
        page = self.things[page_id]
        payment = self._payment(page.pop("_asked") | {"payment_method": card})
        page |= {"payment_intent": payment["id"], "status": "complete", "url": None}
        page["payment_status"] = "paid" if payment["amount_received"] else "unpaid"

    # What the shop asks for.

    def _do(self, method: str, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        kind, *rest = path.removeprefix("/v1/").replace("checkout/sessions", "pages").split("/")
        if not rest:
            return self._list(asked) if method == "GET" else getattr(self, f"_new_{kind}")(asked)
        if rest[0] not in self.things:
            raise RefusedError(404, "resource_missing")
        thing = self.things[rest[0]]
        if len(rest) > 1:
            getattr(self, f"_{rest[1]}")(thing, asked)
        return self._shown(thing)

    def _shown(self, thing: dict[str, Any]) -> dict[str, Any]:
        shown = {name: value for name, value in thing.items() if not name.startswith("_")}
        charge = shown.get("latest_charge")
        if charge is not None:
            listed = {"object": "list", "data": self._refunds(thing["id"]), "has_more": False}
            shown["latest_charge"] = {**charge, "refunds": listed}
        if isinstance(shown.get("payment_method"), str):
            shown["payment_method"] = self._card(shown["payment_method"], shown["customer"])
        return shown

    def _add(self, prefix: str, kind: str, **values: Any) -> dict[str, Any]:
        thing = {"id": f"{prefix}_{len(self.things) + 1}", "object": kind, **values}
        self.things[thing["id"]] = thing
        return thing

    def _card(self, name: str, customer: str | None) -> dict[str, Any]:
        known = self.things.get(name)
        card = {"brand": "visa", "last4": "4242"}
        made = known or {"id": name, "object": "payment_method", "type": "card", "card": card}
        self.things[name] = {**made, "customer": customer or made.get("customer")}
        return self.things[name]

    def _new_customers(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self._add("cus", "customer", **asked)

    def _new_payment_methods(self, asked: dict[str, Any]) -> dict[str, Any]:
        card = {"brand": "visa", "last4": asked["card"]["token"][-4:].rjust(4, "0")}
        return self._add("pm", "payment_method", type="card", card=card, customer=None)

    def _new_payment_intents(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self._shown(self._payment(asked))

    def _payment(self, asked: dict[str, Any]) -> dict[str, Any]:
        payment = self._add(
            "pi",
            "payment_intent",
            amount=int(asked["amount"]),
            amount_received=0,
            capture_method=asked["capture_method"],
            currency=asked["currency"],
            customer=asked.get("customer"),
            client_secret="pi_secret_of_the_tests",
            last_payment_error=None,
            latest_charge=None,
            metadata=asked["metadata"],
            next_action=None,
            payment_method=asked.get("payment_method", "pm_of_the_token"),
            setup_future_usage=asked.get("setup_future_usage"),
            status="requires_confirmation",
        )
        card = payment["payment_method"]
        if card in DECLINED:
            payment |= {"status": "requires_payment_method", "payment_method": None}
            raise RefusedError(402, "card_declined", decline_code=DECLINED[card])
        if card == NEEDS_3DS and asked.get("off_session"):
            code = "authentication_required"
            raise RefusedError(402, code, decline_code=code)
        if card == NEEDS_3DS:
            payment |= {"status": "requires_action", "next_action": {"type": "use_stripe_sdk"}}
        else:
            self._confirm(payment)
        return payment

    def _confirm(self, payment: dict[str, Any]) -> None:
        card = {"brand": "visa", "last4": "4242", "capture_before": LAPSES}
        payment["latest_charge"] = {
            "id": f"ch_{payment['id']}", "object": "charge", "amount": payment["amount"],
            "amount_captured": 0, "amount_refunded": 0, "captured": False, "disputed": False,
            "currency": payment["currency"], "metadata": payment["metadata"],
            "payment_intent": payment["id"], "payment_method_details": {"card": card},
            "status": "succeeded",
        }  # fmt: skip
        payment |= {"status": "requires_capture", "next_action": None}
        if payment["capture_method"] == "automatic":
            self._take(payment, payment["amount"])

    def _take(self, payment: dict[str, Any], amount: int, *, final: bool = True) -> None:
        charge = payment["latest_charge"]
        charge |= {"captured": True, "amount_captured": charge["amount_captured"] + amount}
        payment["amount_received"] = charge["amount_captured"]
        rest = payment["amount"] - charge["amount_captured"]
        if final and rest:  # which Stripe writes down as a refund
            self._give_back(payment, rest, {})
        if final or not rest:
            payment["status"] = "succeeded"

    def _capture(self, payment: dict[str, Any], asked: dict[str, Any]) -> None:
        if payment["status"] != "requires_capture":
            raise RefusedError(400, "payment_intent_unexpected_state")
        whole = payment["amount"] - payment["amount_received"]
        amount = int(asked.get("amount_to_capture", whole))
        if amount > whole:
            raise RefusedError(400, "amount_too_large")
        self._take(payment, amount, final=asked.get("final_capture") != "false")

    def _cancel(self, payment: dict[str, Any], _asked: dict[str, Any]) -> None:
        if payment["status"] in {"succeeded", "canceled"}:
            raise RefusedError(400, "payment_intent_unexpected_state")
        payment |= {"status": "canceled", "cancellation_reason": None, "next_action": None}

    def _new_refunds(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["payment_intent"] not in self.things:
            raise RefusedError(404, "resource_missing")
        payment = self.things[asked["payment_intent"]]
        charge = payment["latest_charge"]
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(asked.get("amount", left))
        if not left:
            raise RefusedError(400, "charge_already_refunded")
        if amount > left:
            raise RefusedError(400, None)
        return self._give_back(payment, amount, asked["metadata"])

    def _give_back(
        self, payment: dict[str, Any], amount: int, metadata: dict[str, str]
    ) -> dict[str, Any]:
        payment["latest_charge"]["amount_refunded"] += amount
        return self._add(
            "re", "refund", amount=amount, created=1_767_323_045 + len(self.things),
            currency=payment["currency"], metadata=metadata, payment_intent=payment["id"],
            status="succeeded",
        )  # fmt: skip

    def _refunds(self, payment_id: str) -> list[dict[str, Any]]:
        found = [
            thing
            for thing in self.things.values()
            if thing["object"] == "refund" and thing["payment_intent"] == payment_id
        ]
        return found[::-1]

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"object": "list", "data": self._refunds(asked["payment_intent"])}

    def _new_setup_intents(self, asked: dict[str, Any]) -> dict[str, Any]:
        setup = self._add(
            "seti", "setup_intent", client_secret="seti_secret_of_the_tests",
            customer=asked["customer"], metadata=asked["metadata"],
            payment_method=asked["payment_method"], status="succeeded",
        )  # fmt: skip
        return self._shown(setup)

    def _detach(self, card: dict[str, Any], _asked: dict[str, Any]) -> None:
        card["customer"] = None

    def _new_pages(self, asked: dict[str, Any]) -> dict[str, Any]:
        line = asked["line_items"][0]["price_data"]
        inside = {"amount": line["unit_amount"], "currency": line["currency"]}
        page = self._add(
            "cs", "checkout.session", mode=asked["mode"], metadata=asked["metadata"],
            amount_total=int(line["unit_amount"]), currency=line["currency"], status="open",
            expires_at=1_767_409_445, payment_intent=None, payment_status="unpaid",
            setup_intent=None, url="https://checkout.stripe.com/c/pay/cs_test",
            _asked=asked["payment_intent_data"] | inside,
        )  # fmt: skip
        return self._shown(page)

    def _expire(self, page: dict[str, Any], _asked: dict[str, Any]) -> None:
        page |= {"status": "expired", "url": None}
