"""What the issuers say, in Checkout.com's response codes, and its test cards.

https://www.checkout.com/docs/developer-resources/codes/response-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from ..cards.numbers import COMMON_CARDS, Behaviour, CardTable, Decline, TestCard

#: The code and its words.
Outcome: TypeAlias = tuple[str, str]

APPROVED: Final[Outcome] = ("10000", "Approved")
#: A capture, a void or a refund that is not done.
REFUSED: Final[Outcome] = ("20005", "Declined - Do Not Honour")
NOT_AUTHENTICATED: Final[Outcome] = ("20151", "Cardholder failed 3DS authentication")
TOO_LATE: Final[Outcome] = ("20152", "Initial 3DS transaction not completed within 15 minutes")
AUTHENTICATION_REQUIRED: Final[Outcome] = ("20154", "3DS authentication required")

_DECLINED: Final[Mapping[Decline, Outcome]] = {
    "generic": ("20001", "Refer to card issuer"),
    "do_not_honor": ("20005", "Declined - Do Not Honour"),
    "insufficient_funds": ("20051", "Insufficient Funds"),
    "limit_exceeded": ("20061", "Activity amount limit exceeded"),
    "expired_card": ("30033", "Expired Card - Pick Up"),
    "incorrect_cvc": ("20087", "Bad Track Data (Invalid CVV and/or Expiry Date)"),
    "lost_card": ("30041", "Lost Card - Pick Up"),
    "stolen_card": ("30043", "Stolen Card - Pick Up"),
    "fraud": ("40101", "Risk Blocked Transaction"),
    "not_supported": ("20057", "Transaction Not Permitted to Cardholder"),
    "processing_error": ("20096", "System Malfunction"),
    "issuer_unavailable": ("20091", "Issuer Unavailable or Switch Inoperative"),
}

CARDS: Final = CardTable(
    (
        TestCard("4242424242424242", "Succeeds"),
        TestCard("4543474002249996", "Succeeds"),
        TestCard("5436031030606378", "Succeeds"),
        *COMMON_CARDS,
    )
)


def asks(does: Behaviour, *, stored: bool) -> bool:
    """Whether the issuer wants the payer to authenticate."""
    return does.check in {"always", "fails"} or (does.check == "until_stored" and not stored)


def issuer(does: Behaviour, *, verifying: bool, stored: bool, authenticated: bool) -> Outcome:
    """What the issuer says, to a payer who has authenticated or need not."""
    if asks(does, stored=stored) and not authenticated:
        return AUTHENTICATION_REQUIRED
    if does.declines is None or (does.stores_well and verifying):
        return APPROVED
    return _DECLINED[does.declines]
