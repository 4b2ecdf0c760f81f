"""What both faces of the service have in common: accounts, database, targets of the relay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

from ..http import HttpRequest
from ..orders import OrderPlaced
from ..provider import Clock, IdFactory, Provider
from ..publishing import Publisher
from ..telemetry import COMMAND, TALK, Span, Telemetry
from . import watching
from .changes import ChangeBus
from .commands import Wanted
from .database import Database
from .feed import StatusFeed
from .health import Health, Pulse, Vitals
from .listening import Listener
from .operations import Operations
from .outbox import Waiting
from .recording import Recorded
from .relay import Handler, Relaying, RelaySettings, next_batch, relay_batch
from .reserving import Reserved
from .store import Store
from .writer import Body

T = TypeVar("T")
_WITH_EVENTS: Final = (Recorded, Reserved)  # a union would be made anew each time


class Shared:
    """The parts that do not wait for anything."""

    def __init__(
        self,
        providers: Iterable[Provider],
        database: str | Store,
        clock: Clock,
        new_id: IdFactory,
        *,
        single_process: bool,
        relay: RelaySettings | None,
        changes: ChangeBus | None,
        telemetry: Telemetry | None,
    ) -> None:
        self._telemetry = telemetry or Telemetry()
        self._operations = Operations(providers, clock, new_id, self._telemetry)
        self._clock = clock
        if isinstance(database, str):
            database = Database(database, single_process=single_process, clock=clock)
        self._database = database
        self._pulse = Pulse(database)
        #: How payments stand, for browsers: see :class:`~paykit.service.feed.StatusFeed`.
        self.statuses = StatusFeed(database, clock=clock, bus=changes)
        database.on_change = self.statuses.changed
        database.on_unsettled = self.statuses.unsettled
        self._settings = relay or RelaySettings()
        self._handlers: list[Handler] = []
        self._publishers: list[Publisher] = []
        self._listener: Listener | None = None

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The provider accounts by key (``momo``, ``momo-eu``)."""
        return self._operations.providers

    def _next_batch(self) -> Body[Sequence[Waiting]]:
        return next_batch(
            self._handlers, self._publishers, clock=self._clock, settings=self._settings
        )

    def _relay_batch(self, waiting: Sequence[Waiting]) -> Relaying:
        return relay_batch(
            waiting,
            tuple(self._handlers),
            tuple(self._publishers),
            clock=self._clock,
            settings=self._settings,
            telemetry=self._telemetry,
        )

    def _listen(self, wake: Callable[[], None]) -> None:
        """Wake the relay for what other processes put out, where the database tells."""
        if self._listener is None and self._database.tells_at is not None:
            self._listener = Listener(self._database.tells_at, lambda _: wake())

    def _close_database(self) -> None:
        self.statuses.close()
        if self._listener is not None:
            self._listener.close()
        self._pulse.close()
        self._database.close()
        self._operations.tell_left_out(at_once=True)

    # Watching.

    def _span(self, name: str, account: str) -> Span | None:
        """A span about one account, by its key; ``None``: there is nobody to tell."""
        if not self._telemetry.is_on:
            return None
        provider = self.providers.get(account)
        return self._telemetry.span(name, partial(watching.of_account, provider))

    def _span_of_command(self, wanted: Wanted | OrderPlaced) -> Span:
        return self._telemetry.span(COMMAND, partial(watching.of_command, wanted))

    def _span_of_request(self, provider: Provider, request: HttpRequest) -> Span:
        return self._telemetry.span(TALK, partial(watching.of_request, provider, request))

    def _has_news(self, result: Any) -> bool:
        """Whether a commit has put out something that the relay shall look at now."""
        if not isinstance(result, _WITH_EVENTS) or not result.events:
            return False
        if self._telemetry.is_on and isinstance(result, Recorded):
            watching.measure_facts(self._telemetry, result.timely, self._clock())
        return True

    def _health(self, answer: Future[Vitals | None] | None, *, relay: bool | None) -> Health:
        """How the service is by what the database has answered until now, if it was asked."""
        vitals = answer.result() if answer is not None and answer.done() else None
        if vitals is None:
            return Health(ready=False, database=False, relay=relay)
        waits = None
        if vitals.waits_since is not None:
            waits = max(self._clock() - vitals.waits_since, timedelta(0))
        return Health(
            ready=True,
            database=True,
            relay=relay,
            waiting=vitals.waiting,
            oldest_waiting=waits,
            dead=vitals.dead,
            given_up=vitals.given_up,
        )
