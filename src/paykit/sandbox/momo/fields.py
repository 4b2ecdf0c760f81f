"""Which fields each MoMo operation has, and what may stand in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

import attrs

from ..edge import is_return_url, is_web_url

_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_MAX_WHOLE: Final = 10**18


class Rule(Protocol):
    """What may stand in one field."""

    @property
    def required(self) -> bool:
        """Whether the field must be there."""

    def problem(self, value: object) -> str:
        """What is wrong with a value that is there, or an empty text."""


@attrs.frozen
class Text:
    """Text of limited length; empty only where ``blank`` allows it."""

    limit: int
    pattern: re.Pattern[str] | None = None
    required: bool = True
    blank: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        if not isinstance(value, str):
            return "must be a string"
        if not value:
            return "" if self.blank else "must not be empty"
        if len(value) > self.limit:
            return f"must have at most {self.limit} characters"
        if self.pattern and not self.pattern.fullmatch(value):
            return "has characters that are not allowed"
        return ""


@attrs.frozen
class Whole:
    """A whole number; digits in a string are as good as a JSON number."""

    required: bool = True

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        good = (type(value) is int and 0 <= value < _MAX_WHOLE) or (
            isinstance(value, str) and _WHOLE.fullmatch(value)
        )
        return "" if good else "must be a whole number"


@attrs.frozen
class Address:
    """An absolute address: one to call (``web``), or one to send the payer to."""

    web: bool
    required: bool = True

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        good = isinstance(value, str) and (is_web_url if self.web else is_return_url)(value)
        return "" if good else "must be an absolute URL"


@attrs.frozen
class OneOf:
    """One of a few words."""

    words: tuple[str, ...]
    required: bool = True

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        return "" if value in self.words else f"must be one of {', '.join(self.words)}"


@attrs.frozen
class Kind:
    """An optional field of a JSON type whose content the simulator does not use."""

    of: type
    required: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        return "" if type(value) is self.of else f"must be a {self.of.__name__}"


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


def problems(body: Mapping[str, Any], rules: Mapping[str, Rule]) -> list[dict[str, str]]:
    """MoMo's ``subErrors``: every field that is missing or wrong. Unknown fields are ignored."""
    found = []
    for name, rule in rules.items():
        value = body.get(name)
        missing = "is required" if rule.required else ""
        problem = missing if value is None else rule.problem(value)
        if problem:
            found.append({"field": name, "message": f"{name} {problem}"})
    return found
