"""MoMo on the wire: what each endpoint signs and answers, and the forms of its values."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from pydantic import Field, SecretStr, model_validator

from ...errors import (
    InvalidRequest,
)
from ...models import (
    PaymentStatus,
)
from ...money import Money
from ...signing import decrypt_aes_cbc
from ...wire import ProviderConfig, Secret, Text, Url, Wire
from .codes import S

# The signed fields, by endpoint, without the leading accessKey.
CREATE_FIELDS: Final = tuple(
    "amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl requestId "
    "requestType".split()
)
LINK_FIELDS: Final = tuple(
    "amount extraData ipnUrl orderId orderInfo partnerClientId partnerCode redirectUrl requestId "
    "requestType".split()
)
QUERY_FIELDS: Final = ("orderId", "partnerCode", "requestId")
REFUND_FIELDS: Final = tuple("amount description orderId partnerCode requestId transId".split())
CONFIRM_FIELDS: Final = tuple(
    "amount description orderId partnerCode requestId requestType".split()
)
POS_FIELDS: Final = tuple(
    "amount extraData orderId orderInfo partnerCode paymentCode requestId".split()
)
BIND_FIELDS: Final = tuple("callbackToken orderId partnerClientId partnerCode requestId".split())
TOKEN_QUERY_FIELDS: Final = ("orderId", "partnerClientId", "partnerCode", "requestId")
TOKEN_PAY_FIELDS: Final = tuple(
    "amount extraData orderId orderInfo partnerClientId partnerCode requestId token".split()
)
TOKEN_DELETE_FIELDS: Final = (*TOKEN_QUERY_FIELDS, "token")
NOTICE_FIELDS: Final = tuple(
    "amount extraData message orderId orderInfo orderType partnerCode payType requestId "
    "responseTime resultCode transId".split()
)
LINK_NOTICE_FIELDS: Final = tuple(
    "amount callbackToken extraData message orderId orderInfo orderType partnerClientId "
    "partnerCode payType requestId responseTime resultCode transId".split()
)

# MoMo documents these as [0-9a-zA-Z]([-_.]*[0-9a-zA-Z]+)*, which takes exponential time to refuse
# a long text; these accept the same and do not.
#: At most 200 characters.
ORDER_ID: Final = r"[0-9a-zA-Z](?:[0-9a-zA-Z_.-]{0,198}[0-9a-zA-Z])?"
_ORDER_ID = re.compile(ORDER_ID, re.ASCII)
_CLIENT_ID = re.compile(r"[0-9a-zA-Z](?:[0-9a-zA-Z_.@-]*[0-9a-zA-Z])?", re.ASCII)
_REQUEST_ID = re.compile(r"[0-9a-zA-Z_.-]{1,50}", re.ASCII)
_PLAIN_URL = re.compile(r"https?://[!-~]+", re.ASCII)
DIGITS = re.compile(r"-?[0-9]{1,18}", re.ASCII)
MAX_NUMBER: Final = 2**63 - 1
#: The signed text has no quoting, so no text may look like the fields that follow it.
JOINT = re.compile(rf"&(?:accessKey|{'|'.join(LINK_NOTICE_FIELDS)})=", re.ASCII)
LIMITS: Final = {"orderInfo": 255, "extraData": 1000}
#: Of a request's extras: those that are read one by one, and those that are not the caller's.
KNOWN_EXTRA: Final = frozenset({"extraData", "paymentCode"})
RESERVED: Final = frozenset({"signature", "accessKey", "partnerClientId"})


class MoMoConfig(ProviderConfig):
    """One MoMo partner account.

    ``notify_url`` is where the IPN goes unless a request names another place. ``public_key`` (PEM,
    from the partner portal) is needed only to charge tokens and POS codes. While keys are being
    changed, the former ones go into ``previous_secret_keys`` and ``previous_access_keys``.
    """

    provider: ClassVar[str] = "momo"

    partner_code: Text
    access_key: Text = Field(repr=False)
    secret_key: Secret
    previous_secret_keys: tuple[Secret, ...] = ()
    previous_access_keys: tuple[Text, ...] = Field(default=(), repr=False)
    public_key: str | None = Field(default=None, repr=False)
    base_url: Url | None = None
    notify_url: Url | None = None

    @model_validator(mode="after")
    def _plain_ids(self) -> MoMoConfig:
        if any(mark in self.partner_code for mark in "&="):
            raise ValueError("partner_code must not hold & or =")
        return self


#: A "long": more does not fit, and less than nothing makes no sense.
_Long: TypeAlias = Annotated[int, Field(ge=0, le=MAX_NUMBER)]


class Answer(Wire):
    """What every answer echoes, https://developers.momo.vn/v3/docs/payment/api/payment-api/."""

    resultCode: int  # noqa: N815 - MoMo's spelling
    message: str = ""
    partnerCode: str  # noqa: N815
    orderId: str  # noqa: N815
    requestId: str  # noqa: N815
    amount: _Long | None = None
    transId: _Long | None = None  # noqa: N815
    payType: str | None = None  # noqa: N815
    responseTime: _Long | None = None  # noqa: N815


