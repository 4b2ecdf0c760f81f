"""The provider accounts, and what is asked of them about a payment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ..errors import ConfigurationError, InvalidRequest
from ..events import PaymentProcessed, Source
from ..logs import Throttle
from ..models import Payment
from ..provider import Capability, Clock, IdFactory, Provider
from ..registry import by_key
from ..signing import fingerprint
from ..telemetry import Telemetry
from . import answers, rows
from .effects import Operation, Read, Talk, Transact
from .pacing import Pacing
from .recording import News, Recorded
from .state import PaymentRecord


class Accounts:
    """The accounts by key, and the ways in which an answer of theirs becomes a fact."""

    def __init__(
        self,
        providers: Iterable[Provider],
        clock: Clock,
        new_id: IdFactory,
        telemetry: Telemetry,
    ) -> None:
        self._providers = by_key(providers)
        self._clock = clock
        self._new_id = new_id
        self._accounts = [(one.name, one.account) for one in self._providers.values()]
        self._pacing = Pacing(clock)
        self._telemetry = telemetry
        self._throttle = Throttle(clock)

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The accounts by key (``momo``, ``momo-eu``)."""
        return self._providers

    def provider(self, key: str) -> Provider:
        """One account; raises :class:`ConfigurationError`."""
        try:
            return self._providers[key]
        except KeyError:
            known = ", ".join(self._providers) or "none"
            raise ConfigurationError(f"no provider account {key!r:.60}; there is {known}") from None

    def _provider_of(self, record: PaymentRecord) -> Provider:
        for provider in self._providers.values():
            if (provider.name, provider.account) == (record.provider, record.account):
                return provider
        raise ConfigurationError(
            f"the account {record.account!r:.60} of {record.provider} is not configured here"
        )

    def _to_command(
        self, payment_id: str, capability: Capability
    ) -> Operation[tuple[PaymentRecord, Provider]]:
        record: PaymentRecord | None = yield Read(lambda conn: rows.load(conn, payment_id))
        if record is None:
            raise InvalidRequest("there is no such payment", field="payment_id")
        provider = self._provider_of(record)
        if capability not in provider.capabilities:
            raise provider.unsupported(capability)
        return record, provider

    def _record(
        self,
        fact: PaymentProcessed,
        now: datetime,
        *,
        as_of: int | None = None,
        told_at: datetime | None = None,
    ) -> Operation[int]:
        recorded: Recorded = yield Transact(News((fact,), "", now, as_of, told_at))
        return recorded.events

    def _ask(self, provider: Provider, record: PaymentRecord) -> Operation[int]:
        _, published = yield from self._ask_for(provider, record)
        return published

    def _ask_for(
        self, provider: Provider, record: PaymentRecord, *, again: int = 2
    ) -> Operation[tuple[Payment, int]]:
        """Ask how a payment stands; the answer, and how many events it published.

        When other news were quicker than the answer it is asked anew, so many times at most.
        """
        payment: Payment = yield Talk(provider, lambda: provider.fetch_payment(record.ref))
        now = self._clock()
        fact = answer_as_fact(record, payment, now, source=Source.POLL)
        recorded: Recorded = yield Transact(News((fact,), "", now, record.sequence))
        if recorded.is_overtaken and again:
            found: PaymentRecord = yield Read(lambda conn: rows.load(conn, record.payment_id))
            return (yield from self._ask_for(provider, found, again=again - 1))
        return payment, recorded.events


def answer_as_fact(
    record: PaymentRecord, payment: Payment, now: datetime, *, source: Source, about: str = ""
) -> PaymentProcessed:
    """What the provider says of a payment when asked, as a fact like any other.

    The same answer again is the same fact: whoever asks every minute fills no inbox. After other
    news it is another one, as a payment may fail, be tried again, and fail in the same way.
    """
    said = (payment.status, payment.amount, payment.captured, payment.refunded, payment.code)
    name = "|".join(map(str, (source, record.payment_id, record.sequence, *said, about)))
    event_id = fingerprint(name.encode())
    return answers.as_fact(record, payment, now, event_id=event_id, source=source)
