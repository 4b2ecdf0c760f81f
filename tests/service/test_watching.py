"""What spans, metrics and logs tell of the service, with the SDK of OpenTelemetry, on both faces."""

import asyncio
import gc
import json
import logging
import tracemalloc
from datetime import timedelta

import attrs
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor

from paykit import (
    BrokerUnavailable,
    ConfigurationError,
    Declined,
    Delivery,
    MessageRefused,
    NoAnswer,
    Outcome,
    StaleDelivery,
    VNPay,
)
from paykit.http import HttpResponse
from paykit.service import AsyncPaymentService, PaymentService, RelaySettings
from paykit.telemetry import COMMAND, CREATE, RECEIVE, RECONCILE, RELAY, RETURN, TALK, Telemetry

from ..support.watched import SeenSpan, Watched
from .cards import answer, cards, declined
from .cards import request as hold
from .everywhere import everywhere
from .shop import START, Clock, momo, notice, request, vnpay
from .test_reconcile import Swept
from .test_transfers import CODE, transfer, vietqr

AT_VNPAY = {"paykit.provider": "vnpay", "paykit.account": "default"}
#: What the notice says of itself: 16:10 in Vietnam.
PAID_AT = START + timedelta(minutes=10)


@pytest.fixture
def watched():
    return Watched()


@pytest.fixture
def service(open_service, watched):
    return open_service(telemetry=watched.telemetry)


def forged():
    return Delivery.get(notice().query.replace(b"ORDER-1", b"ORDER-2"))


# Deliveries.


@everywhere
def test_a_delivery_is_told_of_with_its_outcome_and_its_payment(service, watched, clock):
    session = service.create(request(), provider="vnpay")
    clock.now = PAID_AT + timedelta(seconds=90)
    for _ in range(2):
        service.receive(notice(), provider="vnpay")
    service.receive(notice("ORDER-9", number="9"), provider="vnpay")
    created, *received = watched.spans()
    paid = {"paykit.payment_id": session.payment_id}
    waits = {**paid, "paykit.status": "requires_action"}
    assert created == SeenSpan(CREATE, {**AT_VNPAY, **waits})
    assert received == [
        SeenSpan(RECEIVE, {**AT_VNPAY, "paykit.outcome": outcome, "paykit.events": events, **more})
        for outcome, events, more in [
            ("accepted", 1, paid),
            ("duplicate", 0, paid),
            ("unknown_reference", 0, {}),
        ]
    ]
    assert watched.metrics() == {
        "paykit.deliveries": {
            ("vnpay", "accepted"): 1,
            ("vnpay", "duplicate"): 1,
            ("vnpay", "unknown_reference"): 1,
        },
        "paykit.time_to_event": {("vnpay", "webhook"): (1, 90.0)},
    }


class Distant(VNPay):
    """One whose notices can only be proven by asking."""

    def verify(self, delivery):
        yield "no request at all"


@pytest.mark.parametrize(
    ("delivery", "outcome", "reason", "error"),
    [
        (forged(), "bad_signature", "signature", "SignatureError"),
        (Delivery.get("vnp_TxnRef=1"), "bad_signature", "signature", "SignatureError"),
        (Delivery.get(b"\xff" * 9), "malformed", "malformed", "MalformedDelivery"),
    ],
)
def test_who_sends_nonsense_makes_no_error_of_ours(
    service, watched, delivery, outcome, reason, error
):
    said = service.receive(delivery, provider="vnpay")
    assert (said.outcome, type(said.error).__name__) == (outcome, error)
    refused = {"paykit.outcome": outcome, "paykit.events": 0, "error.type": error}
    assert watched.spans() == [SeenSpan(RECEIVE, {**AT_VNPAY, **refused})]
    assert watched.metrics() == {
        "paykit.deliveries": {("vnpay", outcome): 1},
        "paykit.verification.failures": {("vnpay", reason): 1},
    }


