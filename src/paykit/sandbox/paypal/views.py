"""PayPal's objects as JSON, as the API answers and as webhooks carry them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from ...money import Money, exponent
from . import amounts
from .fields import PARTS
from .state import Authorization, Capture, Dispute, Order, Refund, Resource, Unit

if TYPE_CHECKING:
    from .config import PayPalConfig

Json: TypeAlias = dict[str, Any]

#: The payer of PayPal's sandbox; nobody real.
PAYER_ID: Final = "BUYERSANDBX22"
_EMAIL: Final = "john.doe@personal.example"
_NAME: Final = {"given_name": "John", "surname": "Doe"}
_ADDRESS: Final = {
    "address_line_1": "1 Main St",
    "admin_area_2": "San Jose",
    "admin_area_1": "CA",
    "postal_code": "95131",
    "country_code": "US",
}
#: 3.49 % and 0.49, of what has two decimal places.
_FEE: Final = (349, 10_000)
_FIXED_FEE: Final = 49
_TWO_PLACES: Final = 2
_COPIED: Final = ("description", "custom_id", "invoice_id", "soft_descriptor")


def stamp(moment: datetime) -> str:
    """A time as objects carry it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def link(href: str, rel: str, method: str = "GET") -> dict[str, str]:
    """One entry of ``links``."""
    return {"href": href, "rel": rel, "method": method}


