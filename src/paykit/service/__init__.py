"""One record per payment, and one effect from webhook, poll, return and API answer.

Needs the extra ``paykit-adapters[service]``, and one of ``postgres``, ``asyncpg`` and ``mysql`` for
a database server. :class:`PaymentService` is for blocking code, :class:`AsyncPaymentService` for
async code; both have the same methods and the same behaviour.
"""

try:
    import sqlalchemy as _sqlalchemy  # noqa: F401 - all that follows needs it
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "the service needs its extra: pip install 'paykit-adapters[service]'", name="sqlalchemy"
    ) from None

from .awaiting import AsyncPaymentService
from .blocking import PaymentService
from .browsing import DueCheck, InboxEntry
from .changes import ChangeBus
from .checks import GivenUp
from .commands import Command, Commanded, CommandKind, CommandState
from .feed import StatusFeed
from .health import Health
from .joined import AsyncJoined, Joined
from .outbox import OutboxEntry
from .paging import Page
from .receiving import Receipt, ReturnInfo
from .relay import RelaySettings
from .reports import Change, CommandEnd, Failure, Report
from .state import PaymentRecord
from .tally import MovementState
from .timelines import Moment, MovementEntry, Timeline
from .upgrading import database_version, upgrade_database

__all__ = [
    "AsyncJoined",
    "AsyncPaymentService",
    "Change",
    "ChangeBus",
    "Command",
    "CommandEnd",
    "CommandKind",
    "CommandState",
    "Commanded",
    "DueCheck",
    "Failure",
    "GivenUp",
    "Health",
    "InboxEntry",
    "Joined",
    "Moment",
    "MovementEntry",
    "MovementState",
    "OutboxEntry",
    "Page",
    "PaymentRecord",
    "PaymentService",
    "Receipt",
    "RelaySettings",
    "Report",
    "ReturnInfo",
    "StatusFeed",
    "Timeline",
    "database_version",
    "upgrade_database",
]