def test_that_nobody_could_be_asked_for_the_proof_is_one(open_service, watched):
    service = open_service(
        providers=[Distant(vnpay().config)],
        answers=[NoAnswer("the host is down")],
        telemetry=watched.telemetry,
    )
    service.receive(notice(), provider="vnpay")
    (received,) = watched.spans()
    assert (received.status, received.said) == ("ERROR", "the host is down")
    assert received.attributes == {
        **AT_VNPAY,
        "paykit.outcome": "try_again",
        "paykit.events": 0,
        "error.type": "NoAnswer",
    }
    assert watched.metrics()["paykit.verification.failures"] == {("vnpay", "unreachable"): 1}


def test_what_is_genuine_and_too_old_is_told_as_that(open_service, watched):
    class Old(VNPay):
        def verify(self, delivery):
            raise StaleDelivery("an hour old", provider="vnpay")

    service = open_service(providers=[Old(vnpay().config)], telemetry=watched.telemetry)
    assert service.receive(notice(), provider="vnpay").outcome is Outcome.STALE
    assert watched.metrics()["paykit.verification.failures"] == {("vnpay", "stale"): 1}


def test_of_several_payments_all_are_named(service, watched):
    class Batch(VNPay):
        def parse(self, verified):
            one = super().parse(verified)[0]
            other = attrs.evolve(one, reference="ORDER-2", event_id="2", provider_id="2")
            return (one, other)

    ids = [service.create(request(f"ORDER-{n}"), provider="vnpay").payment_id for n in (1, 2)]
    vars(service.service._operations)["_providers"]["vnpay"] = Batch(vnpay().config)
    service.receive(notice(), provider="vnpay")
    assert watched.spans()[-1].attributes["paykit.payment_ids"] == tuple(ids)


def test_a_return_tells_whether_it_is_proven_and_how_the_payment_stands(service, watched):
    session = service.create(request(), provider="vnpay")
    service.receive_return(notice(), provider="vnpay")
    service.receive_return(forged(), provider="vnpay")
    stands = {"paykit.payment_id": session.payment_id, "paykit.status": "requires_action"}
    assert watched.spans()[1:] == [
        SeenSpan(RETURN, {**AT_VNPAY, "paykit.verified": True, "paykit.events": 0, **stands}),
        SeenSpan(RETURN, {**AT_VNPAY, "paykit.verified": False, "paykit.events": 0}),
    ]
    assert "paykit.verification.failures" not in watched.metrics()  # anybody opens pages


def test_the_time_of_a_transfer_counts_to_its_event(open_service, watched, clock):
    service = open_service(providers=[vietqr()], telemetry=watched.telemetry)
    service.create(request(CODE), provider="vietqr")
    clock.pass_(minutes=3)
    assert service.record_transfers([transfer(memo=CODE, at=START)], provider="vietqr") == 1
    assert watched.metrics() == {"paykit.time_to_event": {("vietqr", "transfer"): (1, 180.0)}}


def test_a_fact_without_a_time_of_its_own_is_not_measured(open_service, watched, clock):
    service = open_service(providers=[cards()], answers=[answer()], telemetry=watched.telemetry)
    service.create(hold(), provider="cards")  # which is answered with the money
    assert len(service.outbox()) == 1
    assert "paykit.time_to_event" not in watched.metrics()


# What is asked of providers.


@everywhere
def test_a_question_to_a_provider_is_a_part_of_what_needed_it(open_service, watched):
    made = {"partnerCode": "MOMOSHOP", "orderId": "ORDER-1", "requestId": "ORDER-1"}
    more = {
        "amount": 150_000,
        "resultCode": 0,
        "message": "",
        "responseTime": 1,
        "payUrl": "https://m/",
    }
    service = open_service(
        answers=[HttpResponse(200, body=json.dumps(made | more).encode()), NoAnswer("silence")],
        telemetry=watched.telemetry,
    )
    session = service.create(request(), provider="momo")
    with pytest.raises(NoAnswer):
        service.create(request("ORDER-2"), provider="momo")
    at = {"paykit.provider": "momo", "paykit.account": "default"}
    asked = {**at, "http.request.method": "POST", "server.address": "test-payment.momo.vn"}
    status = {"paykit.payment_id": session.payment_id, "paykit.status": "requires_action"}
    silence = {
        "status": "ERROR",
        "said": "silence",
        "events": [{"exception.type": "NoAnswer", "exception.message": "silence"}],
    }
    assert watched.spans() == [
        SeenSpan(TALK, {**asked, "http.response.status_code": 200}, parent=CREATE, kind="CLIENT"),
        SeenSpan(CREATE, {**at, **status}),
        SeenSpan(
            TALK, {**asked, "error.type": "NoAnswer"}, parent=CREATE, kind="CLIENT", **silence
        ),
        SeenSpan(CREATE, {**at, "error.type": "NoAnswer"}, **silence),
    ]


