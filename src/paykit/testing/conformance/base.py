"""What the checks share: building the provider, driving its flows, and pytest's parameters."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import attrs
import pytest

from ... import registry
from ...errors import ConfigurationError, PaykitError, UnsupportedOperation
from ...events import Event
from ...flow import Flow, arun, run
from ...http import Delivery, HttpRequest, HttpResponse
from ...models import (
    PaymentRef,
    PaymentRequest,
    PaymentToken,
    RefundRef,
    RefundRequest,
    TokenRequest,
)
from ...money import Money
from ...provider import Capability, Outcome, Provider
from ...wire import ProviderConfig
from ..factory import STATES, AskedFactory, DeliveryFactory, Notice, State, factory_for, sign
from .data import Call, Case, CaseFolder, Proof
from .values import structure

C = Capability

#: What each operation takes.
ARGUMENTS: Final[Mapping[Capability, Mapping[str, type]]] = {
    C.CREATE_PAYMENT: {"request": PaymentRequest},
    C.FETCH_PAYMENT: {"ref": PaymentRef},
    C.CAPTURE: {"ref": PaymentRef, "amount": Money, "idempotency_key": str, "final": bool},
    C.VOID: {"ref": PaymentRef, "idempotency_key": str},
    C.COMPLETE: {"ref": PaymentRef, "idempotency_key": str},
    C.REAUTHORIZE: {"ref": PaymentRef, "amount": Money, "idempotency_key": str},
    C.REFUND: {"request": RefundRequest},
    C.FETCH_REFUND: {"ref": RefundRef},
    C.CREATE_TOKEN: {"request": TokenRequest},
    C.DELETE_TOKEN: {"token": PaymentToken},
}


@attrs.frozen
class FixedClock:
    """A clock that stands still; unlike a lambda it can be pickled, so pickling reaches secrets."""

    now: datetime

    def __call__(self) -> datetime:
        """The time at which it stands."""
        return self.now


@attrs.define
class FixedIds:
    """The ids of the case folder, one after the other, then over again."""

    ids: Sequence[str]
    taken: int = 0

    def __call__(self) -> str:
        """The next id."""
        self.taken += 1
        return self.ids[(self.taken - 1) % len(self.ids)]


@attrs.define(eq=False)
class Script:
    """Answers, or failures, one after the other; a request beyond them is a failure of the test."""

    answers: Sequence[HttpResponse | Exception] = attrs.field(repr=False)
    sent: list[HttpRequest] = attrs.field(factory=list)

    def take(self, request: HttpRequest) -> HttpResponse:
        """Record the request, and answer or fail."""
        self.sent.append(request)
        if len(self.sent) > len(self.answers):
            raise AssertionError(f"request {len(self.sent)} was not expected: {request}")
        answer = self.answers[len(self.sent) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Wire(Script):
    """A transport that plays a script to blocking code."""

    def send(self, request: HttpRequest) -> HttpResponse:
        """Answer at once."""
        return self.take(request)

    def close(self) -> None:
        """Nothing to give back."""


class AsyncWire(Script):
    """A transport that plays a script to async code."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer after other tasks had their turn."""
        await asyncio.sleep(0)
        return self.take(request)

    async def aclose(self) -> None:
        """Nothing to give back."""


@attrs.frozen(kw_only=True)
class Ended:
    """How a flow ended: with a result, or with one of paykit's own errors."""

    result: Any = None
    error: PaykitError | None = None


def attempt(act: Callable[[], Any]) -> Ended:
    """Do ``act``. Only paykit's errors are caught; any other one fails the test, as it should."""
    try:
        return Ended(result=act())
    except PaykitError as error:
        return Ended(error=error)


def drive(flow: Callable[[], Flow[Any]], wire: Wire | AsyncWire) -> Ended:
    """Run a flow with the driver that fits ``wire``."""
    if isinstance(wire, AsyncWire):
        send = wire.send
        return attempt(lambda: asyncio.run(arun(flow(), send)))
    return attempt(lambda: run(flow(), wire.send))


