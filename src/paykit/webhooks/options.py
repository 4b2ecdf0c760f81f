"""What can be set of a mount, for every framework the same."""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any

import attrs

from ..errors import ConfigurationError
from .receiver import BODY_SECONDS, MAX_BODY
from .sources import Sources
from .tokens import OrderTokens


def _is(*kinds: type) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Whether a value is of one of these kinds: from a settings file anything may come."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if (type(value) is bool and bool not in kinds) or not isinstance(value, kinds):
            wanted = " or ".join("nothing" if kind is NoneType else kind.__name__ for kind in kinds)
            raise ConfigurationError(f"{attribute.name} is {wanted}, not {value!r:.60}")

    return check


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

    max_body: int = attrs.field(default=MAX_BODY, validator=_is(int))
    body_seconds: float = attrs.field(default=BODY_SECONDS, validator=_is(float, int))
    sources: Sources | None = attrs.field(default=None, validator=_is(Sources, NoneType))
    order_tokens: OrderTokens | None = attrs.field(
        default=None, validator=_is(OrderTokens, NoneType)
    )
    longest_wait: int = attrs.field(default=30, validator=_is(int))
    stream_seconds: float = attrs.field(default=600.0, validator=_is(float, int))
    ping_seconds: float = attrs.field(default=15.0, validator=_is(float, int))
    most_held: int | None = attrs.field(default=None, validator=_is(int, NoneType))
    health: bool = attrs.field(default=True, validator=_is(bool))

    def __attrs_post_init__(self) -> None:
        if self.max_body <= 0 or self.body_seconds <= 0:
            raise ConfigurationError("max_body and body_seconds must be more than nothing")
        if self.longest_wait < 0 or self.stream_seconds <= 0 or self.ping_seconds <= 0:
            raise ConfigurationError("waiting takes no time less than nothing")
        if self.most_held is not None and self.most_held < 0:
            raise ConfigurationError("most_held is a number of clients")
