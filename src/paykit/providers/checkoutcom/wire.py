"""Checkout.com's answers, as far as they are read; everything else in them is ignored.

The shapes are those of https://api-reference.checkout.com (payments, hosted payments, instruments).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from ...money import Money
from ...wire import Moment, Whole, Wire
from .amounts import from_wire
from .forms import CONTROLS

#: What we keep in the metadata of a payment and of what is done with it.
REFERENCE: Final = "reference"
ORDER_ID: Final = "order_id"
CUSTOMER_ID: Final = "customer_id"
SAVES: Final = "save_token"
REFUND_REFERENCE: Final = "refund_reference"
KEY: Final = "key"
OURS: Final = frozenset({REFERENCE, ORDER_ID, CUSTOMER_ID, SAVES, REFUND_REFERENCE, KEY})


def _check_plain(value: str) -> str:
    if CONTROLS.search(value):
        raise ValueError("holds control characters")
    return value


PayId: TypeAlias = Annotated[str, Field(pattern=r"^pay_[A-Za-z0-9]{1,60}\z")]
ActId: TypeAlias = Annotated[str, Field(pattern=r"^act_[A-Za-z0-9]{1,60}\z")]
PageId: TypeAlias = Annotated[str, Field(pattern=r"^hpp_[A-Za-z0-9_-]{1,60}\z")]
SrcId: TypeAlias = Annotated[str, Field(pattern=r"^src_[A-Za-z0-9]{1,60}\z")]
#: Any id in a webhook.
Id: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}\z")]
Code: TypeAlias = Annotated[str, Field(pattern=r"^[0-9]{5}\z")]
Word: TypeAlias = Annotated[str, Field(max_length=255)]
#: A reference, ours or another's.
Plain: TypeAlias = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_check_plain)]
Currency: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z]{3}\z")]


class Link(Wire):
    """Where one can go from here."""

    href: str


class Links(Wire):
    """The links of an answer."""

    redirect: Link | None = None
    payment: Link | None = None


class Source(Wire):
    """What was paid with."""

    id: SrcId | None = None
    scheme: Word | None = None
    last4: Word | None = None

    @property
    def label(self) -> str | None:
        """What to show the payer."""
        if not self.last4:
            return None
        return f"{self.scheme or 'card'} •••• {self.last4}"


class Customer(Wire):
    """Who paid, at Checkout.com."""

    id: Word | None = None


class Balances(Wire):
    """The totals of a payment."""

    total_captured: Whole | None = None
    total_refunded: Whole | None = None
    available_to_capture: Whole | None = None


class Told(Wire):
    """What answers and notices about a payment have in common."""

    reference: Plain | None = None
    amount: Whole
    currency: Currency
    metadata: Any = None

    @model_validator(mode="after")
    def _money_can_be_told(self) -> Told:
        from_wire(self.amount, self.currency)
        return self

    @property
    def money(self) -> Money:
        """The amount."""
        return self.count(self.amount)

    def count(self, amount: int) -> Money:
        """Another amount in the same currency."""
        return from_wire(amount, self.currency)

    def kept(self, name: str) -> str | None:
        """What we put into the metadata."""
        return kept(self.metadata, name)

    @property
    def our_reference(self) -> str | None:
        """The reference of the payment. What is done with it may have one of its own."""
        return self.kept(REFERENCE) or self.reference

    def is_about(self, reference: str) -> bool:
        """Whether an answer is about our payment: it says so, and nowhere otherwise."""
        return {self.reference, self.kept(REFERENCE)} - {None} == {reference}


class Priced(Told):
    """A payment in an answer."""

    id: PayId
    approved: bool
    status: Word
    expires_on: Moment | None = None
    balances: Balances = Balances()
    source: Source = Source()
    customer: Customer = Customer()
    links: Links = Field(default=Links(), alias="_links")

    @model_validator(mode="after")
    def _totals_can_be_told(self) -> Priced:
        for total in (self.balances.total_captured, self.balances.total_refunded):
            from_wire(total or 0, self.currency)
        return self


class Created(Priced):
    """The answer 201 to a payment: processed."""

    response_code: Code
    response_summary: Word | None = None
    processed_on: Moment | None = None


class Summary(Wire):
    """One thing that was done with a payment, in its details."""

    response_code: Word | None = None
    type: Word | None = None


class Details(Priced):
    """The answer to the question for a payment."""

    requested_on: Moment | None = None
    actions: list[Summary] = Field(default_factory=list)


class Accepted(Wire):
    """The answer 202 to a payment: the payer has something to do, or it takes a while."""

    id: PayId
    status: Word
    reference: Plain | None = None
    links: Links = Field(default=Links(), alias="_links")


class Listed(Wire):
    """One payment in the answer to a search."""

    id: PayId
    status: Word
    reference: Word


class Found(Wire):
    """The answer to a search."""

    data: list[Listed]


class ActionAccepted(Wire):
    """The answer 202 to a capture, a void or a refund: accepted, not done."""

    action_id: ActId
    reference: Plain | None = None
    links: Links = Field(default=Links(), alias="_links")


class Action(Wire):
    """One thing that was done with a payment."""

    id: ActId
    type: Word
    amount: Whole
    approved: bool | None = None
    response_code: Word | None = None
    response_summary: Word | None = None
    reference: Plain | None = None
    metadata: Any = None


class Page(Wire):
    """The answer to a new hosted page."""

    id: PageId
    reference: Plain | None = None
    links: Links = Field(default=Links(), alias="_links")


class PageDetails(Told):
    """The answer to the question for a hosted page."""

    id: PageId
    status: Word
    payment_id: PayId | None = None
    links: Links = Field(default=Links(), alias="_links")


class Instrument(Source):
    """A stored card."""

    id: SrcId
    type: Word
    customer: Customer = Customer()


def kept(metadata: Any, name: str) -> str | None:
    """A text in metadata that came back, if it is one that we could have sent."""
    value = metadata.get(name) if isinstance(metadata, Mapping) else None
    if not isinstance(value, str) or not value or len(value) > 255 or CONTROLS.search(value):  # noqa: PLR2004
        return None
    return value
