"""What can be set of a mount, for every framework the same."""

from __future__ import annotations

import attrs

from ..errors import ConfigurationError
from .receiver import BODY_SECONDS, MAX_BODY
from .sources import Sources
from .tokens import OrderTokens


@attrs.frozen(kw_only=True)
class MountOptions:
    """Limits and doors of the endpoints. Raises :class:`~paykit.errors.ConfigurationError`.

    ``max_body`` is in bytes. ``body_seconds`` is how long a sender may take for its body.
    ``sources`` says from which addresses webhooks are taken. With ``order_tokens`` a browser that
    has one may see how its order stands; without, nobody may see an order.

    ``longest_wait`` is for how many seconds a status may be waited for at most, ``stream_seconds``
    how long a stream goes on before the browser has to come again, ``ping_seconds`` after how long
    a silence it is told that the stream is alive. ``most_held`` is how many may be waiting at a
    time: empty, it is 10,000 where waiting costs a task, and none where each would hold a thread
    that webhooks need. With ``health`` there are ``/health`` and ``/ready``.
    """

    max_body: int = MAX_BODY
    body_seconds: float = BODY_SECONDS
    sources: Sources | None = None
    order_tokens: OrderTokens | None = None
    longest_wait: int = 30
    stream_seconds: float = 600.0
    ping_seconds: float = 15.0
    most_held: int | None = None
    health: bool = True

    def __attrs_post_init__(self) -> None:
        if self.max_body <= 0 or self.body_seconds <= 0:
            raise ConfigurationError("max_body and body_seconds must be more than nothing")
        if self.longest_wait < 0 or self.stream_seconds <= 0 or self.ping_seconds <= 0:
            raise ConfigurationError("waiting takes no time less than nothing")
        if self.most_held is not None and self.most_held < 0:
            raise ConfigurationError("most_held is a number of clients")