def test_commands_tell_their_kind_and_their_payment(open_service, watched):
    service = open_service(
        providers=[cards()],
        answers=[answer("authorized", id="psp-1"), declined(), answer("succeeded", id="psp-1")],
        telemetry=watched.telemetry,
    )
    payment_id = service.create(hold(), provider="cards").payment_id
    with pytest.raises(Declined):
        service.capture(payment_id)
    service.capture(payment_id, idempotency_key="again")
    _, _, talk, refused, _, done = watched.spans()
    started = {"paykit.command.kind": "capture", "paykit.payment_id": payment_id}
    assert (talk.name, talk.parent) == (TALK, COMMAND)
    assert (refused.attributes, refused.status) == ({**started, "error.type": "Declined"}, "ERROR")
    at = {"paykit.provider": "cards", "paykit.account": "default"}
    assert done == SeenSpan(
        COMMAND, {**started, **at, "paykit.events": 1, "paykit.status": "succeeded"}
    )


def test_each_command_has_a_span(open_service, watched):
    service = open_service(providers=[cards()], telemetry=watched.telemetry)
    for act in (service.capture, service.void, service.refund):
        with pytest.raises(Exception, match="no such payment"):
            act("pay_none")
    kinds = [span.attributes["paykit.command.kind"] for span in watched.spans()]
    assert kinds == ["capture", "void", "refund"]


def test_an_account_that_is_not_there_makes_a_span_without_one(service, watched):
    with pytest.raises(ConfigurationError):
        service.receive(notice(), provider="stripe")
    assert [span.attributes for span in watched.spans()] == [{"error.type": "ConfigurationError"}]
    assert watched.metrics() == {}


# Publishing.


class Broker:
    """A publisher with prepared results; it notes which span it is called in."""

    def __init__(self, *results, is_async=False):
        self.is_async = is_async
        self.results = list(results)
        self.within = []

    def publish(self, messages):
        self.within.append(trace.get_current_span().name)
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    def close(self):
        pass


class AsyncBroker(Broker):
    async def publish(self, messages):
        await asyncio.sleep(0)
        return super().publish(messages)

    async def close(self):
        pass


def wait_for(service, *publishers):
    service.publish_to(*publishers, background=False)
    for number in (1, 2):
        service.create(request(f"ORDER-{number}"), provider="vnpay")
        service.receive(notice(f"ORDER-{number}", number=str(number)), provider="vnpay")


@everywhere
@pytest.mark.parametrize("kind", [Broker, AsyncBroker])
def test_the_relay_measures_how_long_events_waited(service, watched, clock, kind):
    broker = kind([None, None], is_async=kind is AsyncBroker)
    wait_for(service, broker)
    watched.spans()
    clock.pass_(seconds=4)
    assert (service.relay(), service.relay()) == (2, 0)
    assert watched.spans() == [SeenSpan(RELAY, {"paykit.events": 2})]  # an empty look is none
    assert broker.within == [RELAY]
    told = watched.metrics()
    assert told["paykit.relay.lag"] == {(): (2, 8.0)}
    assert told["paykit.relay.published"] == {(): 2}


def test_what_is_not_taken_is_counted_by_its_error_and_the_dead_by_themselves(
    open_service, watched, clock
):
    refusal = MessageRefused("too large")
    service = open_service(telemetry=watched.telemetry, relay=RelaySettings(max_attempts=2))
    broker = Broker([None, refusal], [refusal], BrokerUnavailable("away"))
    wait_for(service, broker)
    service.relay()
    clock.pass_(minutes=1)
    service.relay()
    service.replay()
    with pytest.raises(BrokerUnavailable):
        service.relay()
    told = watched.metrics()
    assert {name: told[name] for name in told if ".relay." in name and "lag" not in name} == {
        "paykit.relay.published": {(): 1},
        "paykit.relay.failures": {("MessageRefused",): 2, ("BrokerUnavailable",): 1},
        "paykit.relay.dead": {(): 1},
    }
    (failed,) = [span for span in watched.spans() if span.status == "ERROR"]
    assert (failed.name, failed.said) == (RELAY, "away")


