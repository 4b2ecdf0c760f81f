"""PayPal's operations by name: where they are, what they take, what they answer with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import attrs

from . import fields
from .orders import Body, Orders
from .payments import Payments
from .webhooks import Webhooks

_CREATED: Final = 201
_ACCEPTED: Final = 202
_NO_CONTENT: Final = 204


@attrs.frozen
class Asked:
    """A request that may be answered: whose object it is about, and what it says."""

    id: str
    body: Body
    raw: bytes
    now: datetime


@attrs.frozen(kw_only=True)
class Endpoint:
    """One operation. ``run`` gives an object to show, or for a ``plain`` one the answer itself."""

    method: Literal["GET", "POST"]
    path: str
    run: Callable[[Asked], Any]
    rules: fields.Record = fields.NOTHING
    status: int = 200
    kind: Literal["change", "read", "plain"] = "change"
    needs_json: bool = True


def endpoints(orders: Orders, payments: Payments, webhooks: Webhooks) -> Mapping[str, Endpoint]:
    """All operations. The part of a name before the dot is the API that it belongs to."""
    order = "/v2/checkout/orders/{id}"
    authorization = "/v2/payments/authorizations/{id}"
    capture = "/v2/payments/captures/{id}"
    event = "/v1/notifications/webhooks-events/{id}"
    return {
        "orders.create": Endpoint(
            method="POST",
            path="/v2/checkout/orders",
            run=lambda asked: orders.create(asked.body, asked.now),
            rules=fields.CREATE,
            status=_CREATED,
        ),
        "orders.get": _read(order, lambda asked: orders.read(asked.id, asked.now)),
        "orders.capture": Endpoint(
            method="POST",
            path=f"{order}/capture",
            run=lambda asked: orders.capture(asked.id, asked.body, asked.now),
            rules=fields.COMPLETE,
            status=_CREATED,
        ),
        "orders.authorize": Endpoint(
            method="POST",
            path=f"{order}/authorize",
            run=lambda asked: orders.authorize(asked.id, asked.body, asked.now),
            rules=fields.COMPLETE,
            status=_CREATED,
        ),
        "payments.authorization": _read(
            authorization, lambda asked: payments.authorization(asked.id)
        ),
        "payments.capture": Endpoint(
            method="POST",
            path=f"{authorization}/capture",
            run=lambda asked: payments.capture(asked.id, asked.body, asked.now),
            rules=fields.CAPTURE,
            status=_CREATED,
        ),
        "payments.reauthorize": Endpoint(
            method="POST",
            path=f"{authorization}/reauthorize",
            run=lambda asked: payments.reauthorize(asked.id, asked.body, asked.now),
            rules=fields.REAUTHORIZE,
            status=_CREATED,
        ),
        "payments.void": Endpoint(
            method="POST",
            path=f"{authorization}/void",
            run=lambda asked: payments.void(asked.id, asked.now),
            status=_NO_CONTENT,
            needs_json=False,
        ),
        "payments.captured": _read(capture, lambda asked: payments.capture_of(asked.id)),
        "payments.refund": Endpoint(
            method="POST",
            path=f"{capture}/refund",
            run=lambda asked: payments.refund(asked.id, asked.body, asked.now),
            rules=fields.REFUND,
            status=_CREATED,
        ),
        "payments.refunded": _read(
            "/v2/payments/refunds/{id}", lambda asked: payments.refund_of(asked.id)
        ),
        "webhooks.verify": Endpoint(
            method="POST",
            path="/v1/notifications/verify-webhook-signature",
            run=lambda asked: webhooks.verify(asked.body, asked.raw),
            rules=fields.VERIFY,
            kind="plain",
        ),
        "webhooks.event": Endpoint(
            method="GET",
            path=event,
            run=lambda asked: webhooks.event(asked.id),
            kind="plain",
            needs_json=False,
        ),
        "webhooks.resend": Endpoint(
            method="POST",
            path=f"{event}/resend",
            run=lambda asked: webhooks.resend(asked.id, asked.now),
            status=_ACCEPTED,
            kind="plain",
            needs_json=False,
        ),
    }


def _read(path: str, run: Callable[[Asked], Any]) -> Endpoint:
    return Endpoint(method="GET", path=path, run=run, kind="read", needs_json=False)
