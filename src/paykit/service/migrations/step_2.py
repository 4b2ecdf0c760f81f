"""Commands are written down before they are sent; what is open is asked about; events may die."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    text,
    update,
)

from ..schema import TABLE_OPTIONS, LongText, UtcDateTime
from .tools import add_columns, add_indices, create_tables, drop_index

TITLE: Final = "commands, questions to providers, dead letters"

_second = MetaData()
_WAITING = text("published_at IS NULL AND dead_at IS NULL")
_PAID: Final = ("succeeded", "partially_refunded", "disputed")

_ON_PAYMENTS: Final = (
    "paykit_payments_paying",
    "paykit_payments_to_check",
    "paykit_payments_given_up",
    "paykit_payments_by_age",
)

_payments = Table(
    "paykit_payments",
    _second,
    Column("payment_id", String(64), primary_key=True),
    Column("order_id", String(255), nullable=False),
    Column("status", String(24), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime),
    Column("pays_order", String(255)),
    Column("has_movements", Boolean, nullable=False, server_default=false()),
    Column("has_commands", Boolean, nullable=False, server_default=false()),
    Column("check_at", UtcDateTime),
    Column("checks", Integer, nullable=False, server_default=text("0")),
    Column("check_note", String(500)),
    Column("given_up_at", UtcDateTime),
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
)
_inbox = Table(
    "paykit_inbox",
    _second,
    Column("provider", String(40)),
    Column("account", String(80)),
    Column("reference", String(255)),
    Column("payment_id", String(64)),
    Index(
        "paykit_inbox_of_nobody",
        "provider",
        "account",
        "reference",
        sqlite_where=text("payment_id IS NULL"),
        postgresql_where=text("payment_id IS NULL"),
    ),
)
_movements = Table("paykit_movements", _second, Column("payment_id", String(64)))
_outbox = Table(
    "paykit_outbox",
    _second,
    Column("id", String(160), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    Column("occurred_at", UtcDateTime),
    Column("dead_at", UtcDateTime),
    Index(
        "paykit_outbox_waiting",
        "published_at",
        "dead_at",
        "created_at",
        "id",
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    ),
)
_commands = Table(
    "paykit_commands",
    _second,
    Column("command_id", String(64), primary_key=True),
    Column("payment_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("idempotency_key", String(255), nullable=False),
    Column("reference", String(255)),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("description", LongText, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("provider_id", String(255)),
    Column("code", String(80)),
    Column("note", String(500)),
    Column("lease_until", UtcDateTime),
    Column("check_at", UtcDateTime),
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
    **TABLE_OPTIONS,
)


def upgrade(connection: Connection) -> None:
    """Add what is missing, and fill it in from what is on record."""
    create_tables(connection, _commands)
    new = ("has_movements", "has_commands", "check_at", "checks", "check_note", "given_up_at")
    add_columns(connection, _payments, "told_at", "pays_order", *new)
    add_columns(connection, _outbox, "occurred_at", "dead_at")
    _fill_in(connection)
    add_indices(connection, _payments, *_ON_PAYMENTS)
    add_indices(connection, _inbox, "paykit_inbox_of_nobody")
    add_indices(connection, _outbox, "paykit_outbox_waiting")
    drop_index(connection, _inbox, "paykit_inbox_by_reference")
    drop_index(connection, _outbox, "paykit_outbox_unpublished")


def _fill_in(connection: Connection) -> None:
    moved = exists(literal(1)).where(_movements.c.payment_id == _payments.c.payment_id)
    connection.execute(update(_payments).where(moved).values(has_movements=True))
    # Until now there was one time for whatever was said by whomever.
    connection.execute(update(_payments).values(told_at=_payments.c.updated_at))
    # Of several payments that paid one order, the first one is the one that did.
    turn = func.row_number().over(
        partition_by=_payments.c.order_id, order_by=(_payments.c.created_at, _payments.c.payment_id)
    )
    paid = _payments.c.status.in_(_PAID)
    turns = select(_payments.c.payment_id, turn.label("turn")).where(paid).subquery()
    first = _payments.c.payment_id.in_(select(turns.c.payment_id).where(turns.c.turn == 1))
    connection.execute(update(_payments).where(first).values(pays_order=_payments.c.order_id))
    # Whoever is open is asked about soon; those who are closed never.
    open_ = or_(*(_payments.c.status == status for status in _OPEN))
    connection.execute(update(_payments).where(open_).values(check_at=_payments.c.created_at))


_OPEN: Final = ("requires_action", "pending", "unknown", "authorized")