class Created(Answer):
    """The answer to create: where to send the payer."""

    payUrl: str  # noqa: N815
    deeplink: str | None = None
    qrCodeUrl: str | None = None  # noqa: N815


class RefundLine(Wire):
    """One refund in the answer to a query."""

    orderId: str  # noqa: N815
    amount: _Long
    resultCode: int  # noqa: N815
    transId: _Long | None = None  # noqa: N815


class Queried(Answer):
    """The answer to query, refund query and confirm."""

    refundTrans: list[RefundLine] | None = None  # noqa: N815


class Bound(Answer):
    """The answer to bind: the sealed token."""

    aesToken: str  # noqa: N815


class Granted(Answer):
    """The answer to the callback query: the one-time grant."""

    callbackToken: str  # noqa: N815


def decrypt_token(secret: SecretStr, sealed: str) -> str | None:
    """The content of an ``aesToken``, or ``None`` if this key does not open it."""
    # Returns None and raises nothing: a traceback out of here would carry the key in its frames.
    try:
        key = secret.get_secret_value().encode()
        return decrypt_aes_cbc(key, base64.b64decode(sealed, validate=True)).decode()
    except ValueError:
        return None


def signed_text(access_key: str, fields: tuple[str, ...], body: Mapping[str, Any]) -> bytes:
    """What MoMo signs for these fields: ``name=value`` joined by ``&``, nothing encoded."""
    pairs = [f"{name}={body[name]}" for name in fields]
    return "&".join([f"accessKey={access_key}", *pairs]).encode()


def to_dong(amount: Money) -> int:
    """Whole đồng; raises :class:`InvalidRequest` for another currency."""
    if amount.currency != "VND":
        raise InvalidRequest("MoMo takes VND only", field="currency")
    return amount.minor


def check_order_id(reference: str) -> str:
    """Refuse a reference that MoMo would not take as ``orderId``."""
    if not _ORDER_ID.fullmatch(reference):
        raise InvalidRequest(
            "use letters and digits, with - _ . between them, 200 at most", field="reference"
        )
    return reference


def check_client_id(customer_id: str | None) -> str:
    """Refuse a customer id that MoMo would not take as ``partnerClientId``."""
    if not customer_id or not _CLIENT_ID.fullmatch(customer_id):
        raise InvalidRequest(
            "MoMo names the wallet's owner by letters and digits, with - _ . @ between them",
            field="customer.id",
        )
    return customer_id


def to_request_id(key: str) -> str:
    """A ``requestId`` for an idempotency key."""
    # At most 50 characters; the same key always gives the same id.
    return key if _REQUEST_ID.fullmatch(key) else sha256(key.encode()).hexdigest()[:48]


def check_url(url: str | None, field: str) -> str:
    """Refuse what is not an absolute URL in plain ASCII."""
    if not url or not _PLAIN_URL.fullmatch(url):
        raise InvalidRequest("an absolute URL in plain ASCII", field=field)
    return url


def check_language(locale: str) -> str:
    """Refuse a language that MoMo does not speak."""
    if locale not in {"vi", "en"}:
        raise InvalidRequest("MoMo speaks vi and en", field="locale")
    return locale


def real_trans_id(number: int | None, status: PaymentStatus) -> str | None:
    """``transId`` where it is one."""
    # After a cancel or expiry the number is a time, not an id.
    if not number or status in {S.CANCELED, S.EXPIRED, S.UNKNOWN}:
        return None
    return str(number)
