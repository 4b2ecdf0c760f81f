"""Which fields a request has, and what may stand in them. Unknown fields are ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol, TypeAlias

import attrs

from ..edge import is_return_url
from . import amounts
from .issues import detail

Details: TypeAlias = Iterator[dict[str, str]]


class Rule(Protocol):
    """What may stand in one place; ``path`` is a JSON pointer to it."""

    def problems(self, value: Any, path: str) -> Details:
        """PayPal's issues with a value that is there."""


@attrs.frozen
class Text:
    """Text of limited length, in which ``pattern`` may forbid characters."""

    most: int
    least: int = 1
    pattern: re.Pattern[str] | None = None

    def problems(self, value: Any, path: str) -> Details:
        """What is wrong with ``value``."""
        if not isinstance(value, str):
            yield detail("INVALID_PARAMETER_SYNTAX", path)
        elif not self.least <= len(value) <= self.most:
            yield detail("INVALID_STRING_LENGTH", path, value)
        elif self.pattern and not self.pattern.fullmatch(value):
            yield detail("INVALID_PARAMETER_SYNTAX", path, value)


@attrs.frozen
class OneOf:
    """One of a few words."""

    words: tuple[str, ...]

    def problems(self, value: Any, path: str) -> Details:
        """What is wrong with ``value``."""
        if value not in self.words:
            yield detail("INVALID_PARAMETER_VALUE", path, value)


@attrs.frozen
class Flag:
    """True or false."""

    def problems(self, value: Any, path: str) -> Details:
        """What is wrong with ``value``."""
        if type(value) is not bool:
            yield detail("INVALID_PARAMETER_SYNTAX", path, value)


@attrs.frozen
class Address:
    """An absolute address to which the payer may be sent."""

    def problems(self, value: Any, path: str) -> Details:
        """What is wrong with ``value``."""
        if not (isinstance(value, str) and is_return_url(value)):
            yield detail("INVALID_PARAMETER_SYNTAX", path, value)


@attrs.frozen
class Anything:
    """An object that the simulator does not use."""

    def problems(self, value: Any, path: str) -> Details:
        """What is wrong with ``value``."""
        if not isinstance(value, dict):
            yield detail("INVALID_PARAMETER_SYNTAX", path, value)


@attrs.frozen
class Unsupported:
    """A field that exists, but not here."""

    def problems(self, value: Any, path: str) -> Details:  # noqa: ARG002 - whatever stands there
        """It is always wrong."""
        yield detail("NOT_SUPPORTED", path)


@attrs.frozen
class Many:
    """A list."""

    of: Rule
    least: int = 0
    most: int = 100

    def problems(self, value: Any, path: str) -> Details:
        """What is wrong with ``value`` and in it."""
        if not isinstance(value, list):
            yield detail("INVALID_PARAMETER_SYNTAX", path, value)
        elif len(value) < self.least:
            yield detail("INVALID_ARRAY_MIN_ITEMS", path)
        elif len(value) > self.most:
            yield detail("INVALID_ARRAY_MAX_ITEMS", path)
        else:
            for number, item in enumerate(value):
                yield from self.of.problems(item, f"{path}/{number}")


@attrs.frozen
class Record:
    """An object; what it holds beside its members is ignored."""

    members: Mapping[str, Rule]
    required: tuple[str, ...] = ()

    def problems(self, value: Any, path: str) -> Details:
        """What is wrong with ``value`` and in it."""
        if not isinstance(value, dict):
            yield detail("INVALID_PARAMETER_SYNTAX", path or "/", value)
            return
        for name, rule in self.members.items():
            if name in value:
                yield from rule.problems(value[name], f"{path}/{name}")
            elif name in self.required:
                yield detail("MISSING_REQUIRED_PARAMETER", f"{path}/{name}")


