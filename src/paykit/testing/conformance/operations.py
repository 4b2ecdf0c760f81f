"""Checks of the operations: requests, answers, and answers that are broken on purpose."""
# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final

import attrs
import pytest

from ...errors import (
    IdempotencyConflict,
    MalformedResponse,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    TransportError,
    UnsupportedOperation,
)
from ...flow import run
from ...http import Delivery, HttpResponse, parse_json_object
from ...models import (
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    RefundRef,
    RefundRequest,
    TokenRequest,
)
from ...money import Money
from ...provider import Capability, Provider
from .base import AsyncWire, Checks, Ended, Wire, drive
from .damage import STATUSES, another_value, fields_of, unreadable_bodies, wrong_values
from .data import Answers, Case, Exchange
from .values import plain

C = Capability

#: Statuses after which nobody asks again. A broken answer must never lead to one of them.
_GOOD_NEWS: Final = frozenset(
    {
        PaymentStatus.REQUIRES_ACTION,
        PaymentStatus.AUTHORIZED,
        PaymentStatus.SUCCEEDED,
        PaymentStatus.PARTIALLY_REFUNDED,
        PaymentStatus.REFUNDED,
    }
)
_UNAUTHORIZED: Final = 401
_GIVEN_BACK: Final = frozenset(
    {PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED, PaymentStatus.DISPUTED}
)
#: A detail that is left out may take the reason with it, or hide that it is over.
_BAD_NEWS: Final = frozenset(PaymentStatus) - _GOOD_NEWS - {PaymentStatus.NEEDS_REVIEW}
_TAKES_MONEY: Final = frozenset({C.CAPTURE, C.VOID, C.REAUTHORIZE, C.REFUND})
_MAY_ACT_TWICE: Final = _TAKES_MONEY | {C.CREATE_PAYMENT, C.COMPLETE}
_ASKS: Final = frozenset({C.FETCH_PAYMENT, C.REFUND, C.FETCH_REFUND})


