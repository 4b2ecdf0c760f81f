"""Reads the text of a QR code, and says where it is wrong or whose it is.

Reading takes what others have made, as long as it has one meaning; writing is stricter, see
:meth:`~paykit.vietqr.payload.VietQRPayload.to_text`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from ..errors import InvalidRequest
from ..money import Money
from . import rules, tlv
from .payload import VietQRPayload
from .rules import Initiation, Rule, Service, Tip
from .tlv import Field

_AMOUNT = re.compile(r"(?=.{1,13}\Z)([1-9][0-9]*)\.?")
_PERCENT = re.compile(r"[0-9]{1,2}(?:\.[0-9]{0,2})?")

_NETWORKS: Final = {"A000000775": "VNPAY-QR", "vn.airpay.www": "AirPay"}
#: The fields of card schemes, by the first digit pairs that EMVCo gave them.
_CARD_SCHEMES: Final = {
    **dict.fromkeys(("02", "03"), "Visa"),
    **dict.fromkeys(("04", "05"), "Mastercard"),
    **dict.fromkeys(("09", "10"), "Discover"),
    **dict.fromkeys(("11", "12"), "American Express"),
    **dict.fromkeys(("13", "14"), "JCB"),
    **dict.fromkeys(("15", "16"), "UnionPay"),
}
_FIRST_OF_OTHERS: Final = "26"
_UNKNOWN: Final = "an unknown network"


class OtherNetwork(InvalidRequest):
    """A sound EMVCo code, but not one for a transfer through NAPAS 247.

    ``network`` is a name for people, ``guid`` the identifier that the code gives, if any, and
    ``fields`` are its root fields.
    """

    def __init__(
        self, network: str, *, at: Field, guid: str | None, fields: tuple[Field, ...]
    ) -> None:
        self.network = network
        self.guid = guid
        self.fields = fields
        super().__init__(
            f"at character {at.at}: the code is for {network}, not for VietQR", field=at.path
        )


def parse(text: str) -> VietQRPayload:
    """Read the text of a VietQR code.

    Fields may stand in any order, and those without a name are kept in ``others``. Raises
    :class:`~paykit.errors.InvalidRequest` that tells the field and the character of what is wrong,
    and :class:`OtherNetwork` for a sound code of somebody else.
    """
    root = tlv.read(text)
    fields = {field.path: field for field in root}
    if "38" not in fields:
        raise _somebody_elses(root)
    for path in sorted(rules.TEMPLATES):
        if path in fields:
            fields |= {field.path: field for field in tlv.parts(fields[path])}
    guid = _needed(fields, "38.00")
    if guid.value != rules.NAPAS:
        name = _NETWORKS.get(guid.value, _UNKNOWN)
        raise OtherNetwork(name, at=fields["38"], guid=guid.value, fields=root)
    _expect(fields, "00", rules.VERSION)
    _expect(fields, "53", rules.CURRENCY)
    _expect(fields, "58", rules.COUNTRY)
    texts = {
        name: _ruled(fields[path], rule)
        for name, (path, rule) in rules.TEXTS.items()
        if path in fields and fields[path].value
    }
    return VietQRPayload(
        bank_bin=_ruled(_needed(fields, "38.01.00"), rules.bin_trouble),
        account=_ruled(_needed(fields, "38.01.01"), rules.account_trouble),
        service=_service(fields.get("38.02")),
        amount=_amount(fields["54"]) if "54" in fields else None,
        tip=_tip(fields),
        initiation=_initiation(_needed(fields, "01")),
        others=tuple(
            (field.path, field.value)
            for field in fields.values()
            if field.path not in rules.NAMED and field.value
        ),
        **texts,
    )


def _somebody_elses(root: tuple[Field, ...]) -> InvalidRequest:
    """For a code without field 38: whose it is, by the first of its fields for accounts."""
    for field in root:
        if "02" <= field.path < _FIRST_OF_OTHERS:
            name = _CARD_SCHEMES.get(field.path, _UNKNOWN)
            return OtherNetwork(name, at=field, guid=None, fields=root)
        if _FIRST_OF_OTHERS <= field.path <= "51":
            guid = _guid(field)
            name = _NETWORKS.get(guid or "", _UNKNOWN)
            return OtherNetwork(name, at=field, guid=guid, fields=root)
    return InvalidRequest("is missing, nothing says who is paid", field="38")


def _guid(field: Field) -> str | None:
    try:
        return next((part.value for part in tlv.parts(field) if part.id == "00"), None)
    except InvalidRequest:
        return None  # some networks put other things there


def _needed(fields: Mapping[str, Field], path: str) -> Field:
    field = fields.get(path)
    if field is None:
        raise InvalidRequest("is missing", field=path)
    if not field.value:
        raise field.refuse("is empty")
    return field


def _expect(fields: Mapping[str, Field], path: str, value: str) -> None:
    field = _needed(fields, path)
    if field.value != value:
        raise field.refuse(f"must be {value} in a VietQR code")


def _ruled(field: Field, rule: Rule) -> str:
    trouble = rule(field.value)
    if trouble:
        raise field.refuse(trouble)
    return field.value


def _initiation(field: Field) -> Initiation:
    try:
        return Initiation(field.value)
    except ValueError:
        raise field.refuse("must be 11 (static) or 12 (dynamic)") from None


def _service(field: Field | None) -> Service | None:
    if field is None or not field.value:
        return None
    try:
        return Service(field.value)
    except ValueError:
        raise field.refuse("only QRIBFTTA and QRIBFTTC are transfers") from None


def _amount(field: Field) -> Money:
    match = _AMOUNT.fullmatch(field.value)
    if not match:
        raise field.refuse("an amount is whole đồng, up to 13 digits, without zeros in front")
    return Money(int(match[1]), "VND")


def _tip(fields: Mapping[str, Field]) -> Tip | None:
    kind = fields.get("55")
    holders = {"02": "56", "03": "57"}
    for indicator, path in holders.items():
        if path in fields and (kind is None or kind.value != indicator):
            raise fields[path].refuse(f"stands only with {indicator} in field 55")
    if kind is None:
        return None
    if kind.value == "01":
        return Tip()
    if kind.value not in holders:
        raise kind.refuse("must be 01, 02 or 03")
    fee = _needed(fields, holders[kind.value])
    if kind.value == "02":
        return Tip(_amount(fee))
    if not _PERCENT.fullmatch(fee.value) or not Decimal(fee.value):
        raise fee.refuse("a percentage is from 00.01 to 99.99")
    return Tip(Decimal(fee.value))
