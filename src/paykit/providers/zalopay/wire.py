"""ZaloPay on the wire: the account, what each call signs, and the forms of ids and texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, model_validator

from ...errors import InvalidRequest
from ...money import Money
from ...vietnam import to_yymmdd
from ...wire import ProviderConfig, Secret, Text, Url

#: Stands for the key itself: query and cancel sign it as their third value.
KEY1: Final = "key1"

# The signed values, by call, in their order.
CREATE_FIELDS: Final = tuple("app_id app_trans_id app_user amount app_time embed_data item".split())
QUERY_FIELDS: Final = ("app_id", "app_trans_id", KEY1)
CANCEL_FIELDS: Final = QUERY_FIELDS
REFUND_FIELDS: Final = tuple("app_id zp_trans_id amount description timestamp".split())
REFUND_FEE_FIELDS: Final = tuple(
    "app_id zp_trans_id amount refund_fee_amount description timestamp".split()
)
REFUND_QUERY_FIELDS: Final = ("app_id", "m_refund_id", "timestamp")
BANK_FIELDS: Final = ("appid", "reqtime")
BANK_LINK_FIELDS: Final = ("app_id", "bank_codes", "os_type", "order_token")
BIND_FIELDS: Final = tuple(
    "app_id app_trans_id binding_data binding_type identifier max_amount req_date".split()
)
UNBIND_FIELDS: Final = ("app_id", "identifier", "binding_id", "req_date")
AGREEMENT_QUERY_FIELDS: Final = ("app_id", "app_trans_id", "req_date")
# The two that follow name the token on either side of its owner.
BALANCE_FIELDS: Final = ("app_id", "pay_token", "identifier", "amount", "req_date")
PAY_FIELDS: Final = ("app_id", "identifier", "zp_trans_token", "pay_token", "req_date")
OWNER_FIELDS: Final = ("app_id", "access_token", "req_date")
RETURN_FIELDS: Final = tuple("appid apptransid pmcid bankcode amount discountamount status".split())

#: Letters, digits and signs that survive in a URL, a file name and the signed text.
_ID = r"[A-Za-z0-9_.~:@#-]"
_ORDER_ID = re.compile(rf"[0-9]{{6}}_({_ID}{{1,33}})", re.ASCII)
_REFERENCE = re.compile(rf"{_ID}{{1,33}}", re.ASCII)
_REFUND_REFERENCE = re.compile(rf"{_ID}{{1,45}}", re.ASCII)
_MAX_REFUND_ID: Final = 45
_TRANSACTION_ID = re.compile(r"[0-9]{1,64}", re.ASCII)
_BANK_CODE = re.compile(r"[A-Za-z0-9_]{1,20}", re.ASCII)
_PLAIN_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[!-~]+", re.ASCII)

MAX_USER: Final = 50
MAX_IDENTIFIER: Final = 256
MAX_DESCRIPTION: Final = 256
MAX_REASON: Final = 100
MAX_JSON: Final = 2048
#: ``expire_duration_seconds``.
SHORTEST, LONGEST = timedelta(seconds=300), timedelta(seconds=2_592_000)
#: How far ``app_time`` may be off, which is how long making an order may take.
LEEWAY: Final = timedelta(minutes=15)
#: How many days back a refund or a link is looked for when its day is not known.
LOOK_BACK: Final = 7


class ZaloPayConfig(ProviderConfig):
    """One ZaloPay app: ``key1`` signs what is sent, ``key2`` proves what comes.

    ``notify_url`` is where callbacks go unless a request names another place; without it they go
    where the app's settings at ZaloPay say. ``app_user`` names payers who have no
    ``customer.id``. ``session_lifetime`` bounds how long an order can be paid. While ``key2`` is
    being changed, the former one goes into ``previous_key2s``. ``gateway_url`` is where the list
    of banks is.
    """

    provider: ClassVar[str] = "zalopay"

    app_id: Annotated[int, Field(gt=0, lt=2**31)]
    key1: Secret
    key2: Secret
    previous_key2s: tuple[Secret, ...] = ()
    notify_url: Url | None = None
    app_user: Text = "guest"
    session_lifetime: timedelta = timedelta(minutes=15)
    base_url: Url | None = None
    gateway_url: Url | None = None

    @model_validator(mode="after")
    def _in_bounds(self) -> ZaloPayConfig:
        if not SHORTEST <= self.session_lifetime <= LONGEST:
            raise ValueError("session_lifetime must be from 5 minutes to 30 days")
        if len(self.app_user) > MAX_USER or "|" in self.app_user:
            raise ValueError("app_user must have at most 50 characters and no |")
        return self


def joined(name: str, value: Any) -> str:
    """A value as it stands in the signed text, which has no quoting."""
    text = str(value)
    if "|" in text:
        raise InvalidRequest("must not hold |", field=name)
    return text


def json_text(value: Any, field: str) -> str:
    """JSON that is sent as text and signed as it is."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidRequest("cannot be written as JSON", field=field) from None
    # Only texts can hold a pipe, and this is another way of writing it there.
    return check_text(text.replace("|", r"\u007c"), field, MAX_JSON)


