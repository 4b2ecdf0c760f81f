"""The signal by which your apps hear of payments."""

from __future__ import annotations

from contextlib import ExitStack

from django.db import close_old_connections
from django.dispatch import Signal

from ..events import PaymentProcessed

#: Sent with ``event``, a :class:`~paykit.PaymentProcessed`, at least once and in order per payment;
#: ``sender`` is the name of the provider. An exception in a receiver makes the event come again
#: later, for all receivers.
payment_processed = Signal()


def send(event: PaymentProcessed) -> None:
    """Tell all receivers; raises what a receiver raises."""
    from ..service.threads import is_own

    with ExitStack() as stack:
        if is_own():  # what receivers open there is closed by nobody else
            close_old_connections()
            stack.callback(close_old_connections)
        payment_processed.send(sender=event.provider, event=event)
