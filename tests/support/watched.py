"""Telemetry that is kept in memory, by OpenTelemetry's own SDK, and read back as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from paykit.telemetry import Telemetry


@dataclass(frozen=True)
class SeenSpan:
    """One span that has ended."""

    name: str
    attributes: dict[str, Any]
    parent: str | None = None  #: the name of the span that it is a part of
    kind: str = "INTERNAL"
    status: str = "UNSET"
    said: str | None = None  #: the description of its status
    events: list[dict[str, Any]] = field(default_factory=list)


class Watched:
    """Providers of the SDK, and what has arrived at them."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._metrics = InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meters = MeterProvider([self._metrics], shutdown_on_exit=False)
        self.telemetry = Telemetry(tracer_provider=self.tracers, meter_provider=self.meters)
        self.tracer = self.tracers.get_tracer("the shop")

    def raw_spans(self) -> tuple[ReadableSpan, ...]:
        """The spans as the SDK has them."""
        return self._spans.get_finished_spans()

    def spans(self) -> list[SeenSpan]:
        """The spans that have ended, the first one first; they are forgotten."""
        found = self.raw_spans()
        self._spans.clear()
        names = {span.context.span_id: span.name for span in found}
        return [
            SeenSpan(
                span.name,
                dict(span.attributes or {}),
                None if span.parent is None else names.get(span.parent.span_id, "elsewhere"),
                span.kind.name,
                span.status.status_code.name,
                span.status.description,
                [dict(event.attributes or {}) for event in span.events],
            )
            for span in found
        ]

    def metrics(self) -> dict[str, dict[tuple[Any, ...], Any]]:
        """By name and the values of the attributes: a count, or the count and sum of seconds."""
        data = self._metrics.get_metrics_data()
        found: dict[str, dict[tuple[Any, ...], Any]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = {
                        tuple((point.attributes or {}).values()): _value(point)
                        for point in metric.data.data_points
                    }
        return found

    def instruments(self) -> dict[str, tuple[str, str]]:
        """The unit and the description of each metric that has arrived."""
        data = self._metrics.get_metrics_data()
        return {
            metric.name: (metric.unit, metric.description)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


def _value(point: Any) -> Any:
    if isinstance(point, HistogramDataPoint):
        return point.count, point.sum
    return point.value
