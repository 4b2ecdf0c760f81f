"""MoMo's notices: the twelve signed fields, read so that they can be read in one way only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from ... import vietnam
from ...errors import (
    MalformedDelivery,
)
from .wire import DIGITS, JOINT, MAX_NUMBER, NOTICE_FIELDS

NUMBERS: Final = frozenset({"amount", "responseTime", "resultCode", "transId"})
_NOTICE_TYPES: Final = tuple(int if name in NUMBERS else str for name in NOTICE_FIELDS)
_notice_values = itemgetter(*NOTICE_FIELDS)
_JOINS: Final = len(NOTICE_FIELDS)
_IDS: Final = ("orderId", "requestId", "partnerCode", "payType", "orderType")
EXPECTED: Final = (
    "signature, 64 lower-case hex digits of HMAC-SHA256 over accessKey, "
    f"{', '.join(NOTICE_FIELDS)} as name=value joined by &, values not encoded"
)


def read_notice(body: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The twelve signed fields in their documented types, and their text behind the access key.

    The signed text has no quoting, so a crafted text field could stand in for its neighbours; ids
    must not hold the join characters and numbers must be numbers.
    """
    # Every delivery passes here. The fields are looked at together, and one by one only if one of
    # them is not as documented; the text is that of signed_text for NOTICE_FIELDS, spelt out.
    try:
        values: tuple[Any, ...] = _notice_values(body)
    except KeyError:
        values = ()
    if tuple(map(type, values)) != _NOTICE_TYPES:
        values = _one_by_one(body)
    amount, extra, message, order, info, kind, partner, pay, request, time, code, trans = values
    if amount < 0 or time < 0 or trans < 0:
        _one_by_one(body)  # names the one
    fields = {
        "amount": amount,
        "extraData": extra,
        "message": message,
        "orderId": order,
        "orderInfo": info,
        "orderType": kind,
        "partnerCode": partner,
        "payType": pay,
        "requestId": request,
        "responseTime": time,
        "resultCode": code,
        "transId": trans,
    }
    text = (
        f"&amount={amount}&extraData={extra}&message={message}&orderId={order}&orderInfo={info}"
        f"&orderType={kind}&partnerCode={partner}&payType={pay}&requestId={request}"
        f"&responseTime={time}&resultCode={code}&transId={trans}"
    )
    # Only the joins that were just written: then no value holds a join character.
    if text.count("&") != _JOINS or text.count("=") != _JOINS:
        _refuse_ambiguous(fields)
    if amount > MAX_NUMBER:
        raise MalformedDelivery("amount is out of range", provider="momo")
    return fields, text.encode()


def _refuse_ambiguous(fields: Mapping[str, Any]) -> None:
    for name in _IDS:
        if not {"&", "="}.isdisjoint(fields[name]):
            raise MalformedDelivery(f"{name} holds & or =", provider="momo")
    if JOINT.search("\n".join((fields["extraData"], fields["message"], fields["orderInfo"]))):
        raise MalformedDelivery("a text holds the name of a signed field", provider="momo")


def _one_by_one(body: Mapping[str, Any]) -> tuple[int | str, ...]:
    return tuple([_typed(body, name) for name in NOTICE_FIELDS])


def _typed(body: Mapping[str, Any], name: str) -> int | str:
    value = body.get(name)
    if name in NUMBERS:
        if name == "resultCode" and isinstance(value, str):
            value = whole_number(value)  # seen as text as well
        if type(value) is not int or (value < 0 and name != "resultCode"):
            raise MalformedDelivery(_wrong(body, name, "a whole number"), provider="momo")
    elif not isinstance(value, str):
        raise MalformedDelivery(_wrong(body, name, "text"), provider="momo")
    return value


def whole_number(text: str) -> int | None:
    """The number, if it is spelt as it was signed: no zeros before it, no sign before zero."""
    number = int(text) if DIGITS.fullmatch(text) else None
    return number if str(number) == text else None


def _wrong(body: Mapping[str, Any], name: str, wanted: str) -> str:
    if name in body:
        return f"{name} is not {wanted}"
    if "errorCode" in body and "localMessage" in body:
        return f"{name} is missing: this is a notice of the old API (v1), which is not supported"
    return f"{name} is missing"


def from_milliseconds(value: int) -> datetime:
    """Unix milliseconds as an aware time; raises :class:`MalformedDelivery` beyond year 9999."""
    try:
        return vietnam.from_milliseconds(value)
    except ValueError:
        raise MalformedDelivery("responseTime is out of range", provider="momo") from None
