"""What both faces of the service have in common: accounts, database, targets of the relay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from ..provider import Clock, IdFactory, Provider
from ..publishing import Publisher
from .changes import ChangeBus
from .database import Database
from .feed import StatusFeed
from .listening import Listener
from .operations import Operations
from .recording import Recorded
from .relay import Handler, Relaying, RelaySettings, relay_once
from .reserving import Reserved

T = TypeVar("T")
_WITH_EVENTS: Final = (Recorded, Reserved)  # a union would be made anew each time


class Shared:
    """The parts that do not wait for anything."""

    def __init__(
        self,
        providers: Iterable[Provider],
        database: str | Database,
        clock: Clock,
        new_id: IdFactory,
        *,
        single_process: bool,
        relay: RelaySettings | None,
        changes: ChangeBus | None,
    ) -> None:
        self._operations = Operations(providers, clock, new_id)
        self._clock = clock
        if isinstance(database, str):
            database = Database(database, single_process=single_process, clock=clock)
        self._database = database
        alone = single_process and self._database.url.get_backend_name() == "sqlite"
        #: How payments stand, for browsers: see :class:`~paykit.service.feed.StatusFeed`.
        self.statuses = StatusFeed(self._database, clock=clock, bus=changes, alone=alone)
        self._database.on_change = self.statuses.changed
        self._settings = relay or RelaySettings()
        self._handlers: list[Handler] = []
        self._publishers: list[Publisher] = []
        self._listener: Listener | None = None

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The provider accounts by key (``momo``, ``momo-eu``)."""
        return self._operations.providers

    def _relay_once(self) -> Relaying:
        return relay_once(
            tuple(self._handlers), tuple(self._publishers), self._clock, self._settings
        )

    def _listen(self, wake: Callable[[], None]) -> None:
        """Wake the relay for what other processes put out, where the database tells."""
        if self._listener is None and self._database.url.get_backend_name() == "postgresql":
            self._listener = Listener(self._database.url, lambda _: wake())

    def _close_database(self) -> None:
        self.statuses.close()
        if self._listener is not None:
            self._listener.close()
        self._database.close()


def has_news(result: Any) -> bool:
    """Whether a commit has put out something that the relay shall look at now."""
    return isinstance(result, _WITH_EVENTS) and result.events > 0
