"""The event that asks for the money of an order: what a shop publishes once an order is placed.

A payment worker gives it to ``PaymentService.handle_order_placed``. It brings the token that the
payer's browser got from the gateway, or names the hold that the shop has already made with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Self

import attrs

from .errors import InvalidRequest
from .models import PaymentToken
from .money import Money

#: A breaking change gets a new type; within ``v1`` fields are only added.
ORDER_PLACED_TYPE: Final = "io.paykit.order.placed.v1"


def _text(_event: object, attribute: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest("must not be empty", field=attribute.name)


@attrs.frozen(slots=True, kw_only=True)
class OrderPlaced:
    """An order whose money is to be taken.

    ``provider`` is the key of the account (``stripe``, ``stripe-eu``). ``payment_id`` names a hold
    of the service's; else ``token`` is charged, under the ``reference``, which is the order's id
    unless it is given. ``off_session``: the payer is not there to answer questions. Raises
    :class:`~paykit.errors.InvalidRequest` unless it has one of the two.
    """

    event_id: str = attrs.field(validator=_text)
    order_id: str = attrs.field(validator=_text)
    provider: str = attrs.field(validator=_text)
    amount: Money = attrs.field(validator=attrs.validators.instance_of(Money))
    occurred_at: datetime = attrs.field(validator=attrs.validators.instance_of(datetime))
    payment_id: str | None = None
    token: PaymentToken | None = None
    reference: str | None = None
    description: str = ""
    return_url: str | None = None
    off_session: bool = False

    def __attrs_post_init__(self) -> None:
        if (self.payment_id is None) == (self.token is None):
            raise InvalidRequest("needs a token or a payment_id, and not both", field="token")

    @property
    def payment_reference(self) -> str:
        """The reference of the payment that the token is charged for."""
        return self.reference or self.order_id

    def to_json(self) -> dict[str, Any]:
        """The event as JSON values. It holds the token, which is secret."""
        data = attrs.asdict(self)
        data["occurred_at"] = self.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The event from :meth:`to_json`; fields that this version does not know are ignored.

        Raises :class:`~paykit.errors.InvalidRequest`.
        """
        try:
            known = {
                field.name: data[field.name] for field in attrs.fields(cls) if field.name in data
            }
            known["amount"] = Money(known["amount"]["minor"], known["amount"]["currency"])
            known["occurred_at"] = datetime.fromisoformat(known["occurred_at"])
            if known.get("token") is not None:
                known["token"] = PaymentToken(**known["token"])
            return cls(**known)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # Without the error's own text, which may show the token.
            raise InvalidRequest(f"not an OrderPlaced event: {type(error).__name__}") from None
