"""What every answer of ZaloPay's has, and how it says no. No answer carries a mac."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from ..times import VIETNAM, milliseconds
from . import codes

Fields: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """ZaloPay says no with a sub code; ``detail`` tells a developer what is wrong."""

    def __init__(self, code: int, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(str(code))


def answer(return_code: int, sub_code: int, detail: str = "") -> Answer:
    """The four fields of every answer."""
    said = codes.SUB_MESSAGES[sub_code]
    return {
        "return_code": return_code,
        "return_message": codes.RETURN_MESSAGES[return_code],
        "sub_return_code": sub_code,
        "sub_return_message": f"{said}: {detail}" if detail else said,
    }


def refusal(error: Refusal, *, flat: bool) -> Answer:
    """The answer that says no; ``flat`` puts an error of the call into return_code itself."""
    full = answer(codes.FAILED, error.code, error.detail)
    if flat and error.code in codes.OF_THE_CALL:
        return {"return_code": error.code, "return_message": full["sub_return_message"]}
    return full


def in_time(sent: int, now: datetime, tolerance: timedelta) -> bool:
    """Whether a time in Unix milliseconds is near enough to ours."""
    return abs(sent - milliseconds(now)) <= tolerance // timedelta(milliseconds=1)


def starts_with_today(reference: str, now: datetime) -> bool:
    """Whether a reference begins with the day that it is in Vietnam."""
    return reference.startswith(f"{now.astimezone(VIETNAM):%y%m%d}")
