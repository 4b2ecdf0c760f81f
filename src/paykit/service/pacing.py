"""How much the accounts of this process may be asked now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ..errors import RateLimited
from ..provider import Clock, Provider

_MINUTE: Final = timedelta(minutes=1)


class Pacing:
    """When each account was asked, as far back as a minute, and which had enough for a while."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[str, list[datetime]] = {}
        self._full_until: dict[str, datetime] = {}

    def room(self, provider: Provider) -> int:
        """How many questions the account surely allows now."""
        now = self._clock()
        if self._full_until.get(provider.key, now) > now:
            return 0
        recent = [at for at in self._asked.get(provider.key, ()) if now - at < _MINUTE]
        self._asked[provider.key] = recent
        return max(provider.info.asking.per_minute - len(recent), 0)

    def take(self, provider: Provider) -> bool:
        """Whether one more question may be asked; then it counts."""
        if not self.room(provider):
            return False
        self._asked[provider.key].append(self._clock())
        return True

    def refused(self, provider: Provider, error: RateLimited) -> None:
        """The account said that it had enough; an absurd time to wait is not believed."""
        asked_for = _MINUTE.total_seconds() if error.retry_after is None else error.retry_after
        most = provider.info.asking.at_most
        wait = min(timedelta(seconds=min(max(asked_for, 0), most.total_seconds())), most)
        self._full_until[provider.key] = self._clock() + wait

    def again_at(self, provider: Provider) -> datetime:
        """When it may be asked again at the earliest, as far as it said."""
        now = self._clock()
        return max(now, self._full_until.get(provider.key, now))