def test_a_handler_runs_within_the_span_of_the_relay(service, watched):
    within = []
    service.create(request(), provider="vnpay")
    service.receive(notice(), provider="vnpay")
    service.service._handlers.append(lambda _: within.append(trace.get_current_span().name))
    service.relay()
    assert within == [RELAY]


def test_a_relay_in_the_background_is_part_of_no_span(database, watched):
    """Whoever started it is over soon, and the relay is not."""

    async def start_within_a_span():
        seen = asyncio.Event()
        async with AsyncPaymentService(
            [vnpay()], database=database, telemetry=watched.telemetry, clock=Clock()
        ) as service:
            with watched.tracer.start_as_current_span("startup"):
                await service.subscribe(lambda _: seen.set())
            await service.create(request(), provider="vnpay")
            await service.receive(notice(), provider="vnpay")
            async with asyncio.timeout(10):
                await seen.wait()

    asyncio.run(start_within_a_span())
    assert [span.parent for span in watched.spans() if span.name == RELAY] == [None]


# The sweep.


def test_a_sweep_counts_what_it_repairs_and_what_it_gives_up(open_service, watched, clock):
    service = open_service(
        providers=[cards(Swept)],
        answers=[answer("requires_action", id="psp-1"), answer("pending", id="psp-2")],
        telemetry=watched.telemetry,
    )
    for number in (1, 2):
        service.create(hold(f"R-{number}"), provider="swept")
    clock.pass_(days=4)
    service.transport.answers += [answer("succeeded", id="psp-1"), answer("pending", id="psp-2")]
    report = service.reconcile()
    assert [len(report.changes), len(report.given_up)] == [1, 1]
    told = watched.metrics()
    assert told["paykit.reconcile.repairs"] == {("swept", "requires_action", "succeeded"): 1}
    assert told["paykit.reconcile.given_up"] == {("swept",): 1}
    *talks, swept = watched.spans()[-3:]
    assert [talk.parent for talk in talks] == [RECONCILE, RECONCILE]
    counts = {"asked": 2, "events": 1, "changes": 1, "given_up": 1, "failures": 0}
    assert swept == SeenSpan(RECONCILE, {f"paykit.{name}": n for name, n in counts.items()})


# Context.


def test_many_deliveries_at_once_have_a_span_each(database, watched):
    async def take(service, number):
        with watched.tracer.start_as_current_span(f"request {number}"):
            await service.receive(notice(f"ORDER-{number}", number=str(number)), provider="vnpay")

    async def take_all():
        async with AsyncPaymentService(
            [vnpay()], database=database, telemetry=watched.telemetry
        ) as service:
            await asyncio.gather(*(take(service, number) for number in range(20)))

    asyncio.run(take_all())
    found = watched.raw_spans()
    parents = {span.context.span_id: span.name for span in found}
    of_requests = [parents[span.parent.span_id] for span in found if span.name == RECEIVE]
    assert sorted(of_requests) == sorted(f"request {number}" for number in range(20))


def test_what_is_cancelled_leaves_no_span_behind(database, watched, caplog):
    async def hang(_self, _request):
        await asyncio.Event().wait()

    async def cancel():
        transport = type("Silent", (), {"send": hang})()
        async with AsyncPaymentService(
            [momo()], database=database, telemetry=watched.telemetry, transport=transport
        ) as service:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await service.create(request(), provider="momo")
            return trace.get_current_span().get_span_context().is_valid

    assert asyncio.run(cancel()) is False
    assert [(span.name, span.attributes["error.type"]) for span in watched.spans()] == [
        (TALK, "CancelledError"),
        (CREATE, "CancelledError"),
    ]
    assert caplog.records == []


class Broken(SpanProcessor):
    def on_start(self, span, parent_context=None):
        raise RuntimeError("no room")

    def on_end(self, span):
        raise RuntimeError("the exporter is away")


