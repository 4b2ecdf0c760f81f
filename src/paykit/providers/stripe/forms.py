"""The forms of Stripe's values: ids, texts, metadata, idempotency keys, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from ...errors import InvalidRequest
from ...models import PaymentRequest
from ...provider_tools import fit_key

ID = re.compile(r"[A-Za-z0-9_]{1,255}", re.ASCII)
#: Visible ASCII: it also goes into headers and queries.
REFERENCE: Final = r"[!-~]{1,200}"
_REFERENCE = re.compile(REFERENCE, re.ASCII)
#: What stands for the session's id in the address that the payer comes back to.
SESSION_ID: Final = "{CHECKOUT_SESSION_ID}"

_PLAIN_URL = re.compile(r"https?://[!-~]+", re.ASCII)
_MAX_KEY: Final = 255
_MAX_PAIRS: Final = 50
_MAX_NAME: Final = 40
_MAX_VALUE: Final = 500

#: What paykit keeps with a payment. The shop's own metadata must not say otherwise.
OURS: Final = ("reference", "order_id")
#: What paykit keeps with a refund: whose it is, and its own reference.
PAYMENT_REFERENCE: Final = "payment_reference"


def to_key(purpose: str, key: str) -> str:
    """An ``Idempotency-Key`` for one call of an operation.

    Stripe knows one list of keys for all endpoints, so the purpose goes into it. The same parts
    always give the same key.
    """
    if not key.strip():
        raise InvalidRequest("must not be empty", field="idempotency_key")
    return fit_key(f"{purpose}:{key}", limit=_MAX_KEY)


def our_reference(metadata: Mapping[str, str], name: str = "reference") -> str | None:
    """The reference that paykit kept in ``metadata``; ``None`` if that is not of our making."""
    found = metadata.get(name, "")
    return found if _REFERENCE.fullmatch(found) else None


def check_id(value: str | None, field: str, *prefixes: str) -> str:
    """Refuse what cannot be an id with one of ``prefixes``, before it gets into a URL."""
    if not value or not ID.fullmatch(value) or not value.startswith(prefixes):
        raise InvalidRequest(
            f"an id of Stripe's that begins with {' or '.join(prefixes)}", field=field
        )
    return value


def check_page(url: str | None, field: str = "return_url") -> str:
    """Refuse what is not an absolute URL in plain ASCII."""
    if not url or not _PLAIN_URL.fullmatch(url) or not urlsplit(url).netloc:
        raise InvalidRequest("an absolute URL in plain ASCII", field=field)
    return url


def with_query(url: str, query: str) -> str:
    """``url`` with one more parameter; a fragment stays behind it."""
    rest, mark, fragment = url.partition("#")
    return f"{rest}{'&' if '?' in rest else '?'}{query}{mark}{fragment}"


def metadata_of(request: PaymentRequest) -> dict[str, str]:
    """What is kept with the payment: the shop's metadata, and our own ids.

    Raises :class:`InvalidRequest` where the two contradict each other, or Stripe has no place.
    """
    ours = {"reference": request.reference}
    if request.order_id is not None:
        ours["order_id"] = request.order_id
    for name in OURS:
        if name in request.metadata and request.metadata[name] != ours.get(name):
            raise InvalidRequest(f"{name} is set by paykit", field="metadata")
    return check_metadata({**request.metadata, **ours})


def check_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """``metadata``, if Stripe has place for it."""
    if len(metadata) > _MAX_PAIRS:
        raise InvalidRequest(f"at most {_MAX_PAIRS} pairs", field="metadata")
    for name, value in metadata.items():
        if not 0 < len(name) <= _MAX_NAME or "[" in name or "]" in name:
            raise InvalidRequest(f"names of 1 to {_MAX_NAME} characters", field="metadata")
        if not 0 < len(value) <= _MAX_VALUE:
            # An empty value would remove the name.
            raise InvalidRequest(f"values of 1 to {_MAX_VALUE} characters", field="metadata")
    return dict(metadata)


def add_extra(body: dict[str, Any], extra: Mapping[str, Any], reserved: frozenset[str]) -> None:
    """Lay ``extra`` over ``body``: it can add, also inside, and never override what is there."""
    for name in extra:
        if name in reserved:
            raise InvalidRequest(f"{name!r:.60} cannot be set here", field="extra")
    _lay_over(body, extra, "extra")


def _lay_over(body: dict[str, Any], extra: Mapping[str, Any], field: str) -> None:
    for name, value in extra.items():
        here = body.get(name)
        if isinstance(here, dict) and isinstance(value, Mapping):
            _lay_over(here, value, f"{field}.{name}"[:60])
        elif name in body:
            raise InvalidRequest(f"{name!r:.60} is set by paykit", field=field)
        else:
            body[name] = value
