"""Spans and metrics of OpenTelemetry, where its API is installed; else nothing at nearly no cost.

Whatever the SDK or an exporter raises stays here: no payment fails because nobody can watch it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import lru_cache, partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

from . import __version__
from .errors import PaykitError
from .metrics import METRICS, Metric
from .redaction import redact

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

Attributes: TypeAlias = Mapping[str, str | bool | int | float | tuple[str, ...]]
#: Gives attributes. It is called where an error does no harm, and only for those who want them.
Describe: TypeAlias = Callable[[], Attributes]

_log: Final = logging.getLogger("paykit.telemetry")
_SCOPE: Final = "paykit"
_LONGEST_ERROR: Final = 500
#: HTTP statuses from here on say no.
_FIRST_REFUSAL: Final = 400

#: The names of the spans: what the service is doing.
RECEIVE: Final = "paykit.receive"
RETURN: Final = "paykit.return"
CREATE: Final = "paykit.create"
COMMAND: Final = "paykit.command"
RELAY: Final = "paykit.relay"
RECONCILE: Final = "paykit.reconcile"
TALK: Final = "paykit.talk"
SPANS: Final = (RECEIVE, RETURN, CREATE, COMMAND, RELAY, RECONCILE, TALK)


class Span:
    """One operation, for as long as a ``with`` block. This one tells nobody."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return

    @property
    def is_recording(self) -> bool:
        """Whether it is worth the while to tell it anything."""
        return False

    def tell(self, describe: Describe) -> None:
        """Add the attributes that ``describe`` gives."""

    def fail(self, error: BaseException) -> None:
        """Mark it as failed: with the words of an error of ours, of others only with the name."""

    def answered(self, status: int) -> None:
        """Note the HTTP status of an answer."""


_NO_SPAN: Final = Span()


class Telemetry:
    """Where the service's spans and metrics go: to these providers, else to the global ones.

    The global ones may be set after this is made. Safe to share between threads. No method raises;
    the first thing that goes wrong inside OpenTelemetry is logged.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._tracer: Any = None
        self._instruments: dict[str, Any] = {}
        self._quietly = _Quietly()
        try:
            from opentelemetry import context, metrics, trace
        except ImportError:
            return
        self._trace, self._context = trace, context
        meter = self._quietly(metrics.get_meter, _SCOPE, __version__, meter_provider)
        for metric in METRICS:
            self._instruments[metric.name] = self._quietly(_instrument, meter, metric)
        self._tracer = self._quietly(trace.get_tracer, _SCOPE, __version__, tracer_provider)

    @property
    def is_on(self) -> bool:
        """Whether OpenTelemetry is there."""
        return self._tracer is not None

    def count(self, metric: Metric, *values: str, times: int = 1) -> None:
        """Add to a counter; ``values`` are those of the metric's attributes, in their order."""
        if (counter := self._instruments.get(metric.name)) is None or not times:
            return
        try:
            counter.add(times, _attributes(metric, values))
        except Exception as error:  # noqa: BLE001 - whatever somebody's exporter raises
            self._quietly.failed(error)

    def measure(self, metric: Metric, *values: str, begin: datetime, end: datetime) -> None:
        """Record how long something took; less than nothing, where two clocks differ, is 0."""
        if (histogram := self._instruments.get(metric.name)) is None:
            return
        try:
            seconds = max((end - begin).total_seconds(), 0.0)
            histogram.record(seconds, _attributes(metric, values))
        except Exception as error:  # noqa: BLE001 - as above
            self._quietly.failed(error)

    def span(self, name: str, describe: Describe = dict) -> Span:
        """A span that begins with a ``with`` block and is the current one in there."""
        if self._tracer is None:
            return _NO_SPAN
        kinds = self._trace.SpanKind
        kind = kinds.CLIENT if name == TALK else kinds.INTERNAL
        begin = partial(self._begin, name, kind, describe)
        return _RealSpan(self._trace, self._context, begin, self._quietly)

    def _begin(self, name: str, kind: Any, describe: Describe) -> Any:
        return self._tracer.start_span(name, kind=kind, attributes=describe())

    def leave_span(self) -> None:
        """Let what follows in this context be part of no span: it goes on after that is over."""
        if self._tracer is not None:
            nothing = self._trace.set_span_in_context(self._trace.INVALID_SPAN)
            self._quietly(self._context.attach, nothing)