class OperationChecks(Checks):
    """What holds for every operation of every provider."""

    @pytest.mark.parametrize("wire", [Wire, AsyncWire], ids=["run", "arun"])
    def test_case(self, case: Case, wire: type[Wire | AsyncWire]) -> None:
        """Both drivers send exactly the expected requests and end in the expected value."""
        line = wire([exchange.answer for exchange in case.exchanges])
        ended = self.driver(case)(line)
        for exchange, request in zip(case.exchanges, line.sent, strict=False):
            difference = exchange.difference(request)
            assert difference is None, difference
        if case.error is not None:
            assert _shown_error(ended, case.error) == case.error
        else:
            assert ended.error is None
            assert _shown_result(ended.result) == case.result
            _check_raw(ended.result, case)
        assert len(line.sent) == len(case.exchanges)

    def test_capability_is_shown(self, capability: Capability) -> None:
        """Each operation has a case that succeeds and one that is refused."""
        folder = self.folder
        if capability in {C.VERIFY, C.VERIFY_RETURN}:
            mine = [
                call for call in folder.calls if call.returned is (capability == C.VERIFY_RETURN)
            ]
            good = [call for call in mine if call.error is None]
            bad = [call for call in mine if call.error is not None]
            assert good, "record a call that verifies: NAME.http with NAME.http.toml"
            assert bad, "record a call that is refused: NAME.http with [error]"
            return
        cases = [case for case in folder.cases if case.command == capability]
        assert [case for case in cases if case.result], "write a case that succeeds"
        assert [case for case in cases if case.error], "write a case that is refused"
        if capability in _ASKS:
            unknown = [case for case in cases if case.result and case.result["status"] == "unknown"]
            assert unknown, "write a case with a code that the provider has never published"

    def test_missing_operation_is_refused(self, missing: Capability) -> None:
        """What the provider does not define raises before anything is sent."""
        provider, wire = self.build(), Wire([])
        with pytest.raises(UnsupportedOperation) as caught:
            run(_sample(provider, missing), wire.send)
        assert (caught.value.provider, caught.value.operation) == (provider.name, missing.value)
        assert wire.sent == []

    def test_declared_repeats(self) -> None:
        """A repeat is promised to be harmless only of operations that move money, and exist."""
        can, declared = self.provider_class.capabilities, self.provider_class.info.repeatable_for
        assert not declared.keys() - (can & _MAY_ACT_TWICE)
        charges = C.CREATE_TOKEN in can
        assert charges or C.CREATE_PAYMENT not in declared, "there is no token to charge"

    def test_refund_reference(self, refund_case: Case) -> None:
        """What the provider names the refunds of a payment, it takes, and each is another."""
        request, provider = self.arguments(refund_case)["request"], self.build()
        payment, now = request.payment, self.folder.now
        names = [provider.refund_reference(payment, number, at=now) for number in (1, 2)]
        assert len({payment.reference, *names}) == len(names) + 1
        for name in names:
            asked = attrs.evolve(request, reference=name)
            wire = Wire([NotSent("not sent")])
            ended = drive(partial(provider.refund, asked), wire)
            assert isinstance(ended.error, NotSent), f"{name} is not taken: {ended.error!r}"

    def test_money_calls_say_so(self, wire_case: Case) -> None:
        """Whatever gives or takes money has a request that the transport never repeats."""
        if wire_case.command in _TAKES_MONEY and not wire_case.only_asks:
            assert any(exchange.moves_money for exchange in wire_case.exchanges)
        for exchange in wire_case.exchanges:
            assert not (exchange.moves_money and exchange.replay_safe)

    @pytest.mark.parametrize("wire", [Wire, AsyncWire], ids=["run", "arun"])
    def test_silence(self, wire_case: Case, wire: type[Wire | AsyncWire]) -> None:
        """A transport's failure comes out as it is, and nothing is sent after it."""
        act = self.driver(wire_case)
        for index, exchange in enumerate(wire_case.exchanges):
            silence = OutcomeUnknown if exchange.moves_money else NoAnswer
            for failure in (NotSent("not sent"), silence("no answer")):
                line = wire([*_answers(wire_case, index), failure])
                ended = act(line)
                assert isinstance(ended.error, TransportError)
                assert type(ended.error) is type(failure)
                assert len(line.sent) == index + 1

    def test_unreadable_answer(self, wire_case: Case) -> None:
        """Bytes that are not the provider's JSON give an error, whatever the HTTP status."""
        act = self.driver(wire_case)
        for index, exchange in enumerate(wire_case.exchanges):
            for what, body in unreadable_bodies(exchange.answer.body):
                for status in STATUSES if what in {"empty", "HTML"} else (200, 500):
                    answer = HttpResponse(status, exchange.answer.headers, body)
                    ended = _answered(act, wire_case, index, answer)
                    _is_honest(ended, exchange, f"HTTP {status} with {what}", wire_case)
                    assert ended.error is not None, f"HTTP {status} with {what} gave a result"
                    refused = what == "empty" and status in self._rules(wire_case).bodiless
                    if refused:
                        assert isinstance(ended.error, ProviderError)
                    elif exchange.moves_money:
                        assert isinstance(ended.error, OutcomeUnknown | RateLimited)

    def test_answer_with_a_wrong_field(self, wire_case: Case) -> None:
        """A field that is missing or of the wrong kind gives an error, and never good news.

        An optional one may as well change nothing.
        """
        act = self.driver(wire_case)
        for index, exchange in enumerate(wire_case.exchanges):
            for path in fields_of(exchange.answer):
                loose = self._optional(wire_case, exchange)
                optional = any(fnmatchcase(path, pattern) for pattern in loose)
                for what, answer in wrong_values(exchange.answer, path):
                    ended = _answered(act, wire_case, index, answer)
                    _is_honest(ended, exchange, what, wire_case)
                    if ended.error is not None:
                        continue
                    status = _status(ended.result)
                    allowed = {_expected_status(wire_case), PaymentStatus.UNKNOWN}
                    if optional:
                        allowed |= _BAD_NEWS
                    if optional and not allowed.isdisjoint(_GIVEN_BACK):
                        # An answer that does not tell of its refunds is about the payment alone.
                        allowed |= {PaymentStatus.SUCCEEDED, PaymentStatus.PARTIALLY_REFUNDED}
                    if optional and PaymentStatus.REQUIRES_ACTION in allowed:
                        # One that does not tell where to go says that it is not over.
                        allowed.add(PaymentStatus.PENDING)
                    assert status in allowed, f"{what} gave {status}"
                    assert optional or status not in _GOOD_NEWS, f"{what}, and still {status}"

    def test_answer_about_something_else(self, answered_case: Case) -> None:
        """An answer that echoes another reference or amount is never taken for ours."""
        act = self.driver(answered_case)
        for index, exchange in enumerate(answered_case.exchanges):
            for path in self._rules(answered_case).echoes:
                if path not in fields_of(exchange.answer):
                    continue
                answer = another_value(exchange.answer, path)
                ended = _answered(act, answered_case, index, answer)
                # What was asked about before it was sent may turn out to be done with other values.
                asked = (MalformedResponse, IdempotencyConflict)
                wanted = (OutcomeUnknown,) if exchange.moves_money else asked
                assert isinstance(ended.error, wanted), f"another {path} was accepted"

    def _optional(self, case: Case, exchange: Exchange) -> tuple[str, ...]:
        """What the answer of ``exchange`` may lack or misspell."""
        session = self.folder.session
        if session is not None and exchange is session.exchange:
            return session.optional
        return (*self._rules(case).optional, *case.optional)

    def _rules(self, case: Case) -> Answers:
        return self.folder.answers.get(case.command, Answers())