@everywhere
def test_a_delivery_is_taken_whatever_becomes_of_its_span(open_service, caplog):
    watched = Watched()
    watched.tracers.add_span_processor(Broken())
    service = open_service(telemetry=watched.telemetry)
    service.create(request(), provider="vnpay")
    assert service.receive(notice(), provider="vnpay").outcome is Outcome.ACCEPTED
    assert [one.name for one in caplog.records] == ["paykit.telemetry"]


def test_in_a_transaction_of_the_shop_deliveries_are_counted(database, watched):
    from sqlalchemy import create_engine

    with PaymentService([vnpay()], database=database, telemetry=watched.telemetry) as service:
        service.create(request(), provider="vnpay")
        watched.spans()
        engine = create_engine(database)
        with engine.begin() as connection:
            service.joined(connection).receive(notice(), provider="vnpay")
        engine.dispose()
    assert watched.spans() == []
    assert watched.metrics() == {"paykit.deliveries": {("vnpay", "accepted"): 1}}


# Logs.


def said(caplog):
    return [one.getMessage() for one in caplog.records if one.name == "paykit.service"]


def test_a_flood_of_forged_deliveries_makes_a_few_lines(service, clock, caplog):
    for _ in range(1000):
        assert service.receive(forged(), provider="vnpay").outcome is Outcome.BAD_SIGNATURE
    lines = said(caplog)
    assert (len(lines), set(lines)) == (10, {lines[0]})
    assert lines[0].startswith("refused a delivery for vnpay: the signature does not match")
    caplog.clear()
    clock.pass_(minutes=1)
    service.receive(notice(), provider="vnpay")
    assert said(caplog)[0] == "and 990 more of these: refused a delivery for vnpay: …"
    first = caplog.records[0]
    assert (first.levelname, first.left_out, first.provider, first.account) == (
        "WARNING",
        990,
        "vnpay",
        "default",
    )


def test_what_is_remembered_of_a_flood_does_not_grow(service):
    for number in range(50):
        service.receive(Delivery.get(f"vnp_TxnRef={number}"), provider="vnpay")
        service.receive(Delivery.post_json({"orderId": f"{number}"}), provider="momo")
        service.receive_return(Delivery.get(f"vnp_TxnRef={number}"), provider="vnpay")
    assert len(service.service._operations._throttle._windows) == 3


@pytest.mark.untraced
def test_a_flood_costs_no_memory(database):
    watched = Watched()
    telemetry = Telemetry(meter_provider=watched.meters)  # spans would be kept by the test
    calls = [Delivery.get(f"vnp_TxnRef={number}&vnp_SecureHash=00") for number in range(2000)]
    log = logging.getLogger("paykit.service")
    log.propagate = False  # pytest would keep the lines
    tracemalloc.start()
    try:
        with PaymentService([vnpay()], database=database, telemetry=telemetry) as service:
            for call in calls[:500]:
                service.receive(call, provider="vnpay")
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            for call in calls[500:]:
                service.receive(call, provider="vnpay")
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        log.propagate = True
    assert after - before < 30_000  # 20 bytes for each


def test_each_account_has_lines_of_its_own(service, caplog):
    for _ in range(20):
        service.receive(forged(), provider="vnpay")
    service.receive(Delivery.post_json({}), provider="momo")
    assert [one.provider for one in caplog.records] == ["vnpay"] * 10 + ["momo"]


def test_at_the_end_it_is_said_what_was_left_out(service, caplog):
    for _ in range(11):
        service.receive(forged(), provider="vnpay")
    caplog.clear()
    service.close()
    assert said(caplog) == ["and 1 more of these: refused a delivery for vnpay: …"]


def test_a_line_for_a_person_has_what_to_look_for(service, caplog):
    session = service.create(request(), provider="vnpay")
    service.receive(notice(amount=1), provider="vnpay")
    (line,) = caplog.records
    assert (line.outcome, line.provider, line.payment_ids) == (
        "mismatch",
        "vnpay",
        (session.payment_id,),
    )
    assert len(line.digest) == 64


def test_without_telemetry_of_its_own_the_global_one_is_used(database):
    with PaymentService([vnpay()], database=database) as service:
        assert isinstance(service._telemetry, Telemetry)
        assert service.receive(notice(), provider="vnpay").outcome is Outcome.UNKNOWN_REFERENCE
