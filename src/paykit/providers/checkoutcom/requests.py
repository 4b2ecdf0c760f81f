"""What a payment and a hosted page ask for, in Checkout.com's form.

Source: https://api-reference.checkout.com/#operation/requestAPaymentOrPayout
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...errors import InvalidRequest
from ...models import CaptureMode, Customer, PaymentRequest, PaymentToken
from .amounts import to_wire
from .config import CheckoutComConfig
from .forms import (
    CUSTOMER_ID,
    MAX_DESCRIPTION,
    MAX_PAGE_URL,
    MAX_URL,
    SOURCE_ID,
    TOKEN,
    check_text,
    check_url,
)
from .wire import CUSTOMER_ID as KEPT_CUSTOMER
from .wire import ORDER_ID, OURS, REFERENCE, SAVES

#: What of ``extra`` is understood here; everything else is added as it is.
EXTRA: Final = frozenset(
    {"3ds", "billing", "cancel_url", "failure_url", "merchant_initiated", "payment_type", "source"}
)
#: Languages of the hosted page.
LOCALES: Final = tuple(
    "ar da-DK de-DE en-GB es-ES fi-FI fil-PH fr-FR hi-IN id-ID it-IT ja-JP ms-MY nb-NO nl-NL sv-SE "
    "th-TH vi-VN zh-CN zh-HK zh-TW".split()
)


def payment_body(
    request: PaymentRequest, token: PaymentToken, channel: str | None
) -> dict[str, Any]:
    """The payment with a token, or with a stored card; raises :class:`InvalidRequest`."""
    body: dict[str, Any] = {
        "source": _source(request, token),
        "amount": to_wire(request.amount),
        "currency": request.amount.currency,
        "capture": request.capture is CaptureMode.AUTOMATIC,
    }
    payment_type = request.extra.get("payment_type", "Recurring" if request.off_session else None)
    if payment_type is not None:
        body["payment_type"] = payment_type
    if request.off_session or "merchant_initiated" in request.extra:
        body["merchant_initiated"] = request.extra.get("merchant_initiated", True)
    body |= _common(request, channel, by_id=True)
    body["3ds"] = _three_ds(request)
    if request.return_url is not None:
        body |= _urls(request, MAX_URL)
    return body


def page_body(request: PaymentRequest, config: CheckoutComConfig) -> dict[str, Any]:
    """The hosted page; raises :class:`InvalidRequest`."""
    if request.return_url is None:
        raise InvalidRequest("the hosted page has to lead back", field="return_url")
    body: dict[str, Any] = {
        "amount": to_wire(request.amount),
        "currency": request.amount.currency,
        "capture": request.capture is CaptureMode.AUTOMATIC,
    }
    body |= _common(request, config.processing_channel_id, by_id=False)
    body["billing"] = _billing(request, config.billing_country)
    body["3ds"] = {"enabled": True, **_mapping(request, "3ds")}
    body |= _urls(request, MAX_PAGE_URL)
    body["cancel_url"] = check_url(
        request.extra.get("cancel_url", request.return_url), "extra.cancel_url", MAX_PAGE_URL
    )
    if "payment_type" in request.extra:
        body["payment_type"] = request.extra["payment_type"]
    if locale := _locale(request.locale):
        body["locale"] = locale
    return body


def metadata(request: PaymentRequest) -> dict[str, str]:
    """What Checkout.com keeps: our own ids, and what the merchant adds to them."""
    ours = {REFERENCE: request.reference}
    if request.order_id is not None:
        ours[ORDER_ID] = request.order_id
    if request.customer.id is not None:
        ours[KEPT_CUSTOMER] = request.customer.id
    if request.save_token:
        ours[SAVES] = "true"
    for name, value in request.metadata.items():
        if name in OURS and ours.get(name) != value:
            raise InvalidRequest(f"{name!r} is kept by paykit", field="metadata")
    return {**request.metadata, **ours}


def _common(request: PaymentRequest, channel: str | None, *, by_id: bool) -> dict[str, Any]:
    common: dict[str, Any] = {"reference": request.reference}
    if request.description:
        common["description"] = check_text(request.description, "description", MAX_DESCRIPTION)
    if customer := _customer(request.customer, by_id=by_id):
        common["customer"] = customer
    if request.customer.ip is not None:
        common["payment_ip"] = request.customer.ip
    if channel is not None:
        common["processing_channel_id"] = channel
    common["metadata"] = metadata(request)
    return common


def _customer(customer: Customer, *, by_id: bool) -> dict[str, str]:
    """The payer. An id of the shop's own is kept in the metadata: here only their ids are taken."""
    told = {"email": customer.email, "name": customer.name}
    if by_id and customer.id is not None and CUSTOMER_ID.fullmatch(customer.id):
        told["id"] = customer.id
    return {name: value for name, value in told.items() if value}


def _source(request: PaymentRequest, token: PaymentToken) -> dict[str, Any]:
    more = _mapping(request, "source")
    if TOKEN.fullmatch(token.value):
        source = {"type": "token", "token": token.value, "store_for_future_use": request.save_token}
    elif SOURCE_ID.fullmatch(token.value):
        source = {"type": "id", "id": token.value}
    else:
        raise InvalidRequest("a token starts with tok_, a stored card with src_", field="token")
    if same := source.keys() & more.keys():
        raise InvalidRequest(f"{min(same)!r} cannot be set here", field="extra.source")
    if {"number", "cvv"} & more.keys():
        raise InvalidRequest(
            "card data goes from the browser to Checkout.com", field="extra.source"
        )
    return {**source, **more}


def _three_ds(request: PaymentRequest) -> dict[str, Any]:
    asked = {
        "enabled": request.return_url is not None and not request.off_session,
        **_mapping(request, "3ds"),
    }
    if asked["enabled"] is True and request.return_url is None:
        raise InvalidRequest("3-D Secure has to lead back", field="return_url")
    return asked


def _urls(request: PaymentRequest, limit: int) -> dict[str, str]:
    failure = request.extra.get("failure_url", request.return_url)
    return {
        "success_url": check_url(request.return_url, "return_url", limit),
        "failure_url": check_url(failure, "extra.failure_url", limit),
    }


def _billing(request: PaymentRequest, country: str | None) -> dict[str, Any]:
    if "billing" in request.extra:
        return dict(_mapping(request, "billing"))
    if country is None:
        raise InvalidRequest(
            "the hosted page needs a billing address with a country: here, or billing_country in "
            "the configuration",
            field="extra.billing",
        )
    return {"address": {"country": country}}


def _mapping(request: PaymentRequest, name: str) -> Mapping[str, Any]:
    found = request.extra.get(name, {})
    if not isinstance(found, Mapping):
        raise InvalidRequest("must be an object", field=f"extra.{name}")
    return found


def _locale(wanted: str) -> str | None:
    """The language of the page that fits best; none, and the page chooses by the browser."""
    if wanted in LOCALES:
        return wanted
    language = wanted.partition("-")[0]
    return next((known for known in LOCALES if known.partition("-")[0] == language), None)
