"""MoMo's signatures and its two kinds of encryption, independent of the adapter.

The set of signed fields is fixed per operation; names are in ASCII order, values are plain text.
https://developers.momo.vn/v3/docs/payment/api/other/signature
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ...http import parse_json_object

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from ..config import MoMoMerchant

_AES_BLOCK: Final = 16

CREATE: Final = tuple(
    "amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl requestId "
    "requestType".split()
)
CREATE_LINK: Final = (*CREATE, "partnerClientId")
CREATE_RESPONSE: Final = tuple(
    "amount orderId partnerCode payUrl requestId responseTime resultCode".split()
)
QUERY: Final = ("orderId", "partnerCode", "requestId")
REFUND: Final = tuple("amount description orderId partnerCode requestId transId".split())
CONFIRM: Final = tuple("amount description orderId partnerCode requestId requestType".split())
POS: Final = tuple("amount extraData orderId orderInfo partnerCode paymentCode requestId".split())
BIND: Final = tuple("callbackToken orderId partnerClientId partnerCode requestId".split())
CALLBACK_QUERY: Final = tuple("orderId partnerClientId partnerCode requestId".split())
TOKEN_PAY: Final = tuple(
    "amount extraData orderId orderInfo partnerClientId partnerCode requestId token".split()
)
TOKEN_DELETE: Final = tuple("orderId partnerClientId partnerCode requestId token".split())
RESULT: Final = tuple(
    "amount extraData message orderId orderInfo orderType partnerCode payType requestId "
    "responseTime resultCode transId".split()
)
LINK_RESULT: Final = (*RESULT, "callbackToken", "partnerClientId")


def signed_text(names: tuple[str, ...], fields: Mapping[str, Any], access_key: str) -> str:
    """The text to sign: ``accessKey`` comes first because it sorts first."""
    pairs = [f"{name}={fields[name]}" for name in sorted(names)]
    return "&".join([f"accessKey={access_key}", *pairs])


def sign(names: tuple[str, ...], fields: Mapping[str, Any], merchant: MoMoMerchant) -> str:
    """The lower-case hex HMAC-SHA256 of the named fields."""
    text = signed_text(names, fields, merchant.access_key)
    return hmac.new(merchant.secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def matches(names: tuple[str, ...], fields: Mapping[str, Any], merchant: MoMoMerchant) -> bool:
    """Whether the ``signature`` among ``fields`` is theirs."""
    given = str(fields["signature"]).encode()
    return hmac.compare_digest(sign(names, fields, merchant).encode(), given)


def encrypt_token(token: Mapping[str, Any], merchant: MoMoMerchant) -> str:
    """``aesToken``: AES-256-CBC with the secret key, sixteen zero bytes as IV, PKCS7, base64."""
    padder = block_padding.PKCS7(_AES_BLOCK * 8).padder()
    padded = padder.update(json.dumps(token, separators=(",", ":")).encode()) + padder.finalize()
    key = algorithms.AES(merchant.secret_key.encode())
    encryptor = Cipher(key, modes.CBC(bytes(_AES_BLOCK))).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt_text(encrypted: str, key: rsa.RSAPrivateKey) -> str | None:
    """What a merchant encrypted with our public key (RSA, PKCS#1 v1.5), or ``None``."""
    try:
        raw = base64.b64decode(encrypted, validate=True)
        # MoMo prescribes this padding. A wrong text may also decrypt to noise: callers check it.
        return key.decrypt(raw, padding.PKCS1v15()).decode()
    except (binascii.Error, ValueError):
        return None


def decrypt_token(encrypted: str, key: rsa.RSAPrivateKey) -> str | None:
    """The ``value`` of an encrypted wallet token, or ``None``."""
    text = decrypt_text(encrypted, key)
    try:
        value = parse_json_object((text or "").encode()).get("value")
    except ValueError:
        return None
    return value if isinstance(value, str) else None
