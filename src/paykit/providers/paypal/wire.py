"""PayPal's answers, as far as they are read; everything else in them is ignored.

The shapes are those of https://github.com/paypal/paypal-rest-api-specifications (Orders v2,
Payments v2, Webhooks v1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    SecretStr,
    ValidationError,
    model_validator,
)

from ...errors import MalformedResponse
from ...money import Money
from ...wire import Environment, Wire
from .amounts import read_money
from .config import PayPalConfig
from .forms import CONTROLS, ID, PLAIN_URL, read_moment

_PAYPAL_HOST = re.compile(r"(?:[a-z0-9-]+\.)*paypal\.com", re.ASCII)
_SANDBOX_HOST = re.compile(r"(?:[a-z0-9-]+\.)*sandbox\.paypal\.com", re.ASCII)

_Money: TypeAlias = Annotated[Money, PlainValidator(read_money)]
_Moment: TypeAlias = Annotated[datetime, PlainValidator(read_moment)]
_Word: TypeAlias = Annotated[str, Field(max_length=255)]


def _check_id(value: str) -> str:
    if not ID.fullmatch(value):
        raise ValueError("not an id of PayPal's")
    return value


def _check_plain(value: str) -> str:
    if len(value) > 255 or CONTROLS.search(value):  # noqa: PLR2004 - longer than any that we send
        raise ValueError("is too long or holds control characters")
    return value


Id: TypeAlias = Annotated[str, AfterValidator(_check_id)]
_Plain: TypeAlias = Annotated[str, AfterValidator(_check_plain)]


class TokenAnswer(Wire):
    """The answer of the OAuth endpoint."""

    access_token: SecretStr = Field(min_length=1, max_length=10_000)
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(ge=0, lt=2**31)]


class Link(Wire):
    """Where one can go from here."""

    href: str
    rel: str


class Details(Wire):
    """Why something is in its state."""

    reason: _Word | None = None


class RelatedIds(Wire):
    """What an object belongs to."""

    order_id: Id | None = None
    authorization_id: Id | None = None


class Supplement(Wire):
    """Where the related ids stand."""

    related_ids: RelatedIds = RelatedIds()


class Payee(Wire):
    """Who gets the money."""

    merchant_id: str | None = None


class Resource(Wire):
    """What authorizations, captures and refunds have in common."""

    id: Id
    status: _Word
    status_details: Details = Details()
    amount: _Money
    custom_id: _Plain | None = None
    create_time: _Moment | None = None
    update_time: _Moment | None = None
    links: list[Link] = Field(default_factory=list)
    supplementary_data: Supplement = Supplement()
    payee: Payee = Payee()

    @property
    def moment(self) -> datetime | None:
        """When it last changed, as far as PayPal says."""
        return self.update_time or self.create_time

    def linked(self, kind: str) -> str | None:
        """The id of the object of this ``kind`` (``captures``) that it belongs to.

        Only the id is taken from the link; where to ask is for us to say.
        """
        for link in self.links:
            if link.rel == "up":
                found = re.search(rf"/{kind}/([A-Z0-9]{{1,36}})\Z", link.href, re.ASCII)
                if found:
                    return found[1]
        return None

    @property
    def order_id(self) -> str | None:
        """The order that it belongs to."""
        return self.supplementary_data.related_ids.order_id or self.linked("orders")


class Authorization(Resource):
    """Held funds."""

    expiration_time: _Moment | None = None


class Capture(Resource):
    """Taken funds."""

    final_capture: bool = False

    @property
    def authorization_id(self) -> str | None:
        """The hold that it was taken from, if it was."""
        related = self.supplementary_data.related_ids.authorization_id
        return related or self.linked("authorizations")


class Breakdown(Wire):
    """The parts of a refund."""

    total_refunded_amount: _Money | None = None


class RefundAnswer(Resource):
    """Funds that were given back."""

    seller_payable_breakdown: Breakdown = Breakdown()


class Payments(Wire):
    """What was done with the money of an order."""

    authorizations: list[Authorization] = Field(default_factory=list)
    captures: list[Capture] = Field(default_factory=list)
    refunds: list[RefundAnswer] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_currency(self) -> Payments:
        parts = (*self.authorizations, *self.captures, *self.refunds)
        if len({part.amount.currency for part in parts}) > 1:
            raise ValueError("amounts in several currencies")
        return self


def gather(
    *,
    authorizations: Sequence[Authorization] = (),
    captures: Sequence[Capture] = (),
    refunds: Sequence[RefundAnswer] = (),
) -> Payments:
    """What several answers say together; raises :class:`MalformedResponse` where they cannot."""
    try:
        return Payments(
            authorizations=list(authorizations), captures=list(captures), refunds=list(refunds)
        )
    except ValidationError:
        raise MalformedResponse("amounts in several currencies", provider="paypal") from None


class Unit(Wire):
    """One purchase of an order."""

    custom_id: _Plain | None = None
    amount: _Money | None = None
    payee: Payee = Payee()
    payments: Payments = Payments()

    @model_validator(mode="after")
    def _same_currency(self) -> Unit:
        holds, captures = self.payments.authorizations, self.payments.captures
        for part in (*holds, *captures):
            if self.amount is not None and part.amount.currency != self.amount.currency:
                raise ValueError("amounts in several currencies")
        return self


class Order(Wire):
    """An order."""

    id: Id
    status: _Word
    intent: _Word | None = None
    purchase_units: Annotated[list[Unit], Field(min_length=1, max_length=10)]
    create_time: _Moment | None = None
    update_time: _Moment | None = None
    links: list[Link] = Field(default_factory=list)

    @property
    def is_like_ours(self) -> bool:
        """Whether it has the form of paykit's orders: exactly one purchase."""
        return len(self.purchase_units) == 1

    @property
    def unit(self) -> Unit:
        """What is bought; raises :class:`MalformedResponse` if it is several things."""
        if not self.is_like_ours:
            raise MalformedResponse("an order with several purchases", provider="paypal")
        return self.purchase_units[0]


class Proven(Wire):
    """The answer of the postback check."""

    verification_status: _Word


def read_links(answer: Mapping[str, Any]) -> list[Link]:
    """The links of an error, without those that cannot be read: an error is no less true for it."""
    found = answer.get("links")
    links = []
    for item in found if isinstance(found, list) else ():
        with suppress(ValidationError):
            links.append(Link.model_validate(item))
    return links


def payer_link(links: list[Link], config: PayPalConfig, *rels: str) -> str | None:
    """Where to send the payer: the first of ``rels`` that is there and leads to PayPal."""
    for rel in rels:
        for link in links:
            if link.rel == rel and _leads_to_paypal(link.href, config):
                return link.href
    return None


def _leads_to_paypal(url: str, config: PayPalConfig) -> bool:
    if not PLAIN_URL.fullmatch(url) or "\\" in url:
        return False
    if config.base_url is not None:
        here = urlsplit(config.base_url)
        if url.startswith(f"{here.scheme}://{here.netloc}/"):
            return True
    production = config.environment is Environment.PRODUCTION
    host = _PAYPAL_HOST if production else _SANDBOX_HOST
    scheme, _, rest = url.partition("://")
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return scheme == "https" and bool(host.fullmatch(place))
