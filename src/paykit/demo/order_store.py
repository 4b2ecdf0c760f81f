"""The order service's own two tables: its orders, and the events that it has handled."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import attrs

from ..errors import StoreUnavailable
from ..money import Money
from .order import Order, OrderStatus

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS shop_orders (
    order_id TEXT PRIMARY KEY, slug TEXT NOT NULL, quantity INTEGER NOT NULL,
    customer TEXT NOT NULL, total INTEGER NOT NULL, currency TEXT NOT NULL,
    provider TEXT NOT NULL, placed_at TEXT NOT NULL, status TEXT NOT NULL,
    attempt INTEGER NOT NULL, payment_id TEXT, problem TEXT, tracking TEXT,
    reason TEXT, card TEXT
);
CREATE TABLE IF NOT EXISTS shop_handled_events (event_id TEXT PRIMARY KEY, led_to TEXT);
"""


def connect(database: Path) -> sqlite3.Connection:
    """Open the shop's database; each service opens its own and touches only its own tables."""
    try:
        connection = sqlite3.connect(database, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(f"cannot open {database}: {error}") from None
    connection.row_factory = sqlite3.Row
    return connection


class OrderStore:
    """Orders in SQLite. Changes belong into :meth:`transaction`."""

    def __init__(self, database: Path) -> None:
        self._connection = connect(database)
        self._connection.executescript(_TABLES)
        there = {row["name"] for row in self._connection.execute("PRAGMA table_info(shop_orders)")}
        for column in sorted({"reason", "card"} - there):  # a database from before there were cards
            self._connection.execute(f"ALTER TABLE shop_orders ADD COLUMN {column} TEXT")

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            yield

    def load(self, order_id: str) -> Order | None:
        """One order."""
        found = self._connection.execute(
            "SELECT * FROM shop_orders WHERE order_id = ?", (order_id,)
        ).fetchone()
        return None if found is None else _to_order(found)

    def lost_attempts(self) -> list[Order]:
        """Orders by card of which no answer of the gateway is known."""
        found = self._connection.execute(
            "SELECT * FROM shop_orders WHERE status = ? AND card NOTNULL AND payment_id ISNULL",
            (OrderStatus.PENDING.value,),
        ).fetchall()
        return [_to_order(row) for row in found]

    def save(self, order: Order) -> None:
        """Insert the order, or replace what was stored of it."""
        self._connection.execute(
            "INSERT OR REPLACE INTO shop_orders (order_id, slug, quantity, customer, total, "
            "currency, provider, placed_at, status, attempt, payment_id, problem, tracking, "
            "reason, card) VALUES (:order_id, :slug, :quantity, :customer, :total, :currency, "
            ":provider, :placed_at, :status, :attempt, :payment_id, :problem, :tracking, "
            ":reason, :card)",
            _to_row(order),
        )

    def handled(self, event_id: str) -> tuple[bool, str | None]:
        """Whether an event was handled before, and the name of the event that it led to."""
        found = self._connection.execute(
            "SELECT led_to FROM shop_handled_events WHERE event_id = ?", (event_id,)
        ).fetchone()
        return (False, None) if found is None else (True, found["led_to"])

    def mark_handled(self, event_id: str, led_to: str | None) -> None:
        """Remember that an event was handled; in the transaction of its effect."""
        self._connection.execute(
            "INSERT INTO shop_handled_events VALUES (?, ?)", (event_id, led_to)
        )


def _to_row(order: Order) -> dict[str, Any]:
    row = attrs.asdict(order, recurse=False)
    row.update(
        total=order.total.minor,
        currency=order.total.currency,
        placed_at=order.placed_at.isoformat(),
        status=order.status.value,
    )
    return row


def _to_order(row: sqlite3.Row) -> Order:
    values = dict(row)
    values["total"] = Money(values["total"], values.pop("currency"))
    values["placed_at"] = datetime.fromisoformat(values["placed_at"])
    values["status"] = OrderStatus(values["status"])
    return Order(**values)
