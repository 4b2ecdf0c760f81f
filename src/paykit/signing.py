"""Proof that a delivery is genuine: digests, constant-time comparison, and :class:`Verified`.

Only the ``seal_*`` functions make a :class:`Verified`, and only a :class:`Verified` can be parsed,
so unverified input cannot reach the parsing code: it is a type error, not a habit.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NoReturn, Protocol, final

import attrs

from .errors import (
    ConfigurationError,
    InvalidRequest,
    MalformedDelivery,
    SignatureError,
    StaleDelivery,
)
from .http import Delivery

Algorithm = Literal["sha256", "sha512"]

_SEAL: Final = object()


@final
class SigningKey:
    """A symmetric key that never shows itself, bound to the one algorithm it is used with."""

    __slots__ = ("_algorithm", "_primed")

    def __init__(self, secret: str | bytes, algorithm: Algorithm) -> None:
        # Bytes are what they are; a text of blanks is a secret that was forgotten.
        if not (secret.strip() if isinstance(secret, str) else secret):
            raise ConfigurationError("a signing secret must not be empty")
        raw = secret.encode() if isinstance(secret, str) else secret
        # The key is mixed in once. Copying this state is cheaper than starting anew each time.
        self._primed = hmac.new(raw, digestmod=algorithm)
        self._algorithm: Algorithm = algorithm

    def digest(self, message: bytes) -> bytes:
        """The HMAC of ``message``."""
        keyed = self._primed.copy()
        keyed.update(message)
        return keyed.digest()

    def hex(self, message: bytes) -> str:
        """The HMAC of ``message`` in lower-case hex."""
        return self.digest(message).hex()

    def base64(self, message: bytes) -> str:
        """The HMAC of ``message`` in base64."""
        return b64encode(self.digest(message)).decode()

    def matches(self, message: bytes, given: str) -> bool:
        """Whether ``given`` is the lower-case hex HMAC of ``message``, in constant time."""
        return hmac.compare_digest(self.hex(message).encode(), given.encode())

    def __repr__(self) -> str:
        return f"SigningKey({self._algorithm})"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError("a signing key is not pickled: it holds a secret")


@final
class SharedSecret:
    """A secret that a sender brings along. Only its digest is kept, so it cannot show itself."""

    __slots__ = ("_digest",)

    def __init__(self, secret: str) -> None:
        if not secret.strip():
            raise ConfigurationError("a webhook secret must not be empty")
        self._digest = hashlib.sha256(secret.encode()).digest()

    def matches(self, given: str) -> bool:
        """Whether ``given`` is the secret, in constant time whatever their lengths."""
        claimed = hashlib.sha256(given.encode(errors="surrogatepass")).digest()
        return hmac.compare_digest(self._digest, claimed)

    def __repr__(self) -> str:
        return "SharedSecret()"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError("a webhook secret is not pickled")


@final
class Verified:
    """A delivery whose signature is proven, with the fields that the signature covers.

    ``fields`` are decoded and hold nothing that is not signed. ``fingerprint`` is a digest of the
    signed text: repeats of one notice share it.
    """

    __slots__ = ("delivery", "fields", "fingerprint")

    delivery: Delivery
    fields: Mapping[str, Any]
    fingerprint: str

    def __init__(
        self, seal: object, delivery: Delivery, fields: Mapping[str, Any], fingerprint: str
    ) -> None:
        if seal is not _SEAL:
            raise TypeError("only the seal functions of paykit.signing make a Verified")
        self.delivery = delivery
        self.fields = fields
        self.fingerprint = fingerprint

    def inside(self, name: str) -> Mapping[str, Any]:
        """The object in the field ``name``; raises :class:`~paykit.errors.MalformedDelivery`."""
        value = self.fields.get(name)
        if not isinstance(value, Mapping):
            raise MalformedDelivery(f"{name} is not an object")
        return value

    def text(self, name: str) -> str:
        """The text in the field ``name``; raises :class:`~paykit.errors.MalformedDelivery`."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise MalformedDelivery(f"{name} is not text")
        return value

    def __repr__(self) -> str:
        return f"Verified({self.delivery!r})"


