"""The queue of notices: retries, timeouts, faults, resending, forgetting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import attrs
import pytest

from paykit.http import HttpRequest, HttpResponse
from paykit.sandbox.deliveries import Deliveries, RetryRule, Verdict
from paykit.sandbox.faults import BadFaultError, Faults

from .conftest import START, Clock

NOTICE = HttpRequest("GET", "https://shop.example/ipn?x=1")


def judge(response: HttpResponse) -> Verdict:
    return Verdict(settled=response.status == 200, note=str(response.status))


RULE = RetryRule(delays=(5, 60), timeout=1, judge=judge)


@attrs.define
class Setting:
    """A queue whose waiting takes no time and is written down."""

    answers: list[int]
    faults: Faults = attrs.field(factory=Faults)
    keep: int = 10
    on_send: Callable[[HttpRequest], Awaitable[None]] | None = None
    on_sleep: Callable[[], Awaitable[None]] | None = None
    sent: list[HttpRequest] = attrs.field(factory=list)
    waits: list[float] = attrs.field(factory=list)
    queue: Deliveries = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.queue = Deliveries(
            self.send, clock=Clock(), faults=self.faults, keep=self.keep, sleep=self.sleep
        )

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.sent.append(request)
        answer = HttpResponse(self.answers.pop(0) if self.answers else 200)
        if self.on_send:
            await self.on_send(request)
        return answer

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if self.on_sleep:
            await self.on_sleep()

    def enqueue(self, rule: RetryRule = RULE, reference: str = "A") -> None:
        self.queue.enqueue(NOTICE, provider="vnpay", reference=reference, rule=rule)

    def states(self) -> list[str]:
        return [delivery.state for delivery in self.queue]


def test_it_waits_as_the_rule_says_and_gives_up():
    async def scenario() -> None:
        setting = Setting([500, 404, 301])
        await setting.queue.start()
        setting.enqueue()
        await setting.queue.idle()
        assert setting.waits == [5, 60]
        assert setting.sent == [NOTICE] * 3
        assert setting.states() == ["given up"]
        await setting.queue.stop()

    asyncio.run(scenario())


def test_what_comes_before_the_start_waits_for_it():
    async def scenario() -> None:
        setting = Setting([])
        setting.enqueue()
        await setting.queue.idle()
        assert (setting.states(), setting.sent) == (["waiting"], [])
        await setting.queue.start()
        await setting.queue.idle()
        assert setting.states() == ["delivered"]

    asyncio.run(scenario())


def test_stopping_leaves_the_rest_waiting_and_a_new_start_sends_it():
    async def scenario() -> None:
        setting = Setting([500], on_sleep=asyncio.Event().wait)
        await setting.queue.start()
        setting.enqueue()
        await asyncio.sleep(0.01)
        await setting.queue.stop()
        assert (setting.states(), len(setting.sent)) == (["waiting"], 1)
        await setting.queue.start()
        await setting.queue.idle()
        assert setting.states() == ["delivered"]

    asyncio.run(scenario())


def test_an_attempt_ends_in_time():
    async def scenario() -> None:
        async def never(_request: HttpRequest) -> HttpResponse:
            await asyncio.Event().wait()
            raise AssertionError

        queue = Deliveries(never, clock=Clock(), faults=Faults(), keep=10)
        await queue.start()
        rule = RetryRule(delays=(), timeout=0.01, judge=judge)
        queue.enqueue(NOTICE, provider="momo", reference="A", rule=rule)
        await queue.idle()
        [delivery] = queue
        assert delivery.to_json() == {
            "id": "1",
            "provider": "momo",
            "reference": "A",
            "method": "GET",
            "url": NOTICE.url,
            "body": "",
            "state": "given up",
            "created_at": START.isoformat(),
            "attempts": [
                {
                    "at": START.isoformat(),
                    "status": None,
                    "note": "no answer in time",
                    "settled": False,
                    "body": "",
                }
            ],
        }

    asyncio.run(scenario())


def test_a_refusal_for_good_ends_the_retries_but_not_what_was_delivered():
    def judge_once(response: HttpResponse) -> Verdict:
        return Verdict(settled=response.status == 200, note="", again=False)

    async def scenario() -> None:
        setting = Setting([404, 200, 404])
        await setting.queue.start()
        setting.enqueue(RetryRule(delays=(5, 60), timeout=1, judge=judge_once))
        await setting.queue.idle()
        [delivery] = setting.queue
        assert (setting.states(), setting.waits) == (["given up"], [])
        assert (await setting.queue.resend(delivery)).settled is True
        assert (await setting.queue.resend(delivery)).settled is False
        assert setting.states() == ["delivered"]

    asyncio.run(scenario())


def test_a_first_attempt_may_have_to_wait_and_a_lost_one_spares_the_switches():
    async def scenario() -> None:
        setting = Setting([], faults=Faults(drop_next_ipn=1, delay_ipn=7))
        await setting.queue.start()
        late = RetryRule(delays=(), timeout=1, judge=judge, wait=3)
        for lost in (True, False, False):
            setting.queue.enqueue(NOTICE, provider="momo", reference="A", rule=late, lost=lost)
        await setting.queue.idle()
        assert setting.states() == ["delivered", "dropped", "dropped"]
        assert setting.waits == [10]

    asyncio.run(scenario())


def test_a_slow_merchant_does_not_hold_up_another_notice():
    async def scenario() -> None:
        gate = asyncio.Event()

        async def first_waits(_request: HttpRequest) -> None:
            if len(setting.sent) == 1:
                await gate.wait()

        setting = Setting([], on_send=first_waits)
        await setting.queue.start()
        setting.enqueue(reference="slow")
        setting.enqueue(reference="quick")
        await asyncio.sleep(0.01)
        assert setting.states() == ["delivered", "waiting"]
        gate.set()
        await setting.queue.idle()
        assert setting.states() == ["delivered", "delivered"]

    asyncio.run(scenario())


def test_faults_drop_duplicate_and_delay():
    async def scenario() -> None:
        setting = Setting([], faults=Faults(drop_next_ipn=1, duplicate_next_ipn=1, delay_ipn=7))
        await setting.queue.start()
        for reference in "ABC":
            setting.enqueue(reference=reference)
        await setting.queue.idle()
        seen = [(delivery.reference, delivery.state) for delivery in setting.queue]
        assert seen == [
            ("C", "delivered"),
            ("B", "delivered"),
            ("B", "delivered"),
            ("A", "dropped"),
        ]
        assert setting.waits == [7, 7, 7]
        assert len(setting.sent) == 3

    asyncio.run(scenario())


def test_a_resend_settles_what_was_dropped_or_is_still_waiting():
    async def scenario() -> None:
        setting = Setting([500], faults=Faults(drop_next_ipn=1))
        setting.enqueue()
        setting.enqueue()
        waiting, dropped = setting.queue
        assert (await setting.queue.resend(dropped)).settled is False
        assert (await setting.queue.resend(dropped)).settled is True
        assert (await setting.queue.resend(waiting)).settled is True
        assert setting.states() == ["delivered", "delivered"]
        await setting.queue.start()
        await setting.queue.idle()
        assert len(setting.sent) == 3

    asyncio.run(scenario())


def test_a_resend_between_two_attempts_ends_the_retries():
    async def scenario() -> None:
        async def resend() -> None:
            [delivery] = setting.queue
            await setting.queue.resend(delivery)

        setting = Setting([500], on_sleep=resend)
        await setting.queue.start()
        setting.enqueue()
        await setting.queue.idle()
        assert (setting.states(), len(setting.sent)) == (["delivered"], 2)

    asyncio.run(scenario())


def test_a_last_minute_resend_is_not_overruled_by_giving_up():
    async def scenario() -> None:
        async def overtake(_request: HttpRequest) -> None:
            if len(setting.sent) == 1:
                [delivery] = setting.queue
                await setting.queue.resend(delivery)

        setting = Setting([500, 200], on_send=overtake)
        await setting.queue.start()
        setting.enqueue(RetryRule(delays=(), timeout=1, judge=judge))
        await setting.queue.idle()
        assert setting.states() == ["delivered"]

    asyncio.run(scenario())


def test_only_so_many_deliveries_are_remembered():
    async def scenario() -> None:
        setting = Setting([], keep=2)
        await setting.queue.start()
        for reference in "ABC":
            setting.enqueue(reference=reference)
        await setting.queue.idle()
        seen = [(delivery.reference, delivery.state) for delivery in setting.queue]
        assert seen == [("C", "delivered"), ("B", "delivered")]
        assert len(setting.sent) == 2

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "wanted",
    [
        {"drop_next_ipn": -1},
        {"drop_next_ipn": True},
        {"drop_next_ipn": 1.5},
        {"duplicate_next_ipn": 1001},
        {"fail_next_refund": "1"},
        {"delay_ipn": float("nan")},
        {"delay_ipn": 3601},
        {"delay_ipn": True},
        {"delay_ipn": "1"},
        {"break_everything": 1},
    ],
)
def test_a_fault_out_of_range_changes_nothing(wanted):
    faults = Faults(drop_next_ipn=3)
    with pytest.raises(BadFaultError):
        faults.change({"drop_next_ipn": 9, **wanted})
    assert faults == Faults(drop_next_ipn=3)
