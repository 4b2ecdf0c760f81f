"""What a payment asks for, in Adyen's form.

Source: https://docs.adyen.com/api-explorer/Checkout/72/post/payments
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ...errors import InvalidRequest
from ...models import CaptureMode, PaymentRequest, PaymentToken
from .amounts import to_wire
from .config import AdyenConfig
from .forms import check_page, check_shopper, metadata_of
from .methods import is_stored, payment_method

#: What a stored card may be charged for: ``CardOnFile`` while the payer is there,
#: ``Subscription`` at fixed times, ``UnscheduledCardOnFile`` otherwise.
MODELS: Final = frozenset({"CardOnFile", "Subscription", "UnscheduledCardOnFile"})
_MODEL: Final = "recurringProcessingModel"
#: What ``extra`` may never set: it would change who pays what, and when the money is taken.
RESERVED: Final = frozenset(
    """merchantAccount amount reference paymentMethod returnUrl metadata mode captureDelayHours
    storePaymentMethod storePaymentMethodMode shopperReference shopperInteraction enableRecurring
    enableOneClick enablePayOut order orderReference splits additionalAmount surcharge store
    threeDSAuthenticationOnly expiresAt sessionValidity""".split()
)
#: Keys of ``extra.additionalData`` with the same fault.
RESERVED_DATA: Final = frozenset({"manualCapture", "allowPartialAuth", "authorisationType"})
_LOCALE = re.compile(r"[a-z]{2}[-_][A-Z]{2}", re.ASCII)
#: The longest life of a hosted session.
LONGEST_SESSION: Final = timedelta(hours=24)


def token_body(request: PaymentRequest, token: PaymentToken, config: AdyenConfig) -> dict[str, Any]:
    """A payment with what ``token`` stands for; raises :class:`InvalidRequest`."""
    method = payment_method(token, config.environment)
    stored = is_stored(method)
    if request.off_session and not stored:
        raise InvalidRequest("only a stored card can be charged then", field="off_session")
    if stored and request.save_token:
        raise InvalidRequest("the card is stored already", field="save_token")
    body = _body(request, config)
    body["paymentMethod"] = method
    body["shopperInteraction"] = "ContAuth" if request.off_session else "Ecommerce"
    if stored or request.save_token:
        body["shopperReference"] = shopper_of(request, token)
        body[_MODEL] = _model(request, stored=stored)
    elif request.customer.id is not None:
        body["shopperReference"] = shopper_of(request, token)
    if request.save_token:
        body["storePaymentMethod"] = True
    return _with_extra(body, request)


def session_body(request: PaymentRequest, config: AdyenConfig, *, now: datetime) -> dict[str, Any]:
    """A hosted page for a payment; raises :class:`InvalidRequest`."""
    body = _body(request, config)
    body["mode"] = "hosted"
    if request.expires_at is not None:
        if not now < request.expires_at <= now + LONGEST_SESSION:
            raise InvalidRequest("a hosted page lives 24 hours at most", field="expires_at")
        body["expiresAt"] = request.expires_at.astimezone(UTC).isoformat(timespec="seconds")
    if _LOCALE.fullmatch(request.locale):
        # A bare language is left for Adyen to guess.
        body["shopperLocale"] = request.locale.replace("_", "-")
    if request.customer.id is not None or request.save_token:
        body["shopperReference"] = shopper_of(request, None)
    if request.save_token:
        body["storePaymentMethodMode"] = "enabled"
        body[_MODEL] = _model(request, stored=False)
    return _with_extra(body, request)


def shopper_of(request: PaymentRequest, token: PaymentToken | None) -> str:
    """The ``shopperReference``: whose card it is, and who pays, must be one and the same."""
    known = {token.customer_id if token else None, request.customer.id} - {None}
    if len(known) > 1:
        raise InvalidRequest("the card is another payer's", field="token.customer_id")
    new = token is None or request.save_token or request.customer.id is not None
    field = "customer.id" if new else "token.customer_id"
    return check_shopper(next(iter(known), None), field)


def _body(request: PaymentRequest, config: AdyenConfig) -> dict[str, Any]:
    manual = config.capture_mode is CaptureMode.MANUAL
    if request.amount and request.capture is not config.capture_mode:
        raise InvalidRequest(
            f"this merchant account has capture_mode {config.capture_mode}, and no notice of "
            "Adyen's tells the one from the other: use another account for the other",
            field="capture",
        )
    customer = request.customer
    body: dict[str, Any] = {
        "merchantAccount": config.merchant_account,
        "amount": to_wire(request.amount),
        "reference": request.reference,
        "returnUrl": check_page(request.return_url or config.return_url),
        "metadata": metadata_of(request),
    }
    for name, value, limit in (
        ("shopperEmail", customer.email, 256),
        ("shopperIP", customer.ip, 50),
        ("telephoneNumber", customer.phone, 64),
    ):
        if value:
            if len(value) > limit:
                raise InvalidRequest(f"{limit} characters at most", field=f"customer.{name}")
            body[name] = value
    if manual and request.amount:
        # Whatever the account is set to by now: this one is held.
        body["additionalData"] = {"manualCapture": "true"}
    return body


def _model(request: PaymentRequest, *, stored: bool) -> str:
    asked = request.extra.get(_MODEL)
    if asked is None:
        there = stored and not request.off_session
        return "CardOnFile" if there else "UnscheduledCardOnFile"
    if not isinstance(asked, str) or asked not in MODELS:
        raise InvalidRequest(f"one of {', '.join(sorted(MODELS))}", field=f"extra.{_MODEL}")
    if request.off_session and asked == "CardOnFile":
        raise InvalidRequest("is for a payer who is there", field=f"extra.{_MODEL}")
    return asked


def _with_extra(body: dict[str, Any], request: PaymentRequest) -> dict[str, Any]:
    """``body`` with what ``request.extra`` adds to it."""
    more = request.extra.get("additionalData", {})
    texts = isinstance(more, dict) and all(isinstance(value, str) for value in more.values())
    if not texts or not RESERVED_DATA.isdisjoint(more):
        raise InvalidRequest(
            f"texts, and none of {', '.join(sorted(RESERVED_DATA))}", field="extra.additionalData"
        )
    if more:
        body["additionalData"] = {**more, **body.get("additionalData", {})}
    for name, value in request.extra.items():
        if name == "additionalData" or (name == _MODEL and name in body):
            continue
        if name in body or name in RESERVED or name == _MODEL:
            raise InvalidRequest(f"{name!r:.60} cannot be set here", field="extra")
        body[name] = value
    return body