MONEY: Final = Record(
    {
        "currency_code": Text(3, least=3),
        "value": Text(amounts.MAX_LENGTH, pattern=amounts.PATTERN),
    },
    required=("currency_code", "value"),
)
_LANGUAGE: Final = Text(
    10, 2, re.compile(r"[a-z]{2}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?", re.ASCII)
)
_PREFERENCE: Final = OneOf(("UNRESTRICTED", "IMMEDIATE_PAYMENT_REQUIRED"))
_CONTEXT: Final[Mapping[str, Rule]] = {
    "brand_name": Text(127),
    "locale": _LANGUAGE,
    "shipping_preference": OneOf(("GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS")),
    "user_action": OneOf(("CONTINUE", "PAY_NOW")),
    "return_url": Address(),
    "cancel_url": Address(),
}
_EXPERIENCE: Final = Record(
    {
        **_CONTEXT,
        "landing_page": OneOf(("LOGIN", "GUEST_CHECKOUT", "NO_PREFERENCE")),
        "payment_method_preference": _PREFERENCE,
    }
)
_APPLICATION: Final = Record(
    {
        **_CONTEXT,
        "landing_page": OneOf(("LOGIN", "BILLING", "NO_PREFERENCE")),
        "payment_method": Record({"payee_preferred": _PREFERENCE}),
    }
)
_ITEM: Final = Record(
    {
        "name": Text(127),
        "unit_amount": MONEY,
        "tax": MONEY,
        "quantity": Text(10, pattern=re.compile(r"[1-9][0-9]{0,9}", re.ASCII)),
        "description": Text(127, least=0),
        "sku": Text(127, least=0),
        "category": OneOf(("DIGITAL_GOODS", "PHYSICAL_GOODS", "DONATION")),
    },
    required=("name", "unit_amount", "quantity"),
)
PARTS: Final = (
    "item_total",
    "shipping",
    "handling",
    "tax_total",
    "insurance",
    "shipping_discount",
    "discount",
)
_AMOUNT: Final = Record(
    {**MONEY.members, "breakdown": Record(dict.fromkeys(PARTS, MONEY))},
    required=("currency_code", "value"),
)
_SHIPPING: Final = Record(
    {
        "name": Record({"full_name": Text(300, least=0)}),
        "type": OneOf(("SHIPPING", "PICKUP_IN_PERSON", "PICKUP_IN_STORE", "PICKUP_FROM_PERSON")),
        "options": Unsupported(),
        "address": Record(
            {
                "address_line_1": Text(300, least=0),
                "address_line_2": Text(300, least=0),
                "admin_area_2": Text(120, least=0),
                "admin_area_1": Text(300, least=0),
                "postal_code": Text(60, least=0),
                "country_code": Text(2, 2, re.compile(r"[A-Z]{2}|C2", re.ASCII)),
            },
            required=("country_code",),
        ),
    }
)
_UNIT: Final = Record(
    {
        "reference_id": Text(256),
        "amount": _AMOUNT,
        "payee": Record({"email_address": Text(254, least=3), "merchant_id": Text(13, least=13)}),
        "payment_instruction": Unsupported(),
        "description": Text(127),
        "custom_id": Text(127),
        "invoice_id": Text(127),
        "soft_descriptor": Text(22),
        "items": Many(_ITEM),
        "shipping": _SHIPPING,
    },
    required=("amount",),
)
_OTHER_SOURCES: Final = (
    "card token bancontact blik eps giropay ideal mybank p24 sofort trustly apple_pay google_pay "
    "venmo"
).split()
_SOURCE: Final = Record(
    {
        "paypal": Record(
            {
                "experience_context": _EXPERIENCE,
                "vault_id": Unsupported(),
                "billing_agreement_id": Unsupported(),
            }
        ),
        **dict.fromkeys(_OTHER_SOURCES, Unsupported()),
    }
)

_ONE_LINE: Final = re.compile(r".*")

CREATE: Final = Record(
    {
        "intent": OneOf(("CAPTURE", "AUTHORIZE")),
        "purchase_units": Many(_UNIT, least=1, most=10),
        "payment_source": _SOURCE,
        "application_context": _APPLICATION,
    },
    required=("intent", "purchase_units"),
)
#: The payer has chosen how to pay; another source is refused later, by its meaning.
COMPLETE: Final = Record({"payment_source": Anything()})
CAPTURE: Final = Record(
    {
        "amount": MONEY,
        "invoice_id": Text(127, pattern=_ONE_LINE),
        "final_capture": Flag(),
        "note_to_payer": Text(255, pattern=_ONE_LINE),
        "soft_descriptor": Text(22, least=0),
    }
)
REAUTHORIZE: Final = Record({"amount": MONEY})
NOTHING: Final = Record({})
REFUND: Final = Record(
    {
        "amount": MONEY,
        "custom_id": Text(127, pattern=re.compile(r"[A-Za-z0-9-_.,]*", re.ASCII)),
        "invoice_id": Text(127, pattern=_ONE_LINE),
        "note_to_payer": Text(255, pattern=_ONE_LINE),
    }
)
VERIFY: Final = Record(
    {
        "auth_algo": Text(100, pattern=re.compile(r"[a-zA-Z0-9]+", re.ASCII)),
        "cert_url": Text(500),
        "transmission_id": Text(50, pattern=re.compile(r"(?![0-9]+$)\w+\S+")),
        "transmission_sig": Text(500, pattern=re.compile(r"(?![0-9]+$)\w+\S+")),
        "transmission_time": Text(100),
        "webhook_id": Text(50, pattern=re.compile(r"[a-zA-Z0-9]+", re.ASCII)),
        "webhook_event": Anything(),
    },
    required=(
        "auth_algo",
        "cert_url",
        "transmission_id",
        "transmission_sig",
        "transmission_time",
        "webhook_id",
        "webhook_event",
    ),
)


def problems(body: Mapping[str, Any], rules: Record) -> list[dict[str, str]]:
    """Everything that is missing or wrong in a request."""
    return list(rules.problems(body, ""))