def _answered(act: Callable[[Wire], Ended], case: Case, index: int, answer: HttpResponse) -> Ended:
    """How the case ends with this answer to the request at ``index``, the others as written.

    A 401 is given twice: with an access token, the provider may fetch a new one and try once more.
    """
    later = [exchange.answer for exchange in case.exchanges[index + 1 :]]
    opening = case.session
    refused = answer.status == _UNAUTHORIZED and case.exchanges[index] is not opening
    if opening is not None and refused:
        later = [opening.answer, answer, *later]
    wire = Wire([*_answers(case, index), answer, *later])
    ended = act(wire)
    given = [one for one in wire.answers[: len(wire.sent)] if isinstance(one, HttpResponse)]
    again = opening is not None and any(one.status == _UNAUTHORIZED for one in given)
    # A question may be asked again, after something was done.
    sent = [one for one in wire.sent if one.method != "GET" and not case.is_session(one)]
    assert len(set(sent)) >= len(sent) - again, "the same request was sent twice"
    return ended


def _answers(case: Case, count: int) -> Iterator[HttpResponse]:
    return (exchange.answer for exchange in case.exchanges[:count])


def _is_honest(ended: Ended, exchange: Exchange, what: str, case: Case) -> None:
    """An error after an answer must not claim that nothing was sent or that nothing happened.

    But for a refusal that the case is about, before anything but questions was sent.
    """
    if ended.error is None:
        return
    if case.only_asks and case.error and type(ended.error).__name__ == case.error["type"]:
        return
    assert ended.error.sent is not False, f"{what}: {ended.error!r} says that nothing was sent"
    if exchange.moves_money:
        assert isinstance(ended.error, OutcomeUnknown | ProviderError), (
            f"{what}: after a call that moves money {ended.error!r} hides that it may have"
        )


def _status(result: Any) -> str:
    if result is None or isinstance(result, PaymentToken):
        return PaymentStatus.SUCCEEDED
    return str(result.status)


def _expected_status(case: Case) -> str | None:
    """The status that the case ends with; ``None`` if it is refused."""
    if case.result is None:
        return None
    return str(case.result.get("status", PaymentStatus.SUCCEEDED))


def _shown_result(result: Any) -> Any:
    return {"type": "None"} if result is None else plain(result)


def _shown_error(ended: Ended, expected: Any) -> Any:
    """The error as the case writes it: its class, and those of its attributes that it names."""
    if ended.error is None:
        return _shown_result(ended.result)
    named = {name: getattr(ended.error, name, None) for name in expected if name != "type"}
    return {"type": type(ended.error).__name__, **named}


def _is_told(kept: object, answer: object) -> bool:
    """Whether ``kept`` is the answer; objects in it may lack what is secret."""
    if isinstance(kept, dict) and isinstance(answer, dict):
        return all(name in answer and _is_told(one, answer[name]) for name, one in kept.items())
    if isinstance(kept, list) and isinstance(answer, list):
        pairs = zip(kept, answer, strict=False)
        return len(kept) == len(answer) and all(_is_told(*pair) for pair in pairs)
    return kept == answer and type(kept) is type(answer)


def _check_raw(result: Any, case: Case) -> None:
    raw = getattr(result, "raw", None)
    if raw and case.exchanges:
        answer = parse_json_object(case.exchanges[-1].answer.body)
        assert _is_told(raw, answer), "raw is not what was answered"
    elif raw is not None:
        assert raw == {}


def _sample(provider: Provider, capability: Capability) -> Any:
    """A call of an operation that does not exist; its arguments do not matter."""
    ref = PaymentRef(reference="R1", amount=Money(1000, "VND"))
    samples: dict[Capability, tuple[Any, ...]] = {
        C.CREATE_PAYMENT: (PaymentRequest(reference="R1", amount=Money(1000, "VND")),),
        C.FETCH_PAYMENT: (ref,),
        C.CAPTURE: (ref,),
        C.VOID: (ref,),
        C.COMPLETE: (ref,),
        C.REAUTHORIZE: (ref,),
        C.REFUND: (RefundRequest(payment=ref, reference="R2"),),
        C.FETCH_REFUND: (RefundRef(payment=ref, reference="R2"),),
        C.CREATE_TOKEN: (TokenRequest(reference="R1", customer_id="c1"),),
        C.DELETE_TOKEN: (PaymentToken(provider=provider.name, value="t1"),),
        C.VERIFY: (Delivery("POST"),),
        C.VERIFY_RETURN: (Delivery("GET"),),
    }
    keyed = capability in {C.CAPTURE, C.VOID, C.COMPLETE, C.REAUTHORIZE}
    keys = {"idempotency_key": "k1"} if keyed else {}
    return getattr(provider, capability.value)(*samples[capability], **keys)


__all__ = ["OperationChecks"]
