"""The items of a webhook: what each says, and the text that is signed.

Source: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from ...errors import MalformedDelivery
from ...money import Money
from .amounts import from_wire
from .codes import EVENTS, OF_THE_PAYMENT

EXPECTED: Final = (
    "additionalData.hmacSignature of each item, base64 of HMAC-SHA256 with the key in hex over "
    "pspReference, originalReference, merchantAccountCode, merchantReference, amount.value, "
    "amount.currency, eventCode and success, joined by : as they stand"
)
#: More than any delivery of Adyen's holds.
MAX_ITEMS: Final = 100
_MAX_VALUE: Final = 2**63 - 1
#: Longer than any that Adyen takes.
_LONGEST_REFERENCE: Final = 255

#: The text is joined by colons without any quoting. Only one of the values may hold colons, the
#: merchant's own reference; none of these can. So the text can be split in one way only, and
#: nobody can move a part of one value into another.
_PSP = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
#: What a report has in its place.
_FILE = re.compile(r"[A-Za-z0-9_.-]{1,200}", re.ASCII)
_ORIGINAL = re.compile(r"[A-Za-z0-9_-]{0,64}", re.ASCII)
_ACCOUNT = re.compile(r"[A-Za-z0-9_. -]{1,100}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
_SUCCESS: Final = frozenset({"true", "false"})


@attrs.frozen
class Item:
    """What is signed of one item."""

    psp: str
    original: str
    account: str
    reference: str
    value: int | None
    currency: str
    code: str
    success: bool

    @property
    def signed_text(self) -> bytes:
        """What Adyen signs."""
        value = "" if self.value is None else str(self.value)
        success = "true" if self.success else "false"
        parts = (self.psp, self.original, self.account, self.reference, value, self.currency)
        return ":".join((*parts, self.code, success)).encode()

    @property
    def money(self) -> Money:
        """The amount; raises :class:`MalformedDelivery` where there is none."""
        if self.value is None:
            raise MalformedDelivery("an item without its amount", provider="adyen")
        try:
            return from_wire(self.currency, self.value)
        except ValueError as error:
            raise MalformedDelivery(f"amount: {error}", provider="adyen") from None

    @property
    def payment_id(self) -> str | None:
        """The ``pspReference`` of the payment that it is about, where it is told."""
        return self.original or (self.psp if self.code in OF_THE_PAYMENT else None)


def read_items(body: Mapping[str, Any]) -> list[tuple[Item, str | None]]:
    """The items of a delivery, each with its signature; raises :class:`MalformedDelivery`."""
    listed = body.get("notificationItems")
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_ITEMS:
        raise _malformed("notificationItems is not a list of items")
    found = []
    for wrapper in listed:
        item = wrapper.get("NotificationRequestItem") if isinstance(wrapper, dict) else None
        if not isinstance(item, dict):
            raise _malformed("an item without its NotificationRequestItem")
        more = item.get("additionalData")
        given = more.get("hmacSignature") if isinstance(more, dict) else None
        found.append((_read_item(item), given if isinstance(given, str) else None))
    return found


def read_moment(item: object) -> datetime | None:
    """The ``eventDate`` of an item, which is not signed: to show, and to decide nothing."""
    told = item.get("eventDate") if isinstance(item, dict) else None
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else None
        # In UTC, for the first hours of all time are none there.
        return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _read_item(item: Mapping[str, Any]) -> Item:
    amount = item.get("amount")
    if amount is None:
        amount = {}
    if not isinstance(amount, dict):
        raise _malformed("amount is not an object")
    value, currency = amount.get("value"), amount.get("currency")
    if value is None and (currency is None or currency == ""):
        currency = ""
    elif type(value) is not int or not 0 <= value <= _MAX_VALUE:
        raise _malformed("amount.value is not a whole number of minor units")
    elif not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise _malformed("amount.currency is not a currency")
    success = item.get("success")
    if not isinstance(success, str) or success not in _SUCCESS:
        raise _malformed("success is neither the text true nor the text false")
    reference = item.get("merchantReference")
    if reference is None:
        reference = ""
    if not isinstance(reference, str) or len(reference) > _LONGEST_REFERENCE:
        raise _malformed("merchantReference is not as Adyen writes it")
    code = _text(item, "eventCode", _CODE)
    return Item(
        psp=_text(item, "pspReference", _PSP if code in EVENTS else _FILE),
        original=_text(item, "originalReference", _ORIGINAL, default=""),
        account=_text(item, "merchantAccountCode", _ACCOUNT),
        reference=reference,
        value=value,
        currency=currency,
        code=code,
        success=success == "true",
    )


def _text(
    item: Mapping[str, Any], name: str, form: re.Pattern[str], *, default: str | None = None
) -> str:
    value = item.get(name)
    if value is None:
        value = default
    if not isinstance(value, str) or not form.fullmatch(value):
        raise _malformed(f"{name} is not as Adyen writes it")
    return value


def _malformed(why: str) -> MalformedDelivery:
    return MalformedDelivery(why, provider="adyen")
