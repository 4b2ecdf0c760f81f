"""Cards that merchants may use, and customers who have them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from ..cards.numbers import Card, MistypedError, make_card, read_card
from .cards import TABLE, named
from .errors import CARD_ERROR, Refusal, card_error, no_such
from .state import Customer, Method

if TYPE_CHECKING:
    from .books import Books
    from .ids import Ids
    from .notices import Notices

_TYPED_CODES: Final = {
    "number": "incorrect_number",
    "expiry": "invalid_expiry_year",
    "cvc": "invalid_cvc",
}
_GOOD_FOR: Final = 8  # years


@attrs.frozen(kw_only=True)
class Methods:
    """Operations on payment methods and customers."""

    books: Books
    ids: Ids
    notices: Notices

    def from_card(self, card: Card, now: datetime) -> Method:
        """A method for what the payer typed into the card field or on Stripe's page."""
        method = Method(id=self.ids.make("pm"), created_at=now, card=card)
        self.books.add(method)
        return method

    def find(self, method_id: str, now: datetime) -> Method:
        """A method that a request names; a name of test mode makes a new one."""
        known = named(method_id) if method_id.startswith("pm_card_") else None
        if known:
            card = make_card(TABLE, known, exp_month=now.month, exp_year=now.year + _GOOD_FOR)
            return self.from_card(card, now)
        return self.books.get(Method, method_id, param="payment_method", what="PaymentMethod")

    def create(self, asked: dict[str, Any], now: datetime) -> Method:
        """Make a method of a card's data, or of a token of test mode."""
        data = asked.get("card") or {}
        known = named(data.get("token", ""))
        if data.get("token") and known is None:
            raise no_such("token", data["token"], param="card[token]")
        if known:
            card = make_card(TABLE, known, exp_month=now.month, exp_year=now.year + _GOOD_FOR)
        else:
            card = _typed(data, now)
        method = self.from_card(card, now)
        method.fields = {
            name: asked[name]
            for name in ("billing_details", "metadata", "allow_redisplay")
            if name in asked
        }
        return method

    def read(self, method_id: str) -> Method:
        """A method by its id."""
        return self.books.get(Method, method_id, what="PaymentMethod")

    def attach(self, method_id: str, asked: dict[str, Any], now: datetime) -> Method:
        """Give a card to a customer. The issuer is asked whether it is good."""
        customer = self.customer(asked["customer"])
        method = (
            self.find(method_id, now) if method_id.startswith("pm_card_") else self.read(method_id)
        )
        if method.customer:
            raise Refusal(
                "The payment method you provided has already been attached to a customer.",
                param="payment_method",
            )
        if method.used:
            raise used(method)
        if method.card.does.declines and not method.card.does.stores_well:
            raise card_error(method.card.does.declines)
        self.store(method, customer.id, now)
        return method

    def store(self, method: Method, customer_id: str, now: datetime) -> None:
        """A customer has a card from now on."""
        if method.customer != customer_id:
            method.customer = customer_id
            self.notices.method(method, "attached", now)

    def detach(self, method_id: str, now: datetime) -> Method:
        """Take a card from its customer; it cannot be used again."""
        method = self.read(method_id)
        if not method.customer:
            raise Refusal(
                "The payment method you provided is not attached to a customer so detachment is "
                "impossible.",
                param="payment_method",
            )
        method.customer = ""
        method.used = True
        self.notices.method(method, "detached", now)
        return method

    def create_customer(self, asked: dict[str, Any], now: datetime) -> Customer:
        """Make a customer."""
        fields = {name: value for name, value in asked.items() if value is not None}
        customer = Customer(id=self.ids.make("cus", 14), created_at=now, fields=fields)
        self.books.add(customer)
        return customer

    def read_customer(self, customer_id: str) -> Customer:
        """A customer by its id."""
        found = self.books.find(Customer, customer_id)
        if found is None:
            raise no_such("customer", customer_id, param="id", in_path=True)
        return found

    def customer(self, customer_id: str) -> Customer:
        """A customer that a request names."""
        return self.books.get(Customer, customer_id, param="customer", what="customer")

    def usable(self, method: Method, customer_id: str) -> None:
        """Refuse a card that this payment may not use."""
        if method.customer and method.customer != customer_id:
            if customer_id:
                raise Refusal(
                    f"The customer does not have a payment method with the ID {method.id}. The "
                    "payment method must be attached to the customer.",
                    code="resource_missing",
                    param="payment_method",
                )
            raise Refusal(
                f"The payment method {method.id} belongs to the Customer {method.customer}. "
                "Please include the Customer in the `customer` parameter on the PaymentIntent.",
                param="payment_method",
            )
        if method.used and not method.customer:
            raise used(method)


def lacks_return_url(fields: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether the payer might be sent away, and nobody said where to come back to."""
    automatic = fields.get("automatic_payment_methods") or {"enabled": True}
    kinds = fields.get("allowed_payment_method_types") or fields.get("payment_method_types")
    may_redirect = automatic["enabled"] and automatic.get("allow_redirects") != "never"
    told = "return_url" in asked or asked.get("use_stripe_sdk")
    return bool(may_redirect and not kinds and not told)


def used(method: Method) -> Refusal:
    """A card without a customer is good for once."""
    return Refusal(
        f"The provided PaymentMethod ({method.id}) was previously used with a PaymentIntent "
        "without Customer attachment, shared with a connected account without Customer "
        "attachment, or was detached from a Customer. It may not be used again. To use a "
        "PaymentMethod multiple times, you must attach it to a Customer first.",
        param="payment_method",
    )


def _typed(data: dict[str, Any], now: datetime) -> Card:
    for name in ("number", "exp_month", "exp_year"):
        if name not in data:
            raise Refusal(
                f"Missing required param: card[{name}].",
                code="parameter_missing",
                param=f"card[{name}]",
                early=True,
            )
    typed = {
        "number": data["number"],
        "expiry": f"{data['exp_month']}/{data['exp_year'] % 100:02}",
        "cvc": data.get("cvc") or ("1234" if data["number"].startswith("3") else "123"),
    }
    try:
        return read_card(TABLE, typed, now)
    except MistypedError as error:
        field = {"expiry": "exp_year"}.get(error.field, error.field)
        raise Refusal(
            str(error),
            status=CARD_ERROR,
            kind="card_error",
            code=_TYPED_CODES[error.field],
            param=field,
        ) from None
