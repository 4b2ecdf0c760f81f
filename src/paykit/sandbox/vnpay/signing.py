"""VNPay 2.1.0 signatures, written from the documentation and independent of the adapter.

https://sandbox.vnpayment.vn/apis/docs/thanh-toan-pay/pay.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote_plus

#: VNPay publishes samples in these languages, whose form encoders leave different characters
#: alone. Each of them is accepted, a space as %20 or lower-case hex in none.
_LEFT_ALONE: Final = {"PHP": "", "Python": "~", "Java": "*", ".NET": "!()*", "JavaScript": "!'()*~"}

_NOT_SIGNED: Final = frozenset({"vnp_SecureHash", "vnp_SecureHashType"})

QUERYDR_REQUEST: Final = tuple(
    "RequestId Version Command TmnCode TxnRef TransactionDate CreateDate IpAddr OrderInfo".split()
)
REFUND_REQUEST: Final = tuple(
    "RequestId Version Command TmnCode TransactionType TxnRef Amount TransactionNo "
    "TransactionDate CreateBy CreateDate IpAddr OrderInfo".split()
)
REFUND_RESPONSE: Final = tuple(
    "ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate "
    "TransactionNo TransactionType TransactionStatus OrderInfo".split()
)
QUERYDR_RESPONSE: Final = (*REFUND_RESPONSE, "PromotionCode", "PromotionAmount")


def hmac_sha512(secret: str, text: str) -> str:
    """The lower-case hex HMAC-SHA512 of ``text``."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()


def signed_query(secret: str, fields: Mapping[str, str]) -> str:
    """``fields`` sorted and encoded, with their hash behind them."""
    query = _canonical(fields, _LEFT_ALONE["PHP"])
    return f"{query}&vnp_SecureHash={hmac_sha512(secret, query)}"


def query_matches(secret: str, fields: Mapping[str, str]) -> bool:
    """Whether the ``vnp_SecureHash`` among the decoded ``fields`` is theirs, in either case."""
    given = fields.get("vnp_SecureHash", "").lower().encode()
    candidates = {_canonical(fields, left_alone) for left_alone in _LEFT_ALONE.values()}
    matches = [
        hmac.compare_digest(hmac_sha512(secret, text).encode(), given) for text in candidates
    ]
    return any(matches)


def joined_hash(secret: str, order: Iterable[str], fields: Mapping[str, str]) -> str:
    """The hash of an API call: raw values in a fixed order, a missing one as empty text."""
    return hmac_sha512(secret, "|".join(fields.get(f"vnp_{name}", "") for name in order))


def joined_matches(secret: str, order: Iterable[str], fields: Mapping[str, str]) -> bool:
    """Whether the ``vnp_SecureHash`` of an API call is right, in either case."""
    given = fields.get("vnp_SecureHash", "").lower().encode()
    return hmac.compare_digest(joined_hash(secret, order, fields).encode(), given)


def _canonical(fields: Mapping[str, str], left_alone: str) -> str:
    return "&".join(
        f"{_encode(name, left_alone)}={_encode(value, left_alone)}"
        for name, value in sorted(fields.items())
        if name.startswith("vnp_") and name not in _NOT_SIGNED and value
    )


def _encode(text: str, left_alone: str) -> str:
    encoded = quote_plus(text, safe=left_alone)
    # Python's quote never touches a tilde; PHP, Java and .NET encode it.
    return encoded if "~" in left_alone else encoded.replace("~", "%7E")
