"""What a payment, a set-up or a page asks for, in Stripe's form.

Sources: https://docs.stripe.com/api/payment_intents/create,
https://docs.stripe.com/api/setup_intents/create and
https://docs.stripe.com/api/checkout/sessions/create
"""

from __future__ import annotations

import re
from typing import Any, Final

from ...errors import InvalidRequest
from ...models import CaptureMode, LineItem, PaymentRequest
from .amounts import to_positive, to_wire
from .api import EXPANDED
from .forms import ID, SESSION_ID, add_extra, check_page, metadata_of, with_query

#: Names that ``extra`` must not bring: they are paykit's business, or hold card data.
RESERVED: Final = frozenset(
    """amount cancel_url capture_method client_reference_id confirm confirmation_method
    confirmation_token currency customer customer_email expand line_items metadata mode off_session
    payment_method payment_method_data return_url setup_future_usage success_url usage""".split()
)
#: ``extra`` of a page may have it: where the payer goes who gives up.
CANCEL_URL: Final = "cancel_url"

_LOCALES: Final = frozenset(
    """bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl
    pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW""".split()
)
_METHOD = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)


def customer_of(request: PaymentRequest) -> str | None:
    """The Stripe customer that is known: of the stored card, or given by the shop."""
    for known in (request.token.customer_id if request.token else None, request.customer.id):
        if known and known.startswith("cus_") and ID.fullmatch(known):
            return known
    return None


def customer_body(request: PaymentRequest) -> dict[str, Any]:
    """A new customer, for whom a card is stored."""
    customer = request.customer
    body: dict[str, Any] = {
        name: value
        for name, value in (
            ("name", customer.name),
            ("email", customer.email),
            ("phone", customer.phone),
        )
        if value
    }
    body["metadata"] = {"reference": request.reference}
    if customer.id:
        body["metadata"]["customer_id"] = customer.id
    return body


def intent_body(request: PaymentRequest) -> dict[str, Any]:
    """A payment with a card that is there, but for the card and its customer."""
    body: dict[str, Any] = {
        "amount": to_positive(request.amount),
        "currency": request.amount.currency.lower(),
        "capture_method": _capture(request),
    }
    if request.save_token:
        body["setup_future_usage"] = "off_session"
    if request.off_session:
        body["off_session"] = True
    return _whole(body, request, EXPANDED)


def setup_body(request: PaymentRequest) -> dict[str, Any]:
    """A card that is stored without a payment, but for the card and its customer."""
    body = _whole({"usage": "off_session"}, request, ("payment_method",))
    # A set-up has no amount, so the currency is kept for whoever tells of it later.
    body["metadata"]["currency"] = request.amount.currency
    return body


def page_body(request: PaymentRequest, customer: str | None) -> Any:
    """A payment page, or with an amount of nothing one that stores a card."""
    back = with_query(check_page(request.return_url), f"session_id={SESSION_ID}")
    extra = dict(request.extra)
    cancel = extra.pop(CANCEL_URL, None)
    if cancel is not None and not isinstance(cancel, str):
        raise InvalidRequest("an absolute URL in plain ASCII", field="extra.cancel_url")
    metadata = metadata_of(request)
    body: dict[str, Any] = {
        "mode": "payment" if request.amount else "setup",
        "success_url": back,
        "cancel_url": back if cancel is None else check_page(cancel, "extra.cancel_url"),
        "client_reference_id": request.reference,
        "metadata": metadata,
    }
    if request.amount:
        inside: dict[str, Any] = {"capture_method": _capture(request), "metadata": metadata}
        if request.description:
            inside["description"] = request.description
        if request.save_token:
            inside["setup_future_usage"] = "off_session"
        body["line_items"] = _lines(request)
        body["payment_intent_data"] = inside
    else:
        metadata = {**metadata, "currency": request.amount.currency}
        body |= {"currency": request.amount.currency.lower(), "metadata": metadata}
        body["setup_intent_data"] = {"metadata": metadata}
    if customer is not None:
        body["customer"] = customer
    else:
        if request.save_token:
            body["customer_creation"] = "always"
        if request.customer.email:
            body["customer_email"] = request.customer.email
    if request.locale in _LOCALES:
        body["locale"] = request.locale
    if request.expires_at is not None:
        body["expires_at"] = int(request.expires_at.timestamp())
    _add_method(body, request)
    add_extra(body, extra, RESERVED)
    return body


def _whole(
    body: dict[str, Any], request: PaymentRequest, expand: tuple[str, ...]
) -> dict[str, Any]:
    """``body`` with what a payment and a set-up with a card have in common."""
    methods: dict[str, Any] = {"enabled": True}
    body |= {"confirm": True, "automatic_payment_methods": methods}
    if request.return_url is not None and not request.off_session:
        body["return_url"] = check_page(request.return_url)
    else:
        # Without an address to come back to, only means of payment that need none.
        methods["allow_redirects"] = "never"
        if not request.off_session:
            body["use_stripe_sdk"] = True
    if request.description:
        body["description"] = request.description
    _add_method(body, request)
    body |= {"metadata": metadata_of(request), "expand": list(expand)}
    add_extra(body, request.extra, RESERVED)
    return body


def _capture(request: PaymentRequest) -> str:
    return "manual" if request.capture is CaptureMode.MANUAL else "automatic"


def _add_method(body: dict[str, Any], request: PaymentRequest) -> None:
    if request.method is not None:
        if not _METHOD.fullmatch(request.method):
            raise InvalidRequest("a type of Stripe's such as card", field="method")
        body["allowed_payment_method_types"] = [request.method]


def _lines(request: PaymentRequest) -> list[dict[str, Any]]:
    """The lines of a page. Stripe asks for their sum, so that has to be the amount."""
    items = request.items
    if not items:
        name = request.description or request.reference
        items = (LineItem(id=request.reference, name=name, price=request.amount),)
    lines = []
    total = 0
    for item in items:
        if type(item.quantity) is not int or item.quantity < 1:
            raise InvalidRequest("at least one", field="items.quantity")
        price = to_wire(item.price, "items.price")
        total += price * item.quantity
        product = {"name": item.name}
        currency = request.amount.currency.lower()
        data = {"currency": currency, "unit_amount": price, "product_data": product}
        lines.append({"price_data": data, "quantity": item.quantity})
    if total != to_positive(request.amount):
        raise InvalidRequest("have to add up to the amount", field="items")
    return lines
