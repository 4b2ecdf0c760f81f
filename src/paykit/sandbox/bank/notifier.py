"""What those have in common who watch an account and tell a shop of each transfer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from ..deliveries import RetryRule, Verdict

if TYPE_CHECKING:
    from starlette.routing import Route

    from ...http import HttpRequest, HttpResponse
    from ..config import SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages
    from ..summary import PaymentSummary
    from .config import BankAccount
    from .ledger import Bank, Transfer


class NotifierConfig(Protocol):
    """Which account is watched, and how often the shop is told again."""

    @property
    def account(self) -> BankAccount:
        """The watched account."""

    @property
    def retry_after(self) -> tuple[timedelta, ...]:
        """The pauses between the attempts."""

    @property
    def timeout(self) -> timedelta:
        """How long the shop may take to answer."""


C = TypeVar("C", bound=NotifierConfig)


class BankNotifier(ABC, Generic[C]):
    """Watches one account of the pretended bank; each transfer is a webhook."""

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(
        self,
        config: SandboxConfig,
        *,
        deliveries: Deliveries,
        faults: Faults,
        pages: Pages,
        bank: Bank,
    ) -> None:
        del faults, pages
        self.config: C = getattr(config, self.name)
        self.bank = bank
        self._clock = config.clock
        self._deliveries = deliveries
        bank.watch(self.config.account.number, self._notify)

    @abstractmethod
    def webhook(self, transfer: Transfer, now: datetime) -> HttpRequest:
        """The call about one transfer."""

    @abstractmethod
    def judge(self, response: HttpResponse) -> Verdict:
        """Whether the shop's answer ends it."""

    def routes(self) -> list[Route]:
        """None, unless somebody can call the notifier."""
        return []

    def summaries(self) -> list[PaymentSummary]:
        """None: the bank lists the transfers."""
        return []

    def _notify(self, transfer: Transfer) -> None:
        self._deliveries.enqueue(
            self.webhook(transfer, self._clock()),
            provider=self.name,
            reference=transfer.memo or "no memo",
            rule=RetryRule(
                delays=self.config.retry_after, timeout=self.config.timeout, judge=self.judge
            ),
        )
