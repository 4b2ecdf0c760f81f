"""Spans and metrics by themselves: what they tell, and that nothing of them ever gets in the way."""

import asyncio
import contextvars
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Sampler
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan

from paykit import BrokerUnavailable
from paykit.metrics import DELIVERIES, METRICS, RELAY_DEAD, RELAY_LAG, RELAY_PUBLISHED
from paykit.telemetry import RECEIVE, RELAY, SPANS, TALK, Telemetry, current_ids

from .support.watched import SeenSpan, Watched

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def watched():
    return Watched()


# Names.


def test_names_and_units_follow_the_conventions():
    assert all(name.startswith("paykit.") for name in SPANS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith("paykit.")
        assert metric.kind == ("histogram" if metric.unit == "s" else "counter")
        assert metric.unit == "s" or metric.unit.strip("{}").isalpha()


def test_no_id_is_an_attribute_of_a_metric():
    """Each value of an attribute is a series of its own, which somebody pays for."""
    assert {name for metric in METRICS for name in metric.attributes} == {
        "error.type",
        "paykit.after",
        "paykit.before",
        "paykit.outcome",
        "paykit.provider",
        "paykit.reason",
        "paykit.source",
    }


# Metrics.


def test_counters_and_histograms_arrive(watched):
    telemetry = watched.telemetry
    telemetry.count(DELIVERIES, "momo", "accepted")
    telemetry.count(DELIVERIES, "momo", "accepted")
    telemetry.count(DELIVERIES, "vnpay", "duplicate")
    telemetry.count(RELAY_PUBLISHED, times=500)
    telemetry.count(RELAY_DEAD, times=0)
    telemetry.measure(RELAY_LAG, begin=NOW, end=NOW + timedelta(seconds=1.5))
    telemetry.measure(RELAY_LAG, begin=NOW, end=NOW - timedelta(seconds=9))
    assert watched.metrics() == {
        "paykit.deliveries": {("momo", "accepted"): 2, ("vnpay", "duplicate"): 1},
        "paykit.relay.published": {(): 500},
        "paykit.relay.lag": {(): (2, 1.5)},
    }
    assert watched.instruments()["paykit.relay.lag"] == (RELAY_LAG.unit, RELAY_LAG.description)


# Spans.


def test_a_span_tells_what_came_of_it(watched):
    with watched.telemetry.span(RECEIVE, lambda: {"paykit.provider": "momo"}) as span:
        assert span.is_recording
        with watched.telemetry.span(TALK) as talk:
            talk.answered(200)
        span.tell(lambda: {"paykit.outcome": "accepted"})
    assert watched.spans() == [
        SeenSpan(TALK, {"http.response.status_code": 200}, parent=RECEIVE, kind="CLIENT"),
        SeenSpan(RECEIVE, {"paykit.provider": "momo", "paykit.outcome": "accepted"}),
    ]


def test_an_answer_that_says_no_is_an_error(watched):
    with watched.telemetry.span(TALK) as span:
        span.answered(503)
    told = {"http.response.status_code": 503, "error.type": "503"}
    assert watched.spans() == [SeenSpan(TALK, told, kind="CLIENT", status="ERROR")]


def test_an_error_of_ours_is_told_with_its_words_but_for_secrets(watched):
    with pytest.raises(BrokerUnavailable), watched.telemetry.span(RELAY):
        raise BrokerUnavailable("amqp://shop:pw@broker is away, as is 4111111111111111")
    said = "amqp://shop:[redacted]@broker is away, as is [redacted]"
    told = {"exception.type": "BrokerUnavailable", "exception.message": said}
    assert watched.spans() == [
        SeenSpan(
            RELAY, {"error.type": "BrokerUnavailable"}, status="ERROR", said=said, events=[told]
        )
    ]


def test_of_others_errors_only_the_name_is_told(watched):
    with pytest.raises(LookupError), watched.telemetry.span(RELAY):
        raise LookupError("parameters: {'name': 'Nguyễn Văn A'}")
    (span,) = watched.spans()
    assert (span.attributes, span.status, span.said) == ({"error.type": "LookupError"}, "ERROR", "")
    assert span.events == [{"exception.type": "LookupError", "exception.message": ""}]


def test_what_was_cancelled_did_not_fail(watched):
    async def work():
        with watched.telemetry.span(RECEIVE):
            await asyncio.Event().wait()

    async def cancel():
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(cancel())
    assert watched.spans() == [SeenSpan(RECEIVE, {"error.type": "CancelledError"})]


def test_inside_its_block_a_span_is_the_current_one(watched):
    assert current_ids() == {}
    with watched.telemetry.span(RECEIVE):
        here = trace.get_current_span().get_span_context()
        assert current_ids() == {
            "trace_id": f"{here.trace_id:032x}",
            "span_id": f"{here.span_id:016x}",
        }
    assert current_ids() == {}


def test_a_span_that_is_not_sampled_hands_its_trace_on():
    telemetry = Telemetry(tracer_provider=TracerProvider(ALWAYS_OFF, shutdown_on_exit=False))
    with telemetry.span(RECEIVE) as span:
        assert not span.is_recording
        assert current_ids() != {}


def test_a_span_may_be_left_behind(watched):
    def goes_on():
        watched.telemetry.leave_span()
        with watched.telemetry.span(RELAY):
            pass

    with watched.tracer.start_as_current_span("startup"):
        contextvars.copy_context().run(goes_on)
    assert [(span.name, span.parent) for span in watched.spans()] == [
        (RELAY, None),
        ("startup", None),
    ]


# Without an SDK, without the API, with one that fails.


def test_without_an_sdk_nothing_is_told_and_nothing_is_current():
    telemetry = Telemetry()
    assert telemetry.is_on
    with telemetry.span(RECEIVE, lambda: {"paykit.provider": "momo"}) as span:
        assert (span.is_recording, current_ids()) == (False, {})
        assert context.get_current() == {}
        span.answered(500)
        span.fail(LookupError())
    telemetry.count(DELIVERIES, "momo", "accepted")
    telemetry.measure(RELAY_LAG, begin=NOW, end=NOW)


GLOBAL = """
from datetime import datetime, UTC
from paykit.telemetry import Telemetry, RECEIVE
from paykit.metrics import RELAY_DEAD
telemetry = Telemetry()
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
metrics.set_meter_provider(MeterProvider([reader]))
with telemetry.span(RECEIVE):
    telemetry.count(RELAY_DEAD)
(span,) = spans.get_finished_spans()
(scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
print(span.name, span.instrumentation_scope.name, scope.scope.name, scope.metrics[0].name)
"""


def test_global_providers_may_be_set_later():
    assert run(GLOBAL) == "paykit.receive paykit paykit paykit.relay.dead\n"


WITHOUT = """
import sys
sys.modules["opentelemetry"] = None  # as if it were not installed
import json, logging
from paykit import Delivery
from paykit.logs import JsonFormatter
from paykit.service import PaymentService
from tests.service.shop import Answers, Clock, notice, request, vnpay
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(JsonFormatter())
logging.getLogger("paykit").addHandler(handler)
seen = []
with PaymentService([vnpay()], database=sys.argv[1], clock=Clock()) as service:
    service.create(request(), provider="vnpay")
    print(service.receive(notice(), provider="vnpay").outcome)
    forged = Delivery.get(notice().query.replace(b"ORDER-1", b"ORDER-2"))
    service.receive(forged, provider="vnpay")
    service._handlers.append(seen.append)
    service.relay()
    service.receive_return(notice(), provider="vnpay")
    service.reconcile()
    print(service.health().ready, seen[0].status)
print(sorted(name for name in sys.modules if name.startswith("opentelemetry.")))
"""


def test_without_opentelemetry_everything_works(tmp_path):
    said = run(WITHOUT, f"sqlite:///{tmp_path}/payments.db").splitlines()
    assert (said[0], said[2:]) == ("accepted", ["True succeeded", "[]"])
    assert '"provider":"vnpay","account":"default","error":"SignatureError"}' in said[1]


def run(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


class Failing(SpanProcessor, Sampler):
    """Parts of an SDK that raise wherever they are called."""

    def on_start(self, span, parent_context=None):
        raise RuntimeError("no room for a span")

    def on_end(self, span):
        raise RuntimeError("the exporter is away")

    def should_sample(self, *arguments, **more):
        raise RuntimeError("which ones?")

    def get_description(self):
        return "failing"


class FailingMeters(MeterProvider):
    def get_meter(self, *arguments, **more):
        raise RuntimeError("nothing is measured here")


def fails_at_start():
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Failing())
    return Telemetry(tracer_provider=provider)


def fails_at_the_end():
    class AtTheEnd(Failing):
        def on_start(self, span, parent_context=None):
            pass

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(AtTheEnd())
    return Telemetry(tracer_provider=provider)


def fails_to_sample():
    return Telemetry(tracer_provider=TracerProvider(Failing(), shutdown_on_exit=False))


def fails_to_measure():
    return Telemetry(meter_provider=FailingMeters(shutdown_on_exit=False))


class Broken(NonRecordingSpan):
    """A span of somebody's tracer that cannot even say which it is."""

    def get_span_context(self):
        raise RuntimeError("no context")


def fails_by(span):
    class Tracers(TracerProvider):
        def get_tracer(self, *arguments, **more):
            tracer = super().get_tracer(*arguments, **more)
            tracer.start_span = lambda *given, **more: span(INVALID_SPAN_CONTEXT)
            return tracer

    return Telemetry(tracer_provider=Tracers(shutdown_on_exit=False))


def fails_to_name_itself():
    return fails_by(Broken)


@pytest.mark.parametrize(
    "make",
    [fails_at_start, fails_at_the_end, fails_to_sample, fails_to_measure, fails_to_name_itself],
)
def test_whatever_fails_inside_is_said_once_and_raised_never(make, caplog):
    telemetry = make()
    with caplog.at_level(logging.WARNING, logger="paykit"):
        for _ in range(3):
            with telemetry.span(RECEIVE) as span:
                span.tell(lambda: {"paykit.outcome": "accepted"})
            telemetry.count(DELIVERIES, "momo", "accepted")
            telemetry.measure(RELAY_LAG, begin=NOW, end=NOW)
    said = [one.getMessage() for one in caplog.records]
    assert said == ["OpenTelemetry failed, which is not said again: RuntimeError"]
    assert current_ids() == {}


def test_a_current_span_that_is_broken_has_no_ids():
    token = context.attach(trace.set_span_in_context(Broken(INVALID_SPAN_CONTEXT)))
    try:
        assert current_ids() == {}
    finally:
        context.detach(token)


def test_a_description_that_fails_costs_only_itself(watched):
    with watched.telemetry.span(RECEIVE) as span:
        span.tell(lambda: {"paykit.outcome": None.value})
        watched.telemetry.measure(RELAY_LAG, begin=NOW, end=NOW.replace(tzinfo=None))
    assert watched.spans() == [SeenSpan(RECEIVE, {})]
    assert watched.metrics() == {}
