"""The forms of Adyen's values: references, ids, addresses, metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ...errors import InvalidRequest
from ...models import PaymentRequest

#: At most 80 characters, no control characters, and no blanks that could get lost around it.
REFERENCE: Final = r"(?! )[^\x00-\x1f\x7f-\x9f]{1,80}(?<! )"
PLAIN_URL = re.compile(r"https?://[!-~]{1,1000}", re.ASCII)
PSP_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
STORED_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
SHOPPER = re.compile(r"[^\x00-\x1f\x7f-\x9f]{3,256}")

_MOST_METADATA: Final = 20
_LONGEST_NAME: Final = 20
_LONGEST_VALUE: Final = 80


def check_psp(value: str | None, field: str) -> str:
    """Refuse what cannot be an id of Adyen's, before it gets into a URL."""
    if value is None or not PSP_REFERENCE.fullmatch(value):
        raise InvalidRequest("a pspReference of Adyen's", field=field)
    return value


def check_stored_id(value: str, field: str) -> str:
    """Refuse what cannot be the id of a stored card."""
    if not STORED_ID.fullmatch(value):
        raise InvalidRequest("the id of a stored card, or what the browser gave", field=field)
    return value


def check_shopper(value: str | None, field: str) -> str:
    """Refuse what cannot be a ``shopperReference``."""
    if value is None or not SHOPPER.fullmatch(value):
        raise InvalidRequest("your own id of the payer, 3 to 256 characters", field=field)
    return value


def check_page(url: str | None) -> str:
    """Refuse what is not an absolute URL in plain ASCII. Adyen wants one in every payment."""
    if not url or not PLAIN_URL.fullmatch(url):
        raise InvalidRequest("an absolute URL in plain ASCII", field="return_url")
    return url


def metadata_of(request: PaymentRequest) -> dict[str, str]:
    """What Adyen keeps with the payment: our own ids, and what the merchant adds."""
    ours = {"reference": request.reference}
    if request.order_id is not None:
        ours["order_id"] = request.order_id
    _check_metadata(ours, "order_id")
    for name, value in request.metadata.items():
        if ours.get(name, value) != value:
            raise InvalidRequest(f"{name} is set already, to something else", field="metadata")
    whole = {**ours, **request.metadata}
    _check_metadata(whole, "metadata")
    return whole


def _check_metadata(metadata: Mapping[str, str], field: str) -> None:
    fits = len(metadata) <= _MOST_METADATA and all(
        0 < len(name) <= _LONGEST_NAME and len(value) <= _LONGEST_VALUE
        for name, value in metadata.items()
    )
    if not fits:
        raise InvalidRequest(
            f"at most {_MOST_METADATA} values of {_LONGEST_VALUE} characters, "
            f"under names of {_LONGEST_NAME}",
            field=field,
        )
