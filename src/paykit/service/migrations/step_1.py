"""The first tables: payments, movements, inbox and outbox."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from ..schema import TABLE_OPTIONS, LongText, UtcDateTime
from .tools import create_tables

TITLE: Final = "payments, movements, inbox and outbox"

_first = MetaData()


Table(
    "paykit_payments",
    _first,
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
    Column("received", BigInteger, nullable=False),
    Column("received_at", UtcDateTime),
    Column("status", String(24), nullable=False),
    Column("capture", String(16), nullable=False),
    Column("discrepancy", String(24)),
    Column("code", String(80)),
    Column("reason", String(80)),
    Column("sequence", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("charge", String(32)),
    Column("expires_at", UtcDateTime),
    Column("session", LongText),
    UniqueConstraint("provider", "account", "reference"),
    Index("paykit_payments_by_provider_id", "provider", "account", "provider_id"),
    **TABLE_OPTIONS,
)

Table(
    "paykit_inbox",
    _first,
    Column("provider", String(40), primary_key=True),
    Column("account", String(80), primary_key=True),
    Column("event_id", String(160), primary_key=True),
    Column("source", String(16), nullable=False),
    Column("reference", String(255), nullable=False),
    Column("payment_id", String(64), index=True),
    Column("outcome", String(24), nullable=False),
    Column("fact", LongText, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Index("paykit_inbox_by_reference", "provider", "account", "reference"),
    **TABLE_OPTIONS,
)

Table(
    "paykit_movements",
    _first,
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

Table(
    "paykit_outbox",
    _first,
    Column("id", String(160), primary_key=True),
    Column("aggregatetype", String(40), nullable=False),
    Column("aggregateid", String(64), nullable=False),
    Column("type", String(80), nullable=False),
    Column("payload", LongText, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("available_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("last_error", String(500)),
    Column("published_at", UtcDateTime),
    UniqueConstraint("aggregateid", "sequence"),
    Index(
        "paykit_outbox_unpublished",
        "available_at",
        sqlite_where=text("published_at IS NULL"),
    ),
    **TABLE_OPTIONS,
)


def upgrade(connection: Connection) -> None:
    """Make what is missing."""
    create_tables(connection, *_first.sorted_tables)
