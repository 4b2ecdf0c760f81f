"""The tables as they are now: payments, movements, commands, inbox (facts), outbox (events).

:mod:`.migrations` makes them; a test holds what it makes equal to what is written here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects import mysql


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime with microseconds, stored as UTC.

    PostgreSQL has a type for it; MariaDB and MySQL keep it without its zone; SQLite has text. Reads
    both text and datetimes, for a framework may have told the driver of SQLite to convert.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Name the database's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_SqliteText())
        return dialect.type_descriptor(mysql.DATETIME(fsp=6))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert to UTC; keep the zone only where the database has a place for it."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return _sqlite_text(value)
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Put the zone back."""
        del dialect
        if value is None:
            return None
        if isinstance(value, str):
            # To read a zone as well is several times as fast as to put it there afterwards.
            is_ours = len(value) == _SQLITE_LENGTH
            value = datetime.fromisoformat(f"{value}+00:00" if is_ours else value)
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


#: ``2026-01-02 03:04:05.678901``
_SQLITE_LENGTH: Final = 26


@lru_cache(maxsize=1024)  # a time is written into several columns, one after the other
def _sqlite_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")


class _SqliteText(String):
    """Text in a column that is declared as ``DATETIME``, so that people's tools show it as one."""

    __visit_name__ = "DATETIME"


#: Names compare byte by byte, blanks at the end included: another case is another reference.
_EXACT: Final = {"mariadb_collate": "utf8mb4_nopad_bin", "mysql_collate": "utf8mb4_0900_bin"}
TABLE_OPTIONS: Final[dict[str, Any]] = {
    "mariadb_engine": "InnoDB",
    "mysql_engine": "InnoDB",
    "mariadb_default_charset": "utf8mb4",
    "mysql_default_charset": "utf8mb4",
    **_EXACT,
}
#: Up to 16 MiB where ``TEXT`` would end at 64 KiB.
LongText: Final = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")

#: Databases with indices that have a part of the rows; a list, whatever SQLAlchemy's types say.
HAVE_PARTIAL_INDICES: Final[Any] = ("sqlite", "postgresql")

#: How long the texts of others may be; what is longer is cut (``code``) or told by its digest.
REFERENCE_LENGTH: Final = 255
EVENT_ID_LENGTH: Final = 160
CODE_LENGTH: Final = 80
ERROR_LENGTH: Final = 500

metadata = MetaData()

payments = Table(
    "paykit_payments",
    metadata,
    Column("payment_id", String(64), primary_key=True),
    Column("order_id", String(255), nullable=False, index=True),
    Column("provider", String(40), nullable=False),
    Column("account", String(80), nullable=False),
    Column("reference", String(255), nullable=False),
    Column("provider_id", String(255)),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),  # the sum of the bank transfers among them
    Column("received_at", UtcDateTime),  # when the latest of them arrived
    Column("status", String(24), nullable=False),
    Column("capture", String(16), nullable=False),  # whether a hold was asked for
    Column("discrepancy", String(24)),
    Column("code", String(80)),
    Column("reason", String(80)),
    Column("sequence", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime),  # since when it stands so, by the provider's clock
    Column("charge", String(32)),  # a digest of the key and the token that are charged
    Column("expires_at", UtcDateTime),  # when the time to pay is over, where the session says so
    Column("session", LongText),  # what the payer must do, as JSON; empty until it is answered
    # The order, once this payment was the first to pay it: the database lets only one be that.
    Column("pays_order", String(255)),
    # Whether there are rows about it in the tables of movements and of commands.
    Column("has_movements", Boolean, nullable=False, server_default=false()),
    Column("has_commands", Boolean, nullable=False, server_default=false()),
    # When to ask the provider next, and what came of it so far; empty: nothing is to be asked.
    Column("check_at", UtcDateTime),
    Column("checks", Integer, nullable=False, server_default=text("0")),
    Column("check_note", String(500)),
    Column("given_up_at", UtcDateTime),
    UniqueConstraint("provider", "account", "reference"),
    Index("paykit_payments_by_provider_id", "provider", "account", "provider_id"),
    Index("paykit_payments_paying", "pays_order", unique=True),
    Index(
        "paykit_payments_to_check",
        "check_at",
        sqlite_where=text("check_at IS NOT NULL"),
        postgresql_where=text("check_at IS NOT NULL"),
    ),
    Index(
        "paykit_payments_given_up",
        "given_up_at",
        sqlite_where=text("given_up_at IS NOT NULL"),
        postgresql_where=text("given_up_at IS NOT NULL"),
    ),
    Index("paykit_payments_by_age", "created_at"),
    **TABLE_OPTIONS,
)

