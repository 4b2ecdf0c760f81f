"""Where Adyen's things are found, each by its id; the oldest are forgotten first."""

from __future__ import annotations

from ..edge import remember
from .state import HostedPage, Payment, StoredCard


class Books:
    """Everything that Adyen remembers about one merchant account."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._payments: dict[str, Payment] = {}
        self._pages: dict[str, HostedPage] = {}
        self._stored: dict[str, StoredCard] = {}

    def payments(self) -> tuple[Payment, ...]:
        """Every payment, the oldest first."""
        return tuple(self._payments.values())

    def add(self, payment: Payment) -> None:
        """Remember a payment under its ``pspReference``."""
        remember(self._payments, payment.id, payment, keep=self._keep)

    def payment(self, psp: str) -> Payment | None:
        """A payment by its ``pspReference``."""
        return self._payments.get(psp)

    def rename(self, payment: Payment, psp: str) -> None:
        """Give a payment another ``pspReference``."""
        self._payments.pop(payment.id, None)
        payment.id = psp
        self.add(payment)

    def by_reference(self, reference: str) -> Payment | None:
        """The newest payment with held money under a reference of the merchant's."""
        found = (one for one in reversed(self.payments()) if one.reference == reference)
        return next((one for one in found if one.held is not None), None)

    def asked(self, result: str) -> Payment | None:
        """The payment whose shopper came back with ``result``."""
        found = (one for one in self.payments() if one.question)
        return next((one for one in found if one.question and one.question.result == result), None)

    def open(self, page: HostedPage) -> None:
        """Remember a hosted page."""
        remember(self._pages, page.id, page, keep=self._keep)

    def pages(self) -> tuple[HostedPage, ...]:
        """Every hosted page, the oldest first."""
        return tuple(self._pages.values())

    def page(self, page_id: str) -> HostedPage | None:
        """A hosted page by its id."""
        return self._pages.get(page_id)

    def store(self, card: StoredCard) -> None:
        """Remember a shopper's card."""
        remember(self._stored, card.id, card, keep=self._keep)

    def stored(self, card_id: str, shopper: str) -> StoredCard | None:
        """A card of this shopper."""
        card = self._stored.get(card_id)
        return card if card and card.shopper == shopper else None

    def cards_of(self, shopper: str) -> list[StoredCard]:
        """The cards of a shopper, the newest first."""
        return [one for one in reversed(self._stored.values()) if one.shopper == shopper]

    def forget(self, card: StoredCard) -> None:
        """Delete a card."""
        self._stored.pop(card.id, None)