@attrs.frozen
class Views:
    """``base`` is where the pretended PayPal is reached."""

    config: PayPalConfig
    base: str

    def page(self, order: Order) -> str:
        """Where the payer approves."""
        return f"{self.base}/checkoutnow?token={order.id}"

    def minimal(self, resource: Resource, now: datetime) -> Json:
        """What an answer holds unless more is asked for."""
        whole = self.whole(resource, now)
        return {name: whole[name] for name in ("id", "status", "links")}

    def whole(self, resource: Resource, now: datetime) -> Json:
        """Everything that is known of an object."""
        if isinstance(resource, Order):
            return self.order(resource, now)
        if isinstance(resource, Refund):
            return self.refund(resource, now)
        found = (
            self.authorization(resource, now)
            if isinstance(resource, Authorization)
            else self.capture(resource, now)
        )
        return {**found, **self._relations(resource)}

    def order(self, order: Order, now: datetime) -> Json:
        """An order with all that became of it."""
        body: Json = {"id": order.id, "intent": order.intent, "status": order.status}
        approved = order.completed or order.funding is not None
        if order.with_source or approved:
            body["payment_source"] = {"paypal": self._wallet() if approved else {}}
        body["purchase_units"] = [self._unit(unit, now, approved=approved) for unit in order.units]
        if approved:
            body["payer"] = {
                "name": _NAME,
                "email_address": _EMAIL,
                "payer_id": PAYER_ID,
                "address": {"country_code": "US"},
            }
        body["create_time"] = stamp(order.created_at)
        body["update_time"] = stamp(order.updated_at)
        return {**body, "links": self._order_links(order)}

    def authorization(self, held: Authorization, now: datetime) -> Json:
        """An authorization as it stands in an order."""
        href = f"{self.base}/v2/payments/authorizations/{held.id}"
        body: Json = {
            "id": held.id,
            "status": held.status(now),
            "amount": amounts.write(held.amount),
            **self._numbers(held.unit, held.unit.invoice_id),
            "seller_protection": self._protection(),
            "expiration_time": stamp(held.expires_at),
            "create_time": stamp(held.created_at),
            "update_time": stamp(held.updated_at),
            "links": [
                link(href, "self"),
                link(f"{href}/capture", "capture", "POST"),
                link(f"{href}/void", "void", "POST"),
                link(f"{href}/reauthorize", "reauthorize", "POST"),
                link(self._order_url(held.unit.order), "up"),
            ],
        }
        if body["status"] == "PENDING":
            body["status_details"] = {"reason": held.pending_for}
        return body

    def capture(self, capture: Capture, now: datetime) -> Json:
        """A capture as it stands in an order."""
        href = f"{self.base}/v2/payments/captures/{capture.id}"
        body: Json = {
            "id": capture.id,
            "status": capture.status(now),
            "amount": amounts.write(capture.amount),
            "final_capture": capture.final,
            **self._numbers(capture.unit, capture.invoice_id),
            "seller_protection": self._protection(),
            "disbursement_mode": "INSTANT",
        }
        if capture.reason:
            body["status_details"] = {"reason": capture.reason}
        if not (capture.declined or capture.pending_for):
            body["seller_receivable_breakdown"] = _receivable(capture.amount)
        held = capture.authorization
        up = (
            f"{self.base}/v2/payments/authorizations/{held.id}"
            if held
            else self._order_url(capture.unit.order)
        )
        return {
            **body,
            "create_time": stamp(capture.created_at),
            "update_time": stamp(capture.updated_at),
            "links": [
                link(href, "self"),
                link(f"{href}/refund", "refund", "POST"),
                link(up, "up"),
            ],
        }

    def refund(self, refund: Refund, now: datetime) -> Json:
        """A refund, or what PayPal took back."""
        base = f"{self.base}/v2/payments"
        nothing = Money(0, refund.amount.currency)
        body: Json = {
            "id": refund.id,
            "amount": amounts.write(refund.amount),
            "status": refund.status(now),
            "seller_payable_breakdown": {
                "gross_amount": amounts.write(refund.amount),
                "paypal_fee": amounts.write(nothing),
                "net_amount": amounts.write(refund.amount),
                "total_refunded_amount": amounts.write(refund.total),
            },
            **self._numbers(refund.capture.unit, refund.capture.invoice_id),
            **{
                name: refund.fields[name]
                for name in ("invoice_id", "custom_id", "note_to_payer")
                if refund.fields.get(name)
            },
            "create_time": stamp(refund.created_at),
            "update_time": stamp(max(refund.created_at, min(refund.done_at, now))),
            "links": [
                link(f"{base}/refunds/{refund.id}", "self"),
                link(f"{base}/captures/{refund.capture.id}", "up"),
            ],
        }
        if not refund.done(now):
            body["status_details"] = {"reason": "ECHECK"}
        return body

    def dispute(self, dispute: Dispute) -> Json:
        """A dispute, as the webhooks carry it."""
        capture = dispute.capture
        number = capture.invoice_id
        transaction = {
            "buyer_transaction_id": capture.id,
            "seller_transaction_id": capture.id,
            "create_time": stamp(capture.created_at),
            "transaction_status": "COMPLETED",
            "gross_amount": amounts.write(capture.amount),
            "buyer": {"name": "John Doe"},
            "seller": {
                "email": self.config.merchant_email,
                "merchant_id": self.config.merchant_id,
                "name": self.config.merchant_name,
            },
            "seller_protection_eligible": True,
        }
        if number:
            transaction["invoice_number"] = number
        if capture.unit.custom_id:
            transaction["custom"] = capture.unit.custom_id
        body = {
            "dispute_id": dispute.id,
            "create_time": stamp(dispute.created_at),
            "update_time": stamp(dispute.updated_at),
            "disputed_transactions": [transaction],
            "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
            "status": "RESOLVED" if dispute.outcome else "OPEN",
            "dispute_amount": amounts.write(capture.amount),
            "dispute_life_cycle_stage": "INQUIRY",
            "dispute_channel": "INTERNAL",
            "links": [link(f"{self.base}/v1/customer/disputes/{dispute.id}", "self")],
        }
        if dispute.outcome:
            body["dispute_outcome"] = {
                "outcome_code": dispute.outcome,
                "amount_refunded": amounts.write(capture.refunded),
            }
        return body

    def _unit(self, unit: Unit, now: datetime, *, approved: bool) -> Json:
        fields = unit.fields
        amount = {**amounts.write(unit.amount)}
        breakdown = fields["amount"].get("breakdown") or {}
        if breakdown:
            amount["breakdown"] = {  # type: ignore[assignment]
                part: _echo(breakdown[part]) for part in PARTS if breakdown.get(part)
            }
        body: Json = {
            "reference_id": fields.get("reference_id") or "default",
            "amount": amount,
            "payee": self._payee(),
            **{name: fields[name] for name in _COPIED if fields.get(name)},
        }
        if fields.get("items"):
            body["items"] = [_echo_item(item) for item in fields["items"]]
        shipping = fields.get("shipping")
        if (
            not shipping
            and approved
            and unit.order.context.get("shipping_preference")
            in {
                None,
                "GET_FROM_FILE",
            }
        ):
            shipping = {"name": {"full_name": "John Doe"}, "address": _ADDRESS}
        if shipping:
            body["shipping"] = shipping
        captures = [self.capture(one, now) for one in unit.captures]
        refunds = [self.refund(one, now) for each in unit.captures for one in each.refunds]
        payments = {
            "authorizations": [self.authorization(one, now) for one in unit.authorizations],
            "captures": captures,
            "refunds": refunds,
        }
        payments = {name: found for name, found in payments.items() if found}
        return {**body, "payments": payments} if payments else body

    def _relations(self, resource: Authorization | Capture) -> Json:
        """What an object shows only by itself."""
        related = {"order_id": resource.unit.order.id}
        if isinstance(resource, Capture) and resource.authorization:
            related["authorization_id"] = resource.authorization.id
        return {"supplementary_data": {"related_ids": related}, "payee": self._payee()}

    def _order_links(self, order: Order) -> list[dict[str, str]]:
        url = self._order_url(order)
        links = [link(url, "self")]
        if not (order.completed or order.funding):
            rel = "payer-action" if order.with_source else "approve"
            links.append(link(self.page(order), rel))
        if not order.completed and (order.funding or not order.with_source):
            verb = order.intent.lower()
            links.append(link(f"{url}/{verb}", verb, "POST"))
        return links

    def _order_url(self, order: Order) -> str:
        return f"{self.base}/v2/checkout/orders/{order.id}"

    def _payee(self) -> dict[str, str]:
        config = self.config
        return {"email_address": config.merchant_email, "merchant_id": config.merchant_id}

    @staticmethod
    def _wallet() -> Json:
        return {
            "email_address": _EMAIL,
            "account_id": PAYER_ID,
            "account_status": "VERIFIED",
            "name": _NAME,
            "address": {"country_code": "US"},
        }

    @staticmethod
    def _numbers(unit: Unit, invoice_id: str) -> dict[str, str]:
        numbers = {"custom_id": unit.custom_id, "invoice_id": invoice_id}
        return {name: number for name, number in numbers.items() if number}

    @staticmethod
    def _protection() -> Json:
        categories = ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"]
        return {"status": "ELIGIBLE", "dispute_categories": categories}


def _receivable(gross: Money) -> Json:
    fee = amounts.rounded(gross, *_FEE)
    if exponent(gross.currency) == _TWO_PLACES and "." in amounts.value(gross):
        fee += Money(_FIXED_FEE, gross.currency)
    fee = min(fee, gross)
    return {
        "gross_amount": amounts.write(gross),
        "paypal_fee": amounts.write(fee),
        "net_amount": amounts.write(gross - fee),
    }


def _echo(money: Json) -> dict[str, str]:
    return amounts.write(amounts.read(money, zero=True))


def _echo_item(item: Json) -> Json:
    prices = {name: _echo(item[name]) for name in ("unit_amount", "tax") if item.get(name)}
    names = ("name", "quantity", "description", "sku", "category")
    return {**{name: item[name] for name in names if item.get(name)}, **prices}
