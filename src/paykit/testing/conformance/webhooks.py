"""Checks of webhooks and browser returns: genuine ones mean what they say, others mean nothing."""
# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from ...errors import StaleDelivery, WebhookError
from ...events import Event, PaymentProcessed, TransferReceived
from ...http import Delivery
from ...money import Money
from ...provider import Outcome, Provider
from ..factory import Notice, State, sign
from ..fields import altered
from .base import Checks, attempt
from .damage import (
    STRANGE_VALUES,
    WRONG_AMOUNTS,
    broken_signatures,
    changed_field,
    doubled_field,
    names_of,
    unreadable_deliveries,
    with_foreign_field,
)
from .data import Call, Proof, Row
from .values import plain

_STATUS = {
    "paid": "succeeded",
    "authorized": "authorized",
    "pending": "pending",
    "failed": "failed",
    "canceled": "canceled",
    "expired": "expired",
    "unknown": "unknown",
}
_ANOTHER_KEY = b"another-key-0123456789abcdefghij"
#: The usual one, another reference, and another amount can be told by every provider.
_AT_LEAST = 3
_AMOUNTS = (1, 999, 10_000, 123_456_789, 9_999_999_999)


class WebhookChecks(Checks):
    """What holds for every delivery of every provider."""

    def test_recorded_call(self, call: Call) -> None:
        """A recorded call verifies and means the expected events, or is refused as expected."""
        provider, delivery = self.recorded(call)
        if call.error is None:
            events = self.receive(provider, delivery, returned=call.returned)
            assert _shown(events, call.events, returned=call.returned) == list(call.events)
            return
        ended = attempt(lambda: self.receive(provider, delivery, returned=call.returned))
        assert isinstance(ended.error, WebhookError), f"accepted: {ended.result}"
        assert type(ended.error).__name__ == call.error["type"]

    def test_notice(self, row: Row) -> None:
        """A notice with the row's fields, freshly signed, means the expected events."""
        provider = self.build()
        notice = Notice(
            state=row.state,  # type: ignore[arg-type]
            reference=row.reference,
            amount=row.amount,
            at=row.at,
            fields=row.fields,
        )
        delivery = self._sign(provider, notice, returned=row.returned)
        events = self.receive(provider, delivery, returned=row.returned)
        assert _shown(events, row.events, returned=row.returned) == list(row.events)

    def test_state(self, told: tuple[State, bool]) -> None:
        """Each thing that a notice can tell has its status; an unseen code is ``unknown``."""
        state, returned = told
        provider = self.build()
        delivery = self._sign(provider, self.notice(state), returned=returned)
        event = _payment(self.receive(provider, delivery, returned=returned))
        assert (event.provider, event.account) == (provider.name, provider.account)
        assert event.amount == self.notice().amount
        reference = self.folder.references[0]
        if isinstance(event, TransferReceived):
            # Money on an account: for which payment is for others to say.
            assert state == "paid"
            assert reference == event.reference or event.codes == (reference,)
        else:
            assert (event.status, event.reference) == (_STATUS[state], reference)

    def test_unseen_code_can_be_told(self, coded: bool) -> None:  # noqa: FBT001
        """The delivery factory knows a code that the provider has never published."""
        good = self.folder.good[coded]
        assert {(good, coded), ("unknown", coded)} <= set(self.tellable())

    def test_amounts_are_exact(self, returned: bool) -> None:  # noqa: FBT001
        """An amount comes through to the minor unit."""
        provider = self.build()
        for currency in sorted(provider.info.currencies)[:3]:
            for minor in _AMOUNTS:
                amount = Money(minor, currency)
                delivery = self._sign(
                    provider, self.notice(returned=returned, amount=amount), returned=returned
                )
                events = self.receive(provider, delivery, returned=returned)
                assert _payment(events).amount == amount

    def test_event_id_is_stable(self, accepted_call: Call) -> None:
        """The same call again, later, carries the same event ids."""
        first = self._events(accepted_call, self.recorded(accepted_call)[0])
        later = self.build(at=self.folder.now + timedelta(seconds=1), **accepted_call.config)
        again = self._events(accepted_call, later)
        assert [event.event_id for event in first] == [event.event_id for event in again]
        assert len({event.event_id for event in first}) == len(first)

    def test_event_id_is_its_own(self, returned: bool) -> None:  # noqa: FBT001
        """Notices that differ in state, reference, amount or time carry different event ids.

        Not every provider signs a time, or tells the states apart: deliveries that are the same to
        the letter are one.
        """
        provider = self.build()
        notices = [
            self.notice(returned=returned),
            *[self.notice("failed") for _ in self.tellable() if _ == ("failed", returned)],
            self.notice(returned=returned, reference=self.folder.references[1]),
            self.notice(returned=returned, amount=self.notice().amount * 2),
            self.notice(returned=returned, at=self.folder.now + timedelta(seconds=1)),
        ]
        deliveries = {self._sign(provider, notice, returned=returned) for notice in notices}
        assert len(deliveries) >= _AT_LEAST
        ids = {
            _payment(self.receive(provider, delivery, returned=returned)).event_id
            for delivery in deliveries
        }
        assert len(ids) == len(deliveries)

    def test_broken_signature(self, keyed_call: Call) -> None:
        """A signature that is almost right is wrong."""
        provider, delivery = self.recorded(keyed_call)
        field = self.factory(provider).signature
        any_case = self.folder.any_case
        self._refused(keyed_call, provider, broken_signatures(delivery, field, any_case=any_case))

    def test_changed_field(self, signed_call: Call) -> None:
        """A signed field that was changed, removed or doubled is noticed."""
        provider, delivery = self.recorded(signed_call)
        signature = self.factory(provider).signature
        for name in names_of(delivery, signature):
            if self.folder.is_signed(name, signed_call):
                self._refused(signed_call, provider, changed_field(delivery, name), about=name)
                self._refused(signed_call, provider, doubled_field(delivery, name), about=name)
        if not signature.header:
            name = signature.name_in(delivery)
            self._refused(signed_call, provider, doubled_field(delivery, name), about=name)

    def test_unsigned_field_decides_nothing(self, signed_call: Call) -> None:
        """What the signature does not cover changes nothing, or the call is refused."""
        provider, delivery = self.recorded(signed_call)
        genuine = self._events(signed_call, provider)
        changes = list(with_foreign_field(delivery))
        for name in names_of(delivery, self.factory(provider).signature):
            if not self.folder.is_signed(name, signed_call):
                changes += changed_field(delivery, name)
                changes += doubled_field(delivery, name)
        for what, changed in changes:
            ended = attempt(
                lambda changed=changed: self.receive(  # type: ignore[misc]
                    provider, changed, returned=signed_call.returned
                )
            )
            assert isinstance(ended.error, WebhookError) or ended.result == genuine, what

    def test_other_case_of_the_signature(self, either_case: Call) -> None:
        """Where the provider is known to send either case of hex, both verify."""
        provider, delivery = self.recorded(either_case)
        field = self.factory(provider).signature
        swapped = field.replace(delivery, str(field.read(delivery)).swapcase())
        events = self.receive(provider, swapped, returned=either_case.returned)
        assert events == self._events(either_case, provider)

    def test_unreadable_delivery(self, accepted_call: Call) -> None:
        """Bytes that are no delivery of this provider are refused in an orderly way."""
        provider, delivery = self.recorded(accepted_call)
        factory = self.factory(provider)
        read = factory.signed
        if self.folder.covers[accepted_call.returned] is Proof.ASKED:
            read = getattr(factory, "asked", read)
        self._refused(accepted_call, provider, unreadable_deliveries(delivery, read))

    def test_wrong_key(self, keyed: bool) -> None:  # noqa: FBT001
        """Nothing signed with another key, or with an empty one, is believed."""
        provider = self.build()
        for key in (_ANOTHER_KEY, b"", b" ", b"\x00"):
            delivery = self._sign(provider, self.notice(returned=keyed), returned=keyed, key=key)
            with pytest.raises(WebhookError):
                self.receive(provider, delivery, returned=keyed)

    def test_strange_values(self, returned: bool) -> None:  # noqa: FBT001
        """An authentic notice with strange values is refused, or read without harm."""
        provider = self.build()
        factory = self.factory(provider)
        plain_delivery = self._sign(provider, self.notice(returned=returned), returned=returned)
        # What a factory calls by names of its own stands in the body of its webhooks.
        own = () if returned else getattr(factory, "names", ())
        names = own or names_of(plain_delivery, factory.signature)
        amount = getattr(factory, "amount", factory.signed.name_in(plain_delivery))
        for name in names:
            for value in STRANGE_VALUES:
                delivery = self._sign(
                    provider,
                    self.notice(returned=returned, fields={name: value}),
                    returned=returned,
                )
                ended = attempt(
                    lambda delivery=delivery: self.receive(  # type: ignore[misc]
                        provider, delivery, returned=returned
                    )
                )
                refused = isinstance(ended.error, WebhookError)
                assert refused or ended.error is None, f"{name}={value!r:.40}: {ended.error!r}"
                if name == amount and value in WRONG_AMOUNTS:
                    # Money that goes out may be told by a sign, and then it is no news.
                    out = type(value) is int and value < 0 and ended.result == ()
                    assert refused or out, f"{name}={value!r:.40} was taken for {ended.result}"

    def test_rotation(self, rotated: str) -> None:
        """While keys change, the old one is accepted; afterwards it is not."""
        new = altered(str(self.folder.config[rotated]))
        both = {rotated: new, self.folder.rotation[rotated]: (self.folder.config[rotated],)}
        for returned in self.ways(Proof.SIGNATURE, Proof.SECRET):
            delivery = self._sign(self.build(), self.notice(returned=returned), returned=returned)
            genuine = self.receive(self.build(), delivery, returned=returned)
            assert self.receive(self.build(**both), delivery, returned=returned) == genuine
            with pytest.raises(WebhookError):
                self.receive(self.build(**{rotated: new}), delivery, returned=returned)

    def test_freshness(self, dated: bool) -> None:  # noqa: FBT001
        """A signed time outside the tolerance is stale, in the past and in the future."""
        tolerance = self.folder.tolerance or timedelta()
        ahead = tolerance if self.folder.ahead is None else self.folder.ahead
        delivery = self._sign(self.build(), self.notice(returned=dated), returned=dated)
        for limit, beyond in ((-ahead, -1), (tolerance, 1)):
            inside = self.build(at=self.folder.now + limit)
            assert self.receive(inside, delivery, returned=dated)
            outside = self.build(at=self.folder.now + limit + timedelta(seconds=2 * beyond))
            with pytest.raises(StaleDelivery):
                self.receive(outside, delivery, returned=dated)

    def test_reply(self, outcome: Outcome) -> None:
        """Every outcome of a delivery has the documented reply."""
        assert self.build().reply(outcome) == self.folder.replies[outcome]

    def _sign(
        self, provider: Provider, notice: Notice, *, returned: bool, key: bytes | None = None
    ) -> Delivery:
        return sign(self.factory(provider), provider, notice, returned=returned, key=key)

    def _events(self, call: Call, provider: Provider) -> tuple[Event, ...]:
        return self.receive(provider, call.delivery, returned=call.returned)

    def _refused(
        self,
        call: Call,
        provider: Provider,
        broken: Iterable[tuple[str, Delivery]],
        *,
        about: str = "signature",
    ) -> None:
        for what, delivery in broken:
            ended = attempt(
                lambda delivery=delivery: self.receive(  # type: ignore[misc]
                    provider, delivery, returned=call.returned
                )
            )
            assert isinstance(ended.error, WebhookError), f"{about} {what}: {ended}"


def _payment(events: Iterable[Event]) -> PaymentProcessed | TransferReceived:
    (event,) = [event for event in events if isinstance(event, PaymentProcessed | TransferReceived)]
    return event


def _shown(events: Iterable[Event], expected: Iterable[Any], *, returned: bool) -> list[Any]:
    """The events as the data writes them; ``event_id`` only where it is written."""
    shown = []
    names = [table.keys() for table in expected]
    for index, event in enumerate(events):
        table = plain(event)
        wanted = names[index] if index < len(names) else ()
        if "event_id" not in wanted:
            del table["event_id"]
        if returned:
            table.pop("source", None)  # who called verify_return knows where it came from
        shown.append(table)
    return shown


__all__ = ["WebhookChecks"]
