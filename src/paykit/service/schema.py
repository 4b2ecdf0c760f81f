"""The tables: payments, their movements, inbox (facts accepted once), outbox (to publish)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Drop the zone after converting to UTC: not every database keeps one."""
        del dialect
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Put the zone back."""
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


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
    Column("expires_at", UtcDateTime),  # when the time to pay is over, where the session says so
    Column("session", Text),  # what the payer must do, as JSON; empty until the provider answered
    UniqueConstraint("provider", "account", "reference"),
    Index("paykit_payments_by_provider_id", "provider", "account", "provider_id"),
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
    Column("fact", Text, nullable=False),
    Column("digest", String(64), nullable=False),  # SHA-256 of the delivery as it came
    Column("received_at", UtcDateTime, nullable=False),
    Index("paykit_inbox_by_reference", "provider", "account", "reference"),
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
)

#: id, aggregatetype, aggregateid, type and payload are named as Debezium's outbox event router
#: expects them, so change data capture can publish this table as well.
outbox = Table(
    "paykit_outbox",
    metadata,
    Column("id", String(160), primary_key=True),
    Column("aggregatetype", String(40), nullable=False),
    Column("aggregateid", String(64), nullable=False),
    Column("type", String(80), nullable=False),
    Column("payload", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("available_at", UtcDateTime),  # set by a claim or a back-off; empty: at once
    Column("attempts", Integer, nullable=False),
    Column("last_error", String(500)),
    Column("published_at", UtcDateTime),
    UniqueConstraint("aggregateid", "sequence"),
    Index(
        "paykit_outbox_unpublished",
        "available_at",
        sqlite_where=text("published_at IS NULL"),
    ),
)
