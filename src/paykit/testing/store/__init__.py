"""The suite that every database passes that the service runs on.

::

    import pytest
    from paykit.testing.store import StoreSuite

    class TestOurDatabase(StoreSuite):
        @pytest.fixture
        def database(self):
            return "postgresql+psycopg://shop@db.internal/paykit_suite"

Give it a database of its own: it makes the tables, and deletes all rows before each test. It
refuses a database that has payments of others. Its user may do what the service's may, and make
tables.

What passing proves, of this server with these settings and this driver: a fact counts once however
many transactions tell it at the same time; a payment has one writer at a time; groups are recorded
as their facts one by one, and never wait in a circle; a command is one worker's; the outbox gives
each event to one relay, in order; texts, amounts and times come out as they were put in; errors
undo what belongs to them; lost connections are replaced; nothing tells the server to acknowledge a
commit before it is on disk.

What passing does not prove: that the disk keeps its promises, that a replica that takes over has
every commit, or that it is fast enough for you.
"""

from __future__ import annotations

from .commanding import CommandChecks
from .durability import DurabilityChecks
from .publishing import OutboxChecks
from .recording import RecordingChecks
from .trouble import TroubleChecks
from .values import ValueChecks

__all__ = ["StoreSuite"]


class StoreSuite(
    RecordingChecks, CommandChecks, OutboxChecks, ValueChecks, TroubleChecks, DurabilityChecks
):
    """All checks. Subclass it as ``Test…`` and give it a fixture ``database``, a URL."""
