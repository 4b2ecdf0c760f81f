"""What the list of payments shows, the same for every provider."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

import attrs
from starlette.routing import Route

from ..money import Money

if TYPE_CHECKING:
    from .config import SandboxConfig
    from .deliveries import Deliveries
    from .faults import Faults
    from .pages import Pages

Mood: TypeAlias = Literal["open", "good", "bad"]


@attrs.frozen(kw_only=True)
class PaymentSummary:
    """One payment in a line. ``status`` is in the provider's own words, ``mood`` colours it."""

    provider: str
    reference: str
    amount: Money
    refunded: Money
    status: str
    mood: Mood
    created_at: datetime
    page: str | None  #: where to pay it, while that is possible
    desk: str | None = None  #: where to see its parts, and to make things happen at the provider

    def to_json(self) -> dict[str, Any]:
        """The summary as the admin interface shows it."""
        return {
            "provider": self.provider,
            "reference": self.reference,
            "amount": self.amount.minor,
            "refunded": self.refunded.minor,
            "currency": self.amount.currency,
            "status": self.status,
            "created_at": self.created_at.isoformat(),
            "page": self.page,
        }


class Simulator(Protocol):
    """What the sandbox needs of a provider's simulator; it is mounted under its ``name``."""

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(
        self, config: SandboxConfig, *, deliveries: Deliveries, faults: Faults, pages: Pages
    ) -> None: ...

    def routes(self) -> list[Route]:
        """Its routes, relative to the mount."""
        ...

    def summaries(self) -> list[PaymentSummary]:
        """Its payments, the oldest first."""
        ...