inbox = Table(
    "paykit_inbox",
    metadata,
    Column("provider", String(40), primary_key=True),
    Column("account", String(80), primary_key=True),
    Column("event_id", String(160), primary_key=True),
    Column("source", String(16), nullable=False),
    Column("reference", String(255), nullable=False),
    Column("payment_id", String(64), index=True),  # empty: nothing of ours has this reference
    Column("outcome", String(24), nullable=False),
    Column("fact", LongText, nullable=False),
    Column("digest", String(64), nullable=False),  # SHA-256 of the delivery as it came
    Column("received_at", UtcDateTime, nullable=False),
    Index(
        "paykit_inbox_of_nobody",
        "provider",
        "account",
        "reference",
        sqlite_where=text("payment_id IS NULL"),
        postgresql_where=text("payment_id IS NULL"),
    ),
    Index("paykit_inbox_by_age", "received_at"),
    **TABLE_OPTIONS,
)

#: Single captures and refunds, by the provider's own id of each: one row counts once.
movements = Table(
    "paykit_movements",
    metadata,
    Column("provider", String(40), primary_key=True),
    Column("account", String(80), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("movement_id", String(255), primary_key=True),
    Column("payment_id", String(64), nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("state", String(16), nullable=False),
    **TABLE_OPTIONS,
)

#: What we ask of a provider about a payment, written down before it is sent.
commands = Table(
    "paykit_commands",
    metadata,
    Column("command_id", String(64), primary_key=True),
    Column("payment_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # capture, void or refund
    Column("idempotency_key", String(255), nullable=False),  # as it is sent, each time
    Column("reference", String(255)),  # ours, of a refund
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("base", BigInteger, nullable=False),  # what was captured or refunded before it
    Column("final", Boolean, nullable=False),  # whether a capture releases what is left
    Column("description", LongText, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", UtcDateTime),  # the first time that it may have reached the provider
    Column("provider_id", String(255)),  # the provider's own id of what was answered
    Column("code", String(80)),
    Column("note", String(500)),  # what came of it last
    Column("lease_until", UtcDateTime),  # until then somebody is at it
    Column("check_at", UtcDateTime),  # when to look what became of it; empty: it is over
    Column("given_up_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("payment_id", "idempotency_key"),
    Index(
        "paykit_commands_to_check",
        "check_at",
        sqlite_where=text("check_at IS NOT NULL"),
        postgresql_where=text("check_at IS NOT NULL"),
    ),
    Index(
        "paykit_commands_given_up",
        "given_up_at",
        sqlite_where=text("given_up_at IS NOT NULL"),
        postgresql_where=text("given_up_at IS NOT NULL"),
    ),
    **TABLE_OPTIONS,
)

_WAITING = text("published_at IS NULL AND dead_at IS NULL")

#: id, aggregatetype, aggregateid, type and payload are named as Debezium's outbox event router
#: expects them, so change data capture can publish this table as well.
outbox = Table(
    "paykit_outbox",
    metadata,
    Column("id", String(160), primary_key=True),
    Column("aggregatetype", String(40), nullable=False),
    Column("aggregateid", String(64), nullable=False),
    Column("type", String(80), nullable=False),
    Column("payload", LongText, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("occurred_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("available_at", UtcDateTime),  # set by a claim or a back-off; empty: at once
    Column("attempts", Integer, nullable=False),
    Column("last_error", String(500)),
    Column("published_at", UtcDateTime),
    Column("dead_at", UtcDateTime),  # tried too often; a person replays or purges it
    UniqueConstraint("aggregateid", "sequence"),
    Index(
        "paykit_outbox_waiting",
        "published_at",
        "dead_at",
        "created_at",
        "id",
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    ),
    # MariaDB and MySQL find them by the index above, which there has all events.
    Index(
        "paykit_outbox_dead",
        "dead_at",
        sqlite_where=text("dead_at IS NOT NULL"),
        postgresql_where=text("dead_at IS NOT NULL"),
    ).ddl_if(dialect=HAVE_PARTIAL_INDICES),
    **TABLE_OPTIONS,
)
