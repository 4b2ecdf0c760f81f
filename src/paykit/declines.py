"""Why a card was refused, in one vocabulary, and what the payer may try next.

Every provider's own codes become these words; the raw code stays beside them (``code``). A word
that is not here, and none at all, is treated like :attr:`DeclineReason.CARD_DECLINED`: another
card may do, this one should not be tried again.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import attrs


class DeclineReason(StrEnum):
    """The reasons of card gateways. ``reason`` of errors and events is one of these as text."""

    CARD_DECLINED = "card_declined"  #: the issuer gave no reason, or none that is told
    INSUFFICIENT_FUNDS = "insufficient_funds"
    LIMIT_EXCEEDED = "limit_exceeded"  #: more, or more often, than the issuer allows
    EXPIRED_CARD = "expired_card"
    INCORRECT_CVC = "incorrect_cvc"
    INCORRECT_NUMBER = "incorrect_number"
    INCORRECT_PIN = "incorrect_pin"
    INCORRECT_ADDRESS = "incorrect_address"
    INVALID_EXPIRY = "invalid_expiry"
    LOST_OR_STOLEN = "lost_or_stolen"  #: never tell the payer
    FRAUD_SUSPECTED = "fraud_suspected"  #: never tell the payer
    AUTHENTICATION_REQUIRED = "authentication_required"  #: the payer has to be there (3-D Secure)
    AUTHENTICATION_FAILED = "authentication_failed"  #: the payer did not pass 3-D Secure
    CARD_NOT_SUPPORTED = "card_not_supported"  #: this kind of card, purchase or currency
    INVALID_AMOUNT = "invalid_amount"
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    PROCESSING_ERROR = "processing_error"  #: on the way; nobody's fault that is known
    DUPLICATE_TRANSACTION = "duplicate_transaction"  #: the issuer saw the same just now
    RECURRING_STOPPED = "recurring_stopped"  #: the payer forbade further charges to a stored card
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - used before, expired, or unknown
    CANCELED_BY_PAYER = "canceled_by_payer"


@attrs.frozen(slots=True)
class Advice:
    """What the payer may try. ``this_card`` may need mending first: money, the CVC, a new try."""

    this_card: bool
    another_card: bool
    tell_payer: bool = True  #: whether the reason itself may be shown


_R = DeclineReason
_AGAIN: Final = Advice(this_card=True, another_card=True)
_ANOTHER: Final = Advice(this_card=False, another_card=True)
_SILENT: Final = Advice(this_card=False, another_card=True, tell_payer=False)

ADVICE: Final[Mapping[str, Advice]] = {
    _R.CARD_DECLINED: _ANOTHER,
    _R.INSUFFICIENT_FUNDS: _AGAIN,
    _R.LIMIT_EXCEEDED: _ANOTHER,
    _R.EXPIRED_CARD: _ANOTHER,
    _R.INCORRECT_CVC: _AGAIN,
    _R.INCORRECT_NUMBER: _AGAIN,
    _R.INCORRECT_PIN: _AGAIN,
    _R.INCORRECT_ADDRESS: _AGAIN,
    _R.INVALID_EXPIRY: _AGAIN,
    _R.LOST_OR_STOLEN: _SILENT,
    _R.FRAUD_SUSPECTED: _SILENT,
    _R.AUTHENTICATION_REQUIRED: _AGAIN,
    _R.AUTHENTICATION_FAILED: _AGAIN,
    _R.CARD_NOT_SUPPORTED: _ANOTHER,
    # Another card does not make an amount right.
    _R.INVALID_AMOUNT: Advice(this_card=False, another_card=False),
    _R.ISSUER_UNAVAILABLE: _AGAIN,
    _R.PROCESSING_ERROR: _AGAIN,
    # The first one may have been paid: look before anything is tried again.
    _R.DUPLICATE_TRANSACTION: Advice(this_card=False, another_card=False),
    _R.RECURRING_STOPPED: _ANOTHER,
    _R.TOKEN_INVALID: _AGAIN,
    _R.CANCELED_BY_PAYER: _AGAIN,
}


def advice(reason: str | None) -> Advice:
    """What the payer may try after a decline for ``reason``.

    Always a new attempt with a new reference and key: gateways repeat the answer to a former one.
    """
    return ADVICE.get(reason or "", _ANOTHER)
