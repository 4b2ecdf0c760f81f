"""How PayPal signs a webhook, independent of the adapter.

``<transmission id>|<time>|<webhook id>|<CRC-32 of the body, as an unsigned decimal number>`` is
signed with RSA, PKCS#1 v1.5 and SHA-256. Only a checksum of the body is covered, not the body.
https://developer.paypal.com/api/rest/webhooks/rest/
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ALGORITHM: Final = "SHA256withRSA"


def signed_text(transmission_id: str, transmission_time: str, webhook_id: str, body: bytes) -> str:
    """The text to sign."""
    return f"{transmission_id}|{transmission_time}|{webhook_id}|{zlib.crc32(body)}"


def sign(text: str, key: rsa.RSAPrivateKey) -> str:
    """The signature in base64."""
    raw = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(raw).decode()


def matches(text: str, signature: str, certificate: x509.Certificate) -> bool:
    """Whether the key of ``certificate`` made this signature."""
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True