def check_text(text: Any, field: str, limit: int) -> str:
    """Refuse what is not text, is too long, or cannot be signed."""
    if not isinstance(text, str) or len(text) > limit:
        raise InvalidRequest(f"text of at most {limit} characters", field=field)
    return joined(field, _whole(text, field))


def plain_value(value: Any, field: str) -> str | int:
    """An optional value that is not signed: text, a number, or a mapping that is sent as JSON."""
    if isinstance(value, Mapping):
        return json_text(value, field)
    if type(value) is int:
        return value
    if isinstance(value, str):
        return _whole(value, field)
    raise InvalidRequest("text, a whole number or a mapping", field=field)


def _whole(text: str, field: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("holds half a character", field=field) from None
    return text


def check_url(url: Any, field: str) -> str:
    """Refuse what is not an absolute URL in plain ASCII; an app's own scheme is fine."""
    if not isinstance(url, str) or not _PLAIN_URL.fullmatch(url):
        raise InvalidRequest("an absolute URL in plain ASCII", field=field)
    return url


def check_bank_code(code: str) -> str:
    """Refuse what is not a ``bank_code``."""
    if not _BANK_CODE.fullmatch(code):
        raise InvalidRequest("not a bank code", field="method")
    return code


def to_dong(amount: Money, field: str = "currency") -> int:
    """Whole đồng; raises :class:`InvalidRequest` for another currency."""
    if amount.currency != "VND":
        raise InvalidRequest("ZaloPay takes VND only", field=field)
    return amount.minor


def to_order_id(reference: str, moment: datetime) -> str:
    """``app_trans_id``: the day in Vietnam, and the reference."""
    if not _REFERENCE.fullmatch(reference):
        raise InvalidRequest("use 1 to 33 of A-Z a-z 0-9 - _ . ~ : @ #", field="reference")
    return f"{to_yymmdd(moment)}_{reference}"


def reference_of(order_id: str) -> str | None:
    """The reference in an ``app_trans_id``; ``None`` if paykit did not make it."""
    found = _ORDER_ID.fullmatch(order_id)
    return found[1] if found else None


def to_refund_id(reference: str, moment: datetime, app_id: int) -> str:
    """``m_refund_id``: the day in Vietnam, the app, and the reference."""
    return check_refund_id(f"{to_yymmdd(moment)}_{app_id}_{reference}")


def refund_name(app_id: int) -> str:
    """The form of what stands in an ``m_refund_id`` behind the day and the app."""
    return rf"{_ID}{{1,{_MAX_REFUND_ID - len(f'yymmdd_{app_id}_')}}}"


def is_refund_id(text: str, app_id: int) -> bool:
    """Whether ``text`` is a whole ``m_refund_id`` of this app."""
    return bool(re.fullmatch(rf"[0-9]{{6}}_{app_id}_{_ID}+", text, re.ASCII))


def check_refund_id(refund_id: str) -> str:
    """Refuse what ZaloPay would not take as ``m_refund_id``."""
    if len(refund_id) > _MAX_REFUND_ID or not _REFUND_REFERENCE.fullmatch(refund_id):
        raise InvalidRequest(
            f"use A-Z a-z 0-9 - _ . ~ : @ #, {_MAX_REFUND_ID} at most with day and app in front",
            field="reference",
        )
    return refund_id


def to_transaction_id(value: int | str | None) -> str | None:
    """``zp_trans_id`` as text; ``None`` where there is none, or none that can be one."""
    text = str(value or "")
    return text if _TRANSACTION_ID.fullmatch(text) and text.strip("0") else None


def is_web_page(url: str | None, base: str) -> bool:
    """Whether a payer can be sent to ``url``: over TLS, or to the sandbox at ``base``."""
    return bool(url) and str(url).startswith(("https://", f"{base}/"))


def plain_mapping(value: Any, field: str) -> Mapping[str, Any]:
    """Refuse what is not a mapping with names."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise InvalidRequest("a mapping", field=field)
    return value
