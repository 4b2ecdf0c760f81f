"""EMVCo's tag-length-value text: two digits of ID, two digits of length, the value, and again.

Lengths count characters. Some values are such texts themselves, so a field has a path: ``38.01.00``
is field 00 within field 01 within field 38. Reading is strict, and every refusal tells the path and
the character at which it stands, counted from 1.
https://www.emvco.com/emv-technologies/qr-codes/ (EMV QRCPS, Merchant-Presented Mode)
"""

from __future__ import annotations

import binascii
import re
from typing import Final

import attrs

from ..errors import InvalidRequest

#: The longest text of capital letters and digits that the largest QR code holds.
MAX_LENGTH: Final = 4296
LONGEST_VALUE: Final = 99
_HEAD: Final = 4
_CRC: Final = "63"
_NOT_PRINTABLE = re.compile(r"[^ -~]")
_CHECKSUM = re.compile(r"[0-9A-Fa-f]{4}", re.ASCII)
_DIGITS: Final = frozenset("0123456789")


@attrs.frozen(slots=True)
class Field:
    """One field. ``at`` is the character at which its ID stands, counted from 1."""

    path: str
    value: str = attrs.field(repr=False)
    at: int

    @property
    def id(self) -> str:
        """The last two digits of the path."""
        return self.path[-2:]

    def refuse(self, message: str) -> InvalidRequest:
        """An error about this field, to be raised."""
        return refusal(self.path, self.at, message)


def refusal(path: str, at: int, message: str) -> InvalidRequest:
    """An error that says where: ``38.01.00: at character 22: …``."""
    return InvalidRequest(f"at character {at}: {message}", field=path or None)


def checksum(text: str) -> str:
    """CRC-16/CCITT-FALSE as four upper-case hex digits: ``"29B1"`` for ``"123456789"``."""
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def read(text: str) -> tuple[Field, ...]:
    """The root fields of a whole code, in their order, without the CRC.

    Field 00 must be the first and 63 the last, and the CRC must be right; its letters may be of
    either case. Raises :class:`~paykit.errors.InvalidRequest`.
    """
    if not isinstance(text, str):
        raise InvalidRequest(f"a code is a str, not {type(text).__name__}")
    if not text:
        raise InvalidRequest("the code is empty")
    if len(text) > MAX_LENGTH:
        raise InvalidRequest(f"no QR code holds {len(text)} characters")
    strange = _NOT_PRINTABLE.search(text)
    if strange:
        raise refusal(
            "", strange.start() + 1, f"U+{ord(strange[0]):04X} is not a printable ASCII character"
        )
    fields = _split(text, "", 1)
    first, last = fields[0], fields[-1]
    if first.path != "00":
        raise first.refuse("field 00 must be the first")
    for field in fields[:-1]:
        if field.path == _CRC:
            raise field.refuse("the CRC must be the last field")
    if last.path != _CRC:
        raise refusal(_CRC, len(text) + 1, "the CRC is missing")
    if not _CHECKSUM.fullmatch(last.value):
        raise last.refuse("the CRC is not four hex digits")
    right = checksum(text[:-_HEAD])
    if last.value.upper() != right:
        raise last.refuse(f"the CRC is {last.value}, but that of this text is {right}")
    return fields[:-1]


def parts(field: Field) -> tuple[Field, ...]:
    """The fields within a field; raises :class:`~paykit.errors.InvalidRequest`."""
    return _split(field.value, field.path, field.at + _HEAD)


def _split(text: str, path: str, at: int) -> tuple[Field, ...]:
    found: dict[str, Field] = {}
    position = 0
    while position < len(text):
        here = at + position
        head = text[position : position + _HEAD]
        if len(head) < _HEAD:
            raise refusal(path, here, "what is left is too short for an ID and a length")
        if not _DIGITS.issuperset(head):
            raise refusal(path, here, "an ID and a length of two digits each are expected")
        name = f"{path}.{head[:2]}" if path else head[:2]
        if name in found:
            raise refusal(name, here, f"the field was there before, at character {found[name].at}")
        size = int(head[2:])
        position += _HEAD
        value = text[position : position + size]
        if len(value) < size:
            within = f"field {path}" if path else "the code"
            raise refusal(
                name, here, f"{size} characters are announced, but {within} has {len(value)} more"
            )
        found[name] = Field(name, value, here)
        position += size
    return tuple(found.values())


def write(path: str, value: str) -> str:
    """One field as text, or nothing for an empty value; raises for what cannot be written."""
    if not value:
        return ""
    strange = _NOT_PRINTABLE.search(value)
    if strange:
        raise InvalidRequest(f"U+{ord(strange[0]):04X} is not printable ASCII", field=path)
    if len(value) > LONGEST_VALUE:
        raise InvalidRequest(
            f"{len(value)} characters, at most {LONGEST_VALUE} are possible", field=path
        )
    return f"{path[-2:]}{len(value):02d}{value}"


def seal(text: str) -> str:
    """The whole code: ``text`` with its CRC behind it."""
    text += f"{_CRC}04"
    return text + checksum(text)