def seal_hmac_hex(
    delivery: Delivery,
    *,
    keys: Sequence[SigningKey],
    messages: Iterable[bytes],
    given: str | Sequence[str] | None,
    fields: Mapping[str, Any] | None = None,
    expected: str,
    any_case: bool = False,
) -> Verified:
    """Prove ``delivery`` by a hex HMAC of one of ``messages`` under one of ``keys``.

    ``given`` may be several signatures, of which one has to match: Stripe signs with the old and
    the new secret while one is rolled. ``messages`` may be lazy: a later spelling of the signed
    text is built only when the earlier ones do not match. Without ``fields`` the JSON of the body
    is read, once it is proven; give them where less or something else is signed. ``expected``
    describes the signature in words for the error. ``any_case`` also accepts upper-case hex, for
    providers that are known to send it.
    Raises :class:`~paykit.errors.SignatureError`.
    """
    if not given:
        raise SignatureError(f"no signature; expected {expected}")
    texts = (given,) if isinstance(given, str) else given
    claims = [claim for text in texts if (claim := _clean_hex(text, any_case=any_case))]
    if not claims:
        raise SignatureError(f"the signature is not clean hex; expected {expected}")
    for message in messages:
        for key in keys:
            digest = key.digest(message)
            for claimed in claims:
                if hmac.compare_digest(digest, claimed):
                    proven = delivery.json() if fields is None else fields
                    return Verified(_SEAL, delivery, proven, fingerprint(message))
    raise SignatureError(
        f"the signature does not match (got {len(texts[0])} characters); expected {expected}. "
        "Usual causes: a key of the other environment, or a query or body that was parsed and "
        "serialised again before verification"
    )


def _clean_hex(text: str, *, any_case: bool) -> bytes:
    """What ``text`` is in hex; empty unless it is spelt in the one way."""
    try:
        claimed = bytes.fromhex(text)
    except ValueError:
        return b""
    # fromhex skips blanks and takes either case: demand the one spelling.
    return claimed if claimed.hex() == (text.lower() if any_case else text) else b""


@attrs.frozen(slots=True)
class SignedPart:
    """One of several parts of a delivery that are signed one by one.

    ``fields`` hold only what ``message`` says; ``given`` is the signature that came with it.
    """

    message: bytes = attrs.field(repr=False)
    given: str | None = attrs.field(repr=False)
    fields: Mapping[str, Any] = attrs.field(repr=False)


def seal_hmac_parts(
    delivery: Delivery,
    *,
    keys: Sequence[SigningKey],
    parts: Sequence[SignedPart],
    expected: str,
) -> Verified:
    """Prove each of ``parts`` by a base64 HMAC under one of ``keys``; if one fails, all do.

    What is proven has the one field ``parts``: their fields, in order. ``expected`` describes the
    signature in words for the error. Raises :class:`~paykit.errors.SignatureError`.
    """
    if not parts:
        raise SignatureError(f"nothing is signed; expected {expected}")
    for part in parts:
        _prove_base64(part, keys, expected)
    whole = b"".join(b"%d:%s," % (len(part.message), part.message) for part in parts)
    fields = {"parts": tuple(part.fields for part in parts)}
    return Verified(_SEAL, delivery, fields, fingerprint(whole))


def _prove_base64(part: SignedPart, keys: Sequence[SigningKey], expected: str) -> None:
    given = part.given
    if not given:
        raise SignatureError(f"no signature; expected {expected}")
    try:
        claimed = b64decode(given, validate=True)
    except ValueError:
        claimed = b""
    # b64decode ignores bits that do not count: demand the one spelling.
    if not claimed or b64encode(claimed).decode() != given:
        raise SignatureError(f"the signature is not clean base64; expected {expected}")
    # Every key is tried, so that the time does not tell which one it was.
    matches = [hmac.compare_digest(key.digest(part.message), claimed) for key in keys]
    if not any(matches):
        raise SignatureError(
            f"the signature does not match (got {len(given)} characters); expected {expected}. "
            "Usual causes: the key of another address or environment, or a key in hex that was "
            "used as text"
        )


def seal_secret(
    delivery: Delivery,
    *,
    secrets: Sequence[SharedSecret],
    given: str | None,
    fields: Mapping[str, Any] | None = None,
    expected: str,
) -> Verified:
    """Prove the sender of ``delivery`` by a secret that it brings along: nothing signs the content.

    For providers that offer nothing better, over HTTPS only. ``fields`` are those of the body's
    JSON unless they are given. Raises :class:`~paykit.errors.SignatureError`.
    """
    if not given:
        raise SignatureError(f"no secret; expected {expected}")
    if not any(secret.matches(given) for secret in secrets):
        raise SignatureError(
            f"the secret is another one (got {len(given)} characters); expected {expected}"
        )
    del given  # or a traceback out of the next line would show it
    proven = delivery.json() if fields is None else fields
    return Verified(_SEAL, delivery, proven, fingerprint(delivery.query + b"\n" + delivery.body))


class Hidden(Protocol):
    """A secret of a configuration: pydantic's ``SecretStr``."""

    def get_secret_value(self) -> str:
        """The secret in the clear."""
        ...


