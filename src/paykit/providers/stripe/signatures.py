"""The header that proves a webhook, read without believing it.

Source: https://docs.stripe.com/webhooks/signature
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import attrs

from ...errors import SignatureError

HEADER: Final = "Stripe-Signature"
EXPECTED: Final = (
    "Stripe-Signature: t=<Unix time>,v1=<64 hex digits>, HMAC-SHA256 under the endpoint's signing "
    "secret over the time, a dot and the raw body"
)
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9]*", re.ASCII)
_VALUE = re.compile(r"[A-Za-z0-9_]*", re.ASCII)
_TIME = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
#: More than Stripe ever signs with at once.
_MAX_SIGNATURES: Final = 20


@attrs.frozen
class Signed:
    """When it was signed, in the letters that are signed, and by which signatures."""

    time: str
    signatures: tuple[str, ...] = attrs.field(repr=False)

    @property
    def moment(self) -> datetime:
        """When it was signed."""
        return datetime.fromtimestamp(int(self.time), UTC)


def read_header(value: str | None) -> Signed:
    """The parts of the header; raises :class:`SignatureError`.

    Only ``v1`` counts: ``v0`` is a decoy, and of other schemes nothing is known. A second time
    would leave open which one is signed.
    """
    if not value:
        raise SignatureError(f"no signature; expected {EXPECTED}")
    times, signatures = [], []
    for part in value.split(","):
        name, mark, text = part.partition("=")
        if not mark or not _SCHEME.fullmatch(name) or not _VALUE.fullmatch(text):
            raise SignatureError(f"a part that has no scheme; expected {EXPECTED}")
        if name == "t":
            times.append(text)
        elif name == "v1":
            signatures.append(text)
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        raise SignatureError(f"not exactly one time t=; expected {EXPECTED}")
    # One that is none takes nothing from another that proves it, as in Stripe's own libraries.
    usable = tuple(filter(_SIGNATURE.fullmatch, signatures))
    if not usable or len(signatures) > _MAX_SIGNATURES:
        raise SignatureError(f"no usable signature v1=; expected {EXPECTED}")
    return Signed(times[0], usable)
