"""What the payer pays with: what Adyen's component in the browser gave, or a stored card.

Source: https://docs.adyen.com/online-payments/build-your-integration/advanced-flow/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ...cards import holds_card_number
from ...errors import InvalidRequest
from ...http import parse_json_object
from ...models import PaymentToken
from ...wire import Environment
from .forms import STORED_ID, check_stored_id

_FIELD: Final = "token.value"
_TYPE = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII | re.IGNORECASE)
_TEST: Final = "test_"
_ENCRYPTED: Final = "encrypted"
_CARDS: Final = frozenset({"scheme", "card", "bcmc", "clicktopay"})
#: What a card may bring along. Nothing of the card itself is among it, unless it is encrypted.
CARD_FIELDS: Final = frozenset(
    """type brand brands holderName fundingSource checkoutAttemptId sdkData threeDS2SdkVersion
    billingSequenceNumber storedPaymentMethodId encryptedCard encryptedCardNumber
    encryptedExpiryMonth encryptedExpiryYear encryptedSecurityCode encryptedPassword
    srcCorrelationId srcDigitalCardId srcScheme srcTokenReference""".split()
)
#: A card in the clear, by all the names that it has anywhere.
RAW_FIELDS: Final = frozenset(
    """number cardnumber pan cvc cvv cvv2 cid securitycode expirymonth expiryyear expirydate
    expmonth expyear pin trackdata track1 track2""".split()
)


def is_stored(method: Mapping[str, Any]) -> bool:
    """Whether this is a card that Adyen keeps."""
    return "storedPaymentMethodId" in method


def payment_method(token: PaymentToken, environment: Environment) -> dict[str, Any]:
    """The ``paymentMethod`` of a payment; raises :class:`InvalidRequest`, and shows nothing of it.

    ``token.value`` is the id of a stored card, or the JSON text of the component's
    ``state.data.paymentMethod``.
    """
    value = token.value
    if not value.lstrip().startswith("{"):
        return {"type": "scheme", "storedPaymentMethodId": check_stored_id(value, _FIELD)}
    try:
        method = parse_json_object(value.encode())
    except ValueError as error:
        raise InvalidRequest(f"not the JSON of a payment method: {error}", field=_FIELD) from None
    kind = method.get("type")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise InvalidRequest("has no type of a payment method", field=_FIELD)
    if kind not in _CARDS and kind.lower() in _CARDS:  # or it would get past what cards may hold
        raise InvalidRequest("has no type of a payment method", field=_FIELD)
    if kind in _CARDS:
        strange = method.keys() - CARD_FIELDS
        if strange:
            raise InvalidRequest(_refusal(min(strange)), field=_FIELD)
    for name, text in _texts(method):
        _check(name, text, environment)
    stored = method.get("storedPaymentMethodId")
    if stored is not None and not (isinstance(stored, str) and STORED_ID.fullmatch(stored)):
        raise InvalidRequest("storedPaymentMethodId is not the id of a stored card", field=_FIELD)
    return method


def _check(name: str, text: object, environment: Environment) -> None:
    if name.lower() in RAW_FIELDS:
        raise InvalidRequest(_refusal(name), field=_FIELD)
    if name.startswith(_ENCRYPTED):
        if not isinstance(text, str) or not text or text.replace(" ", "").isdigit():
            raise InvalidRequest(f"{name:.40} is not encrypted", field=_FIELD)
        if text.startswith(_TEST):
            if environment is not Environment.SANDBOX:
                raise InvalidRequest("a test card is for the test environment", field=_FIELD)
            return
    if holds_card_number(text):
        raise InvalidRequest(f"{name:.40} holds a card number", field=_FIELD)


def _refusal(name: str) -> str:
    return (
        f"{name!r:.40} does not belong there: the browser's component encrypts what is in a card, "
        "and nothing else of it may get here"
    )


def _texts(method: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Each name in the method with its value; what is in a list has the list's name."""
    waiting: list[tuple[str, object]] = list(method.items())
    while waiting:
        name, item = waiting.pop()
        if isinstance(item, Mapping):
            waiting.extend(item.items())
        elif isinstance(item, list):
            waiting.extend((name, one) for one in item)
        else:
            yield name, item