def seal_header(delivery: Delivery, name: str, *secrets: Hidden, scheme: str = "") -> Verified:
    """As :func:`seal_secret`, by the secret in the header ``name``, behind ``scheme`` and a blank.

    ``secrets`` are the one that is in force and the former ones. Raises
    :class:`~paykit.errors.SignatureError`.
    """
    start = f"{scheme} " if scheme else ""
    # No variable here holds the secret in the clear: a traceback out of the call would show it.
    return seal_secret(
        delivery,
        secrets=[SharedSecret(secret.get_secret_value()) for secret in secrets],
        given=_behind(start, delivery.header(name)),
        expected=f"the header {name}: {start}<secret>",
    )


def _behind(start: str, value: str | None) -> str | None:
    return value[len(start) :] if value and value.startswith(start) else None


def seal_rsa(
    delivery: Delivery,
    *,
    public_key: Any,
    message: bytes,
    given: str | None,
    fields: Mapping[str, Any],
    expected: str,
) -> Verified:
    """Prove ``delivery`` by a base64 RSA signature (PKCS#1 v1.5, SHA-256) of ``message``.

    ``public_key`` is an ``RSAPublicKey`` of the ``cryptography`` package, whose owner the caller
    has made sure of. Raises :class:`~paykit.errors.SignatureError`.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import SHA256

    if not given:
        raise SignatureError(f"no signature; expected {expected}")
    try:
        claimed = b64decode(given, validate=True)
    except ValueError:
        claimed = b""
    # b64decode ignores bits that do not count: demand the one spelling.
    if not claimed or b64encode(claimed).decode() != given:
        raise SignatureError(f"the signature is not clean base64; expected {expected}")
    try:
        public_key.verify(claimed, message, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        raise SignatureError(
            f"the signature does not match (got {len(given)} characters); expected {expected}. "
            "Usual causes: another webhook's id, or a body that was parsed and serialised again"
        ) from None
    return Verified(_SEAL, delivery, fields, fingerprint(message))


def seal_asked(delivery: Delivery, *, fields: Mapping[str, Any], about: bytes) -> Verified:
    """Prove a call that carries no signature by what the provider answered when asked about it.

    ``fields`` hold nothing of the call itself, only the provider's answer over TLS; ``about`` is
    what the fingerprint is made of.
    """
    return Verified(_SEAL, delivery, fields, fingerprint(about))


def joined(pairs: Iterable[tuple[str, str]], names: Sequence[str], *, by: str) -> bytes:
    """Those of ``pairs`` that have one of these ``names``, as ``name=value`` joined ``by`` a mark.

    Such a text has no quoting. A value that looks like a further field in it, or that a browser
    would change on its way, raises :class:`~paykit.errors.InvalidRequest`.
    """
    looks_like_a_field = re.compile(rf"{re.escape(by)}(?:{'|'.join(names)})=", re.ASCII)
    parts = []
    for name, value in pairs:
        if name in names:
            if not value.isprintable() or looks_like_a_field.search(value):
                raise InvalidRequest(f"one line, without {by}{names[0]}= or the like", field=name)
            parts.append(f"{name}={value}")
    return by.join(parts).encode()


def check_fresh(
    moment: datetime, *, now: datetime, tolerance: timedelta, ahead: timedelta | None = None
) -> None:
    """Raise :class:`~paykit.errors.StaleDelivery` unless ``moment`` is near, past or future.

    ``ahead`` is how far in the future it may be, where that is less than in the past.
    """
    distance = now - moment
    future = distance < timedelta(0)
    allowed = ahead if future and ahead is not None else tolerance
    if abs(distance) > allowed:
        raise StaleDelivery(
            f"the signed time is {abs(distance).total_seconds():.0f} seconds "
            f"{'in the future' if future else 'old'}; "
            f"at most {allowed.total_seconds():.0f} are accepted. Is this server's clock right?"
        )


def fingerprint(message: bytes) -> str:
    """A stable id for signed text: 128 bits of SHA-256 in hex."""
    return hashlib.sha256(message).hexdigest()[:32]


def encrypt_rsa(public_key_pem: str, plaintext: bytes) -> bytes:
    """Encrypt under an RSA public key with PKCS#1 v1.5 padding (MoMo's tokens and POS codes).

    The padding is random, as it must be, so each call gives other bytes. Raises
    :class:`~paykit.errors.ConfigurationError` when the key cannot be read.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(public_key_pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError("the public key is not PEM") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise ConfigurationError("the public key is not an RSA key")
    return key.encrypt(plaintext, padding.PKCS1v15())


def decrypt_aes_cbc(key: bytes, ciphertext: bytes) -> bytes:
    """Decrypt AES-CBC with a zero IV and PKCS#7 padding (MoMo's ``aesToken``).

    Raises :class:`ValueError` for a wrong key or length.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    decryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    unpadder = PKCS7(128).unpadder()
    return unpadder.update(padded) + unpadder.finalize()
