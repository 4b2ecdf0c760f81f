"""Checks of settings: a commit that was acknowledged survives a power cut."""
# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, text

from .base import Store, StoreChecks

#: What to ask, and what it must say, by the name of the dialect.
_MYSQL: Final = {
    "SELECT @@innodb_flush_log_at_trx_commit": ("1",),
    "SELECT @@innodb_doublewrite": ("1", "ON"),
    "SELECT CASE WHEN @@log_bin THEN @@sync_binlog ELSE 1 END": ("1",),
}
_DURABLE: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "sqlite": {"PRAGMA synchronous": ("2", "3")},
    "postgresql": {
        "SHOW fsync": ("on",),
        "SHOW full_page_writes": ("on",),
        "SHOW synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
    },
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
}
_ISOLATION: Final = {
    "postgresql": "SHOW transaction_isolation",
    "mysql": "SELECT @@transaction_isolation",
    "mariadb": "SELECT @@tx_isolation",
}


class DurabilityChecks(StoreChecks):
    """What the server is set to, as the service's own connections find it."""

    def test_a_commit_is_on_disk(self, store: Store) -> None:
        """Nothing tells the server to answer before its log is written."""
        for question, wanted in _DURABLE[store.dialect].items():
            said = str(store.do(partial(_ask, question=question)))
            assert said in wanted, f"{question} says {said}: a power cut can lose payments"

    def test_a_transaction_sees_what_others_committed(self, store: Store) -> None:
        """The isolation is READ COMMITTED; a file has one writer, and so the same effect."""
        question = _ISOLATION.get(store.dialect)
        if question is not None:
            said = store.do(partial(_ask, question=question))
            assert said.replace("-", " ").lower() == "read committed"


def _ask(conn: Connection, question: str) -> Any:
    return conn.execute(text(question)).scalar_one()