class _RealSpan(Span):
    """A span of OpenTelemetry."""

    __slots__ = ("_begin", "_context", "_quietly", "_span", "_token", "_trace")

    def __init__(
        self, trace: Any, context: Any, begin: Callable[[], Any], quietly: _Quietly
    ) -> None:
        self._trace, self._context, self._begin, self._quietly = trace, context, begin, quietly
        self._span: Any = None
        self._token: Any = None

    def __enter__(self) -> Self:
        self._span = self._quietly(self._begin) or self._trace.INVALID_SPAN
        self._token = self._quietly(self._attach)
        return self

    def _attach(self) -> Any:
        if not self._span.get_span_context().is_valid:  # nobody has set up an SDK
            return None
        return self._context.attach(self._trace.set_span_in_context(self._span))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            self._quietly(self._context.detach, self._token)
        if error is not None:
            self.fail(error)
        self._quietly(self._span.end)

    @property
    def is_recording(self) -> bool:
        return bool(self._quietly(self._span.is_recording))

    def tell(self, describe: Describe) -> None:
        self._quietly(lambda: self._span.set_attributes(describe()))

    def fail(self, error: BaseException) -> None:
        name = type(error).__name__
        self.tell(lambda: {"error.type": name})
        if not isinstance(error, Exception):  # from outside: it was cancelled, or interrupted
            return
        # What others put into their errors is theirs to show; a database's has parameters in it.
        words = redact(str(error))[:_LONGEST_ERROR] if isinstance(error, PaykitError) else ""
        told = {"exception.type": name, "exception.message": words}
        self._quietly(self._span.add_event, "exception", told)
        self._quietly(self._span.set_status, self._trace.StatusCode.ERROR, words)

    def answered(self, status: int) -> None:
        self.tell(lambda: {"http.response.status_code": status})
        if status >= _FIRST_REFUSAL:
            self.tell(lambda: {"error.type": str(status)})
            self._quietly(self._span.set_status, self._trace.StatusCode.ERROR)


class _Quietly:
    """Calls what may fail; says once that it did, and goes on."""

    def __init__(self) -> None:
        self._has_failed = False

    def __call__(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except Exception as error:  # noqa: BLE001 - as above
            self.failed(error)
            return None

    def failed(self, error: Exception) -> None:
        """Say it, if it is the first time."""
        if not self._has_failed:
            self._has_failed = True
            name = type(error).__name__
            _log.warning(
                "OpenTelemetry failed, which is not said again: %s",
                name,
                exc_info=error,
                extra={"error": name},
            )


def current_ids() -> dict[str, str]:
    """The ids of the trace and the span that are current here, in hex; empty without any."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:  # nobody has begun one
        return {}
    ids: dict[str, str] = {}
    # Whatever somebody's span raises: the line is logged without them.
    with suppress(Exception):
        here = trace.get_current_span().get_span_context()
        if here.is_valid:
            ids = {"trace_id": f"{here.trace_id:032x}", "span_id": f"{here.span_id:016x}"}
    return ids


@lru_cache(maxsize=1024)  # they have few values, and the same ones all the time
def _attributes(metric: Metric, values: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(metric.attributes, values, strict=True))


def _instrument(meter: Any, metric: Metric) -> Any:
    about: dict[str, str] = {"unit": metric.unit, "description": metric.description}
    if metric.buckets:
        return meter.create_histogram(
            metric.name, **about, explicit_bucket_boundaries_advisory=metric.buckets
        )
    return meter.create_counter(metric.name, **about)
