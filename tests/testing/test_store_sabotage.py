"""The store suite can fail: it finds databases that are broken on purpose."""

import contextlib
import re

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from paykit import PaykitError
from paykit.service import upgrade_database, writer
from paykit.service.database import connect, parse
from paykit.testing.store import StoreSuite
from paykit.testing.store.base import Store

from ..support.databases import fresh_database

FOUND = (AssertionError, PaykitError, SQLAlchemyError, pytest.fail.Exception)

#: By the kind of database: what is done to it, and the check that has to find it.
BROKEN = {
    "mariadb": {
        "ALTER TABLE paykit_payments MODIFY reference VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL": (
            "test_references_are_told_apart_to_the_letter"
        ),
        "ALTER TABLE paykit_movements MODIFY movement_id VARCHAR(255) COLLATE utf8mb4_bin": (
            "test_ids_are_told_apart_to_the_letter"  # blanks at the end do not count there
        ),
        "ALTER TABLE paykit_outbox MODIFY payload TEXT CHARACTER SET utf8mb3": (
            "test_an_event_is_kept_to_the_letter"
        ),
        "ALTER TABLE paykit_inbox MODIFY fact TEXT": "test_columns_have_room",
        "ALTER TABLE paykit_movements MODIFY amount INT": "test_amounts_of_64_bits",
        "ALTER TABLE paykit_outbox MODIFY created_at DATETIME": "test_the_oldest_go_first",
        "ALTER TABLE paykit_outbox ENGINE = MyISAM": "test_an_error_undoes_its_transaction",
    },
    "postgres-psycopg": {
        "ALTER DATABASE {name} SET synchronous_commit = off": "test_a_commit_is_on_disk",
        "ALTER TABLE paykit_inbox DROP CONSTRAINT paykit_inbox_pkey": (
            "test_a_fact_counts_once_in_parallel"
        ),
        "DROP INDEX paykit_payments_paying": "test_an_order_is_paid_by_one_payment",
        "ALTER TABLE paykit_payments DROP CONSTRAINT"
        " paykit_payments_provider_account_reference_key": "test_one_reference_is_one_payment",
        "ALTER TABLE paykit_outbox ALTER created_at TYPE timestamptz(0)": (
            "test_the_oldest_go_first"
        ),
    },
}
ARGUMENTS = {
    "test_an_error_undoes_its_transaction": ["a refusal"],
    "test_a_fact_counts_once_in_parallel": [False],
}


@contextlib.contextmanager
def store_on(kind, folder, *statements):
    """A store of the suite on a database of its own, after that was done to it."""
    with fresh_database(kind, folder=folder) as url:
        upgrade_database(url)
        connector = connect(parse(url))
        name = parse(url).database
        for statement in statements:
            connector.run(
                lambda conn, do=statement: conn.execute(text(do.format(name=name))) and None,
                writes=True,
            )
        connector.close()
        store = Store(url)
        try:
            store.clear()
            yield store
        finally:
            store.close()


@pytest.mark.parametrize(
    ("kind", "statement", "check"),
    [
        pytest.param(kind, statement, check, id=f"{kind}-{check.removeprefix('test_')}")
        for kind, broken in BROKEN.items()
        for statement, check in broken.items()
    ],
)
def test_a_broken_database_is_found(kind, statement, check, tmp_path):
    with store_on(kind, tmp_path, statement) as store, pytest.raises(FOUND):
        getattr(StoreSuite(), check)(store, *ARGUMENTS.get(check, []))


@pytest.mark.parametrize(
    "check",
    [
        "test_news_that_is_no_event_waits_as_well",
        "test_together_they_give_back_no_more_than_was_taken",
        "test_relays_do_not_wait_for_one_another",
    ],
)
def test_a_database_that_does_not_lock_is_found(check, tmp_path):
    def without_locks(_conn, _cursor, statement, parameters, _context, _many):
        return re.sub(r" FOR UPDATE.*", "", statement), parameters

    with store_on("postgres-psycopg", tmp_path) as store:
        event.listen(Engine, "before_cursor_execute", without_locks, retval=True)
        try:
            with pytest.raises(FOUND):
                getattr(StoreSuite(), check)(store)
        finally:
            event.remove(Engine, "before_cursor_execute", without_locks)


@pytest.mark.parametrize(
    "check",
    [
        "test_a_connection_that_is_lost_in_the_middle_is_replaced",
        "test_transactions_in_each_others_way_both_end",
    ],
)
def test_a_writer_that_gives_up_at_once_is_found(check, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "is_passing", lambda _error: False)
    with store_on("postgres-psycopg", tmp_path) as store, pytest.raises(FOUND):
        getattr(StoreSuite(), check)(store)


def test_a_database_that_others_use_is_left_alone(tmp_path):
    with store_on("sqlite", tmp_path) as store:
        StoreSuite().test_a_fact_counts_once(store)
        store.do(
            lambda conn: (
                conn.execute(text("UPDATE paykit_payments SET provider = 'vnpay'")) and None
            )
        )
        with pytest.raises(pytest.fail.Exception, match="give the suite one of its own"):
            store.clear()
        assert store.row().provider == "vnpay"