class Checks:
    """Base of the groups of checks."""

    #: The registry name of the provider, or its class.
    provider: ClassVar[str | type[Provider]]
    #: Its case folder.
    cases: ClassVar[Path]
    #: Who signs its deliveries; looked up by the provider's name unless given.
    deliveries: ClassVar[DeliveryFactory | None] = None

    @property
    def folder(self) -> CaseFolder:
        """The content of the case folder."""
        return CaseFolder.read(self.cases)

    @property
    def provider_class(self) -> type[Provider]:
        """The provider under test."""
        return registry.load(self.provider) if isinstance(self.provider, str) else self.provider

    def build(self, *, at: datetime | None = None, **config: Any) -> Provider:
        """A new provider with the folder's configuration, clock and ids."""
        folder = self.folder
        settings = self.provider_class.Config.from_dict({**folder.config, **config})
        return self.renew(settings, at=at)

    def renew(self, settings: ProviderConfig, *, at: datetime | None = None) -> Provider:
        """A new provider with these settings, whose clock and ids start afresh."""
        folder = self.folder
        return self.provider_class(
            settings,
            clock=FixedClock(at or folder.now),
            new_id=FixedIds(folder.ids or ("id1",)),
        )

    def factory(self, provider: Provider) -> DeliveryFactory:
        """Who signs deliveries for ``provider``."""
        return self.deliveries or factory_for(provider)

    def notice(
        self, state: State | None = None, *, returned: bool = False, **changes: Any
    ) -> Notice:
        """A notice in the provider's own currency, with the best news unless ``state`` is given."""
        currency = min(self.provider_class.info.currencies)
        base = Notice(
            state=state or self.folder.good[returned],
            reference=self.folder.references[0],
            amount=Money(150_000, currency),
            at=self.folder.now,
        )
        return attrs.evolve(base, **changes)

    def arguments(self, case: Case) -> dict[str, Any]:
        """The arguments of the case as domain values; may raise ``InvalidRequest`` as they do."""
        kinds = ARGUMENTS[case.command]
        strange = case.arguments.keys() - kinds.keys()
        if strange:
            raise ConfigurationError(f"{case.id}: {case.command} takes no {', '.join(strange)}")
        return {
            name: structure(kinds[name], value, where=case.id)
            for name, value in case.arguments.items()
        }

    def driver(self, case: Case) -> Callable[[Wire | AsyncWire], Ended]:
        """Runs the case's command, against one wire after the other, each with a new provider."""
        settings = self.build().config
        ready = attempt(lambda: self.arguments(case))
        if ready.error is not None:
            return lambda _wire: ready

        def act(wire: Wire | AsyncWire) -> Ended:
            operation = getattr(self.renew(settings), case.command)
            return drive(lambda: operation(**ready.result), wire)

        return act

    def receive(
        self, provider: Provider, delivery: Delivery, *, returned: bool
    ) -> tuple[Event, ...]:
        """Verify and parse; a request that the delivery factory has no answer to fails the test."""
        verify = provider.verify_return if returned else provider.verify
        factory = self.factory(provider)
        peer = Wire([]).send
        if isinstance(factory, AskedFactory):
            peer = partial(factory.answer, provider, delivery)
        return provider.parse(run(verify(delivery), peer))

    def recorded(self, call: Call) -> tuple[Provider, Delivery]:
        """A recorded call, and the provider with the keys it was made for."""
        return self.build(**call.config), call.delivery

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Tell pytest about every case, so that each is a test with a name."""
        for name in metafunc.fixturenames:
            if name in _PARAMETERS:
                values = list(_PARAMETERS[name](self))
                metafunc.parametrize(name, values, ids=[_name(value) for value in values])

    def can(self, returned: bool) -> bool:  # noqa: FBT001 - it is the key of a row as well
        """Whether the provider has webhooks, or returns."""
        capability = C.VERIFY_RETURN if returned else C.VERIFY
        return capability in self.provider_class.capabilities

    def ways(self, *proofs: Proof) -> list[bool]:
        """The kinds of call that this provider receives: webhook (False), return (True).

        With ``proofs``, only those that are proven so.
        """
        return [
            returned
            for returned in (False, True)
            if self.can(returned) and (not proofs or self.folder.covers[returned] in proofs)
        ]

    def proven(self, calls: Sequence[Call], *proofs: Proof) -> list[Call]:
        """Those of ``calls`` that are proven so."""
        return [call for call in calls if self.folder.covers[call.returned] in proofs]

    def tellable(self) -> list[tuple[State, bool]]:
        """Every state that a notice of this provider can tell, by each way."""
        found: list[tuple[State, bool]] = []
        for state, returned in itertools.product(STATES, self.ways()):
            provider = self.build()
            try:
                sign(self.factory(provider), provider, self.notice(state), returned=returned)
            except UnsupportedOperation:
                continue
            found.append((state, returned))
        return found


def _accepted(checks: Checks) -> list[Call]:
    return [call for call in checks.folder.calls if call.error is None]


def _typical(cases: Sequence[Case]) -> list[Case]:
    """One case for each way in which the cases of a file end; the others differ in a code only."""
    found: dict[tuple[str, str], Case] = {}
    for case in cases:
        ending = case.error["type"] if case.error else (case.result or {}).get("status", "")
        found.setdefault((case.file, ending), case)
    return list(found.values())


def _with_wire(checks: Checks) -> list[Case]:
    return _typical([case for case in checks.folder.cases if case.exchanges])


_PARAMETERS: Final[Mapping[str, Callable[[Checks], Sequence[Any]]]] = {
    "case": lambda checks: checks.folder.cases,
    "typical_case": lambda checks: _typical(checks.folder.cases),
    "wire_case": _with_wire,
    "refund_case": lambda checks: [
        case for case in _with_wire(checks) if case.result and case.command == C.REFUND
    ],
    "answered_case": lambda checks: [case for case in _with_wire(checks) if case.result],
    "capability": lambda checks: sorted(checks.provider_class.capabilities),
    "missing": lambda checks: sorted(frozenset(C) - checks.provider_class.capabilities),
    "call": lambda checks: checks.folder.calls,
    "accepted_call": _accepted,
    "signed_call": lambda checks: checks.proven(_accepted(checks), Proof.SIGNATURE),
    "keyed_call": lambda checks: checks.proven(_accepted(checks), Proof.SIGNATURE, Proof.SECRET),
    "either_case": lambda checks: _accepted(checks) if checks.folder.any_case else [],
    "dated": lambda checks: checks.ways(Proof.SIGNATURE) if checks.folder.tolerance else [],
    "row": lambda checks: checks.folder.rows,
    "told": lambda checks: checks.tellable(),
    "returned": lambda checks: checks.ways(),
    "keyed": lambda checks: checks.ways(Proof.SIGNATURE, Proof.SECRET),
    "coded": lambda checks: [way for way in checks.ways() if checks.folder.has_codes[way]],
    "outcome": lambda checks: list(Outcome) if checks.can(returned=False) else [],
    "rotated": lambda checks: sorted(checks.folder.rotation),
}


def _name(value: Any) -> str:
    if isinstance(value, bool):
        return "return" if value else "webhook"
    if isinstance(value, tuple):
        return "-".join(_name(item) for item in value)
    return str(getattr(value, "id", value))
