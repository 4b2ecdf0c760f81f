"""A dashboard that only reads: payments, their timelines, inbox, outbox, dead letters, reconciling.

It is an ASGI app over a payment service, for whoever you let in. There is none unless you build one
and mount it. It needs the extra ``paykit-adapters[dashboard]``.
"""

from __future__ import annotations

from ..errors import ConfigurationError

try:
    from .app import Dashboard
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in {"jinja2", "markupsafe", "starlette"}:
        raise
    raise ConfigurationError(
        "the dashboard needs its extra: pip install 'paykit-adapters[dashboard]'"
    ) from None

__all__ = ["Dashboard"]
