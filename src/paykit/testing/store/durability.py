"""Checks of settings: a commit that was acknowledged survives a power cut."""
# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, text

from ...service.durability import weak_settings
from .base import Store, StoreChecks

_ISOLATION: Final = {
    "postgresql": "SHOW transaction_isolation",
    "mysql": "SELECT @@transaction_isolation",
    "mariadb": "SELECT @@tx_isolation",
}


class DurabilityChecks(StoreChecks):
    """What the server is set to, as the service's own connections find it."""

    def test_a_commit_is_on_disk(self, store: Store) -> None:
        """Nothing tells the server to answer before its log is written."""
        weak = store.do(weak_settings)
        assert weak == [], "a power cut can lose payments that were acknowledged"

    def test_a_transaction_sees_what_others_committed(self, store: Store) -> None:
        """The isolation is READ COMMITTED; a file has one writer, and so the same effect."""
        question = _ISOLATION.get(store.dialect)

        def ask(connection: Connection) -> Any:
            return connection.execute(text(question or "")).scalar_one()

        if question is not None:
            assert store.do(ask).replace("-", " ").lower() == "read committed"
