"""What an order asks for, in PayPal's form.

Source: https://developer.paypal.com/docs/api/orders/v2/#orders_create
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ...errors import InvalidRequest
from ...models import CaptureMode, LineItem, PaymentRequest
from ...money import Money
from .amounts import to_wire
from .config import PayPalConfig
from .forms import check_page, check_text

_LOCALE = re.compile(r"[a-z]{2}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?", re.ASCII)
_EMAIL = re.compile(
    r"[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?",
    re.ASCII,
)
_MAX_EMAIL: Final = 254
_MAX_QUANTITY: Final = 9_999_999_999

#: What ``extra`` may hold: choices and texts for the page, texts for the purchase.
CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "landing_page": frozenset({"LOGIN", "GUEST_CHECKOUT", "NO_PREFERENCE"}),
    "payment_method_preference": frozenset({"UNRESTRICTED", "IMMEDIATE_PAYMENT_REQUIRED"}),
    "shipping_preference": frozenset({"GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"}),
    "user_action": frozenset({"CONTINUE", "PAY_NOW"}),
}
UNIT_TEXTS: Final[Mapping[str, int]] = {"invoice_id": 127, "soft_descriptor": 22}
BREAKDOWN: Final = frozenset(
    "item_total shipping handling tax_total insurance shipping_discount discount".split()
)
EXTRA: Final = frozenset({*CHOICES, *UNIT_TEXTS, "brand_name", "cancel_url", "breakdown"})


def order_body(request: PaymentRequest, config: PayPalConfig) -> dict[str, Any]:
    """The order for ``request``; raises :class:`InvalidRequest`."""
    strange = request.extra.keys() - EXTRA
    if strange:
        raise InvalidRequest(f"{min(strange)!r:.60} cannot be set here", field="extra")
    if request.method not in {None, "paypal"}:
        raise InvalidRequest("paypal is the only one", field="method")
    wallet: dict[str, Any] = {"experience_context": _experience(request, config)}
    if request.customer.email:
        wallet["email_address"] = _email(request.customer.email)
    return {
        "intent": "AUTHORIZE" if request.capture is CaptureMode.MANUAL else "CAPTURE",
        "purchase_units": [_unit(request)],
        "payment_source": {"paypal": wallet},
    }


def _unit(request: PaymentRequest) -> dict[str, Any]:
    reference = check_text(request.reference, "reference")
    amount: dict[str, Any] = dict(to_wire(request.amount))
    unit: dict[str, Any] = {"reference_id": reference, "custom_id": reference, "amount": amount}
    if request.description:
        unit["description"] = check_text(request.description, "description")
    breakdown = _breakdown(request)
    if request.items:
        unit["items"] = [_item(item) for item in request.items]
        if "item_total" in breakdown:
            raise InvalidRequest("is counted from the items", field="extra.breakdown.item_total")
        total = sum((item.price * item.quantity for item in request.items[1:]), _first(request))
        breakdown["item_total"] = to_wire(total, "items")
    if breakdown:
        amount["breakdown"] = breakdown
    for name, limit in UNIT_TEXTS.items():
        if name in request.extra:
            unit[name] = _text(request.extra[name], name, limit)
    return unit


def _experience(request: PaymentRequest, config: PayPalConfig) -> dict[str, Any]:
    return_url = check_page(request.return_url or config.return_url, "return_url")
    cancel_url = request.extra.get("cancel_url", config.cancel_url or return_url)
    if not isinstance(cancel_url, str):
        raise InvalidRequest("an absolute URL in plain ASCII", field="extra.cancel_url")
    context: dict[str, Any] = {
        "return_url": return_url,
        "cancel_url": check_page(cancel_url, "extra.cancel_url"),
        "user_action": "PAY_NOW",
    }
    if not _LOCALE.fullmatch(request.locale):
        raise InvalidRequest("a language tag such as de-DE", field="locale")
    if "-" in request.locale:
        # PayPal knows five-character codes. A bare language is left for it to guess.
        context["locale"] = request.locale
    brand = request.extra.get("brand_name", config.brand_name)
    if brand is not None:
        context["brand_name"] = _text(brand, "brand_name", 127)
    for name, choices in CHOICES.items():
        if name in request.extra:
            value = request.extra[name]
            if not isinstance(value, str) or value not in choices:
                raise InvalidRequest(f"one of {', '.join(sorted(choices))}", field=f"extra.{name}")
            context[name] = value
    return context


def _breakdown(request: PaymentRequest) -> dict[str, Any]:
    given = request.extra.get("breakdown", {})
    if not isinstance(given, Mapping) or not given.keys() <= BREAKDOWN:
        raise InvalidRequest(f"amounts by {', '.join(sorted(BREAKDOWN))}", field="extra.breakdown")
    for value in given.values():
        if not isinstance(value, Money) or value.currency != request.amount.currency:
            raise InvalidRequest("Money in the currency of the payment", field="extra.breakdown")
    return {name: to_wire(value, "extra.breakdown") for name, value in given.items()}


def _item(item: LineItem) -> dict[str, Any]:
    if type(item.quantity) is not int or not 0 < item.quantity <= _MAX_QUANTITY:
        raise InvalidRequest(f"from 1 to {_MAX_QUANTITY}", field="items.quantity")
    shown = {
        "name": _text(item.name, "items.name", 127),
        "quantity": str(item.quantity),
        "unit_amount": to_wire(item.price, "items.price"),
    }
    if item.id:
        shown["sku"] = check_text(item.id, "items.id")
    return shown


def _first(request: PaymentRequest) -> Money:
    first = request.items[0]
    return first.price * first.quantity


def _text(value: object, name: str, limit: int) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequest("must be a text that is not empty", field=name)
    return check_text(value, name, limit)


def _email(value: str) -> str:
    if len(value) > _MAX_EMAIL or not _EMAIL.fullmatch(value):
        raise InvalidRequest("not an address that PayPal takes", field="customer.email")
    return value
