"""One event on its way to a broker, and its CloudEvents 1.0 forms.

The payload is sent as the text that it is: it is not parsed and written anew on the way, so what
arrives is what was stored, and publishing is fast. The forms are those of
https://github.com/cloudevents/spec/tree/v1.0.2/cloudevents/bindings.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final, Literal, Self, TypeAlias, cast
from urllib.parse import quote

import attrs

from ..errors import ConfigurationError
from ..events import EVENT_TYPE, PaymentProcessed, envelope

#: ``binary``: the event is the body, and its attributes are headers. ``structured``: all of it is
#: one JSON object in the body.
Mode: TypeAlias = Literal["binary", "structured"]

#: The content types of a body in either mode.
BINARY: Final = "application/json"
STRUCTURED: Final = "application/cloudevents+json; charset=UTF-8"

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
#: What the HTTP and NATS bindings leave as it is: printable ASCII without blank, quote and percent.
_PLAIN: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


@attrs.frozen(slots=True)
class Message:
    """One event for a broker. ``key`` is its payment: events of one key stay in order.

    ``payload`` is the JSON of :meth:`paykit.events.PaymentProcessed.to_json`; ``time`` is when it
    happened; ``sequence`` counts the events of one payment from 1.
    """

    id: str
    key: str
    type: str
    sequence: int | None
    time: datetime
    payload: str = attrs.field(repr=False)

    @classmethod
    def of(cls, event: PaymentProcessed) -> Self:
        """The message of an event, for those who publish without the service's outbox."""
        return cls(
            id=event.event_id,
            key=event.key,
            type=EVENT_TYPE,
            sequence=event.sequence,
            time=event.occurred_at,
            payload=_ENCODER.encode(event.to_json()),
        )

    @property
    def event(self) -> PaymentProcessed:
        """The event, read from the payload each time that it is asked for."""
        return PaymentProcessed.from_json(json.loads(self.payload))

    def attributes(self, source: str) -> dict[str, str]:
        """The CloudEvents attributes; ``source`` names the service that emits the event."""
        return envelope(
            event_id=self.id,
            event_type=self.type,
            source=source,
            key=self.key,
            occurred_at=self.time,
            sequence=self.sequence,
        )

    def headers(self, source: str, prefix: str) -> dict[str, str]:
        """The attributes under the names that they have as headers.

        Without ``datacontenttype``, which is the content type of the body in binary mode.
        """
        attributes = self.attributes(source)
        del attributes["datacontenttype"]
        return {prefix + name: value for name, value in attributes.items()}

    def structured(self, source: str) -> bytes:
        """The whole event as one CloudEvents JSON object in UTF-8."""
        head = _ENCODER.encode(self.attributes(source))
        return f'{head[:-1]},"data":{self.payload}}}'.encode()


def check_mode(mode: str) -> Mode:
    """``mode``, if there is one of that name; raises :class:`ConfigurationError`."""
    if mode not in ("binary", "structured"):
        raise ConfigurationError(f"mode is binary or structured, not {mode!r:.40}")
    return cast("Mode", mode)


def percent_encoded(value: str) -> str:
    """An attribute as the HTTP and NATS bindings want it in a header (section 3.1.3.2)."""
    return quote(value, safe=_PLAIN)
