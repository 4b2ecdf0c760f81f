"""What a service is told by its environment: where the broker is, where its database is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

import attrs


@attrs.frozen(kw_only=True)
class Settings:
    """The one setting that chooses the broker is ``broker``, a URL.

    It is ``kafka://``, ``amqp://``, ``nats://`` or ``redis://``. The names of topics, streams and
    queues begin with ``prefix``.
    """

    broker: str = "kafka://127.0.0.1:9092"
    prefix: str = "saga"
    folder: Path = attrs.field(default=Path(), converter=Path)
    sandbox: str = "http://127.0.0.1:8100"  #: where the providers are
    payments_port: int = attrs.field(default=8000, converter=int)  #: where they call back

    @classmethod
    def from_environment(cls) -> Self:
        """Read ``SAGA_BROKER``, ``SAGA_PREFIX`` and so on; what is not set has its default."""
        names = {field.name: f"SAGA_{field.name.upper()}" for field in attrs.fields(cls)}
        return cls(**{key: os.environ[name] for key, name in names.items() if name in os.environ})

    def to_environment(self) -> dict[str, str]:
        """The same, for a process to be started."""
        values = attrs.asdict(self)
        return {f"SAGA_{name.upper()}": str(value) for name, value in values.items()}
