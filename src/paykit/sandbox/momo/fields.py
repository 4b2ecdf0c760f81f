"""Which fields each MoMo operation has, and what may stand in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .. import rules
from ..rules import Address, Kind, OneOf, Rule, Text, Whole

_ORDER_ID: Final = Text(200, re.compile(r"[0-9a-zA-Z]([-_.]*[0-9a-zA-Z])*", re.ASCII))
_CLIENT_ID: Final = Text(200, re.compile(r"[0-9a-zA-Z]([-_.@]*[0-9a-zA-Z])*", re.ASCII))
_COMMON: Final[Mapping[str, Rule]] = {
    "partnerCode": Text(50),
    "requestId": Text(50),
    "orderId": _ORDER_ID,
    "signature": Text(128),
    "lang": OneOf(("vi", "en"), required=False),
}
_PAYMENT: Final[Mapping[str, Rule]] = {
    **_COMMON,
    "amount": Whole(),
    "orderInfo": Text(255),
    "extraData": Text(1000, blank=True),
    "autoCapture": Kind(bool),
}

CREATE: Final[Mapping[str, Rule]] = {
    **_PAYMENT,
    "redirectUrl": Address(web=False),
    "ipnUrl": Address(web=True),
    "requestType": OneOf(
        (
            "captureWallet",
            "payWithATM",
            "payWithCC",
            "payWithMethod",
            "linkWallet",
            "subscription",
        )
    ),
    "storeName": Text(255, required=False, blank=True),
    "items": Kind(list),
    "userInfo": Kind(dict),
    "deliveryInfo": Kind(dict),
    "subscriptionInfo": Kind(dict),
}
CREATE_LINK: Final[Mapping[str, Rule]] = {**CREATE, "partnerClientId": _CLIENT_ID}
QUERY: Final = _COMMON
REFUND: Final[Mapping[str, Rule]] = {
    **_COMMON,
    "amount": Whole(),
    "transId": Whole(),
    "description": Text(1000, blank=True),
}
CONFIRM: Final[Mapping[str, Rule]] = {
    **_COMMON,
    "amount": Whole(),
    "requestType": OneOf(("capture", "cancel")),
    "description": Text(1000, blank=True),
}
POS: Final[Mapping[str, Rule]] = {
    **_PAYMENT,
    "paymentCode": Text(2000),
    "ipnUrl": Address(web=True, required=False),
}
CALLBACK_QUERY: Final[Mapping[str, Rule]] = {**_COMMON, "partnerClientId": _CLIENT_ID}
BIND: Final[Mapping[str, Rule]] = {**CALLBACK_QUERY, "callbackToken": Text(200)}
TOKEN_PAY: Final[Mapping[str, Rule]] = {
    **_PAYMENT,
    "partnerClientId": _CLIENT_ID,
    "token": Text(2000),
    "ipnUrl": Address(web=True, required=False),
    "redirectUrl": Address(web=False, required=False),
}
TOKEN_DELETE: Final[Mapping[str, Rule]] = {**CALLBACK_QUERY, "token": Text(2000)}


def problems(body: Mapping[str, Any], expected: Mapping[str, Rule]) -> list[dict[str, str]]:
    """MoMo's ``subErrors``: every field that is missing or wrong."""
    found = rules.problems(body, expected)
    return [{"field": name, "message": f"{name} {problem}"} for name, problem in found.items()]
