"""People look at what came lately, at what is dead, and at what was given up."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, Index, MetaData, Table, text

from ..schema import HAVE_PARTIAL_INDICES, UtcDateTime
from .tools import add_indices

TITLE: Final = "indices for looking at facts, dead letters and commands"

_third = MetaData()

_inbox = Table(
    "paykit_inbox",
    _third,
    Column("received_at", UtcDateTime),
    Index("paykit_inbox_by_age", "received_at"),
)
_commands = Table(
    "paykit_commands",
    _third,
    Column("given_up_at", UtcDateTime),
    Index(
        "paykit_commands_given_up",
        "given_up_at",
        sqlite_where=text("given_up_at IS NOT NULL"),
        postgresql_where=text("given_up_at IS NOT NULL"),
    ),
)
_outbox = Table(
    "paykit_outbox",
    _third,
    Column("dead_at", UtcDateTime),
    Index(
        "paykit_outbox_dead",
        "dead_at",
        sqlite_where=text("dead_at IS NOT NULL"),
        postgresql_where=text("dead_at IS NOT NULL"),
    ).ddl_if(dialect=HAVE_PARTIAL_INDICES),
)


def upgrade(connection: Connection) -> None:
    """Add the indices that are missing."""
    add_indices(connection, _inbox, "paykit_inbox_by_age")
    add_indices(connection, _commands, "paykit_commands_given_up")
    add_indices(connection, _outbox, "paykit_outbox_dead")
