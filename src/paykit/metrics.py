"""What is counted and measured, by name: the names, units and attributes are part of the interface.

They follow https://opentelemetry.io/docs/specs/semconv/general/naming/; units are those of UCUM. An
attribute has few values: no id is one.
"""

from __future__ import annotations

from typing import Final, Literal

import attrs


@attrs.frozen(kw_only=True, eq=False)
class Metric:
    """What is counted or measured. A histogram has the bounds of its buckets."""

    name: str
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def kind(self) -> Literal["counter", "histogram"]:
        """What it is for OpenTelemetry."""
        return "histogram" if self.buckets else "counter"


DELIVERIES: Final = Metric(
    name="paykit.deliveries",
    unit="{delivery}",
    description="Webhooks, by what became of them",
    attributes=("paykit.provider", "paykit.outcome"),
)
VERIFICATION_FAILURES: Final = Metric(
    name="paykit.verification.failures",
    unit="{delivery}",
    description="Webhooks that were not proven to come from the provider",
    attributes=("paykit.provider", "paykit.reason"),
)
TIME_TO_EVENT: Final = Metric(
    name="paykit.time_to_event",
    unit="s",
    description="From the provider's own time of a fact to the commit of the event that it made",
    attributes=("paykit.provider", "paykit.source"),
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400),
)
RELAY_LAG: Final = Metric(
    name="paykit.relay.lag",
    unit="s",
    description="From the making of an event to its being published",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600),
)
RELAY_PUBLISHED: Final = Metric(
    name="paykit.relay.published", unit="{event}", description="Events that every target took"
)
RELAY_FAILURES: Final = Metric(
    name="paykit.relay.failures",
    unit="{event}",
    description="Events that a target did not take, at each try",
    attributes=("error.type",),
)
RELAY_DEAD: Final = Metric(
    name="paykit.relay.dead",
    unit="{event}",
    description="Events that were tried too often and wait for a person",
)
REPAIRS: Final = Metric(
    name="paykit.reconcile.repairs",
    unit="{payment}",
    description="Payments whose status a sweep has changed",
    attributes=("paykit.provider", "paykit.before", "paykit.after"),
)
GIVEN_UP: Final = Metric(
    name="paykit.reconcile.given_up",
    unit="{payment}",
    description="Payments and commands that a sweep has left to a person",
    attributes=("paykit.provider",),
)
METRICS: Final = (
    DELIVERIES,
    VERIFICATION_FAILURES,
    TIME_TO_EVENT,
    RELAY_LAG,
    RELAY_PUBLISHED,
    RELAY_FAILURES,
    RELAY_DEAD,
    REPAIRS,
    GIVEN_UP,
)
