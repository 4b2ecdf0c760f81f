"""Where a relay publishes to, for whatever command line has one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ..publishing import Publisher
    from ..service import PaymentService

#: The secrets that calls to an HTTP target are signed with, separated by commas.
SECRETS: Final = "PAYKIT_RELAY_SECRETS"


def publishers_of(targets: Iterable[str], *, source: str) -> list[Publisher]:
    """A publisher for each URL. Raises :class:`~paykit.errors.ConfigurationError`."""
    from ..publishing import publisher_from_url

    secrets = [part.strip() for part in os.environ.get(SECRETS, "").split(",") if part.strip()]
    return [
        publisher_from_url(target, source=source, secrets=secrets if _is_web(target) else ())
        for target in targets
    ]


def unpublished(service: PaymentService) -> str | None:
    """What to say of the first event that no broker would take; ``None``: there is none."""
    for entry in service.outbox():
        if entry.last_error:
            return f"{entry.event_id} was not published, it will be tried again: {entry.last_error}"
    return None


def _is_web(target: str) -> bool:
    return urlsplit(target).scheme in {"http", "https"}
