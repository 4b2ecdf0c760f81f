"""The service's own numbered steps, as Django's migrations do them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections, migrations, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation


def upgrade_to(step: int, *, state: Sequence[Operation] = ()) -> Operation:
    """Make or upgrade the tables up to a step, on whatever database Django migrates.

    ``state`` is how the models look afterwards. Going back changes nothing: no migration deletes
    payments.
    """

    def forwards(_apps: Any, schema_editor: Any) -> None:
        _upgrade(schema_editor.connection, step)

    return migrations.SeparateDatabaseAndState(
        database_operations=[migrations.RunPython(forwards, migrations.RunPython.noop)],
        state_operations=state,
    )


def make_unmigrated(*, sender: Any, using: str, **_more: Any) -> None:
    """Make the tables where tests leave migrations out; Django would make them of the models.

    For the signal ``pre_migrate``.
    """
    module, _ = MigrationLoader.migrations_module(sender.label)
    if module is None:
        from ..service.migrations import NEWEST

        _upgrade(connections[using], NEWEST)


def _upgrade(connection: Any, step: int) -> None:
    from ..provider import utc_now
    from ..service.lent import borrow_from
    from ..service.migrations import upgrade

    # No savepoint: MySQL commits whatever is open before it changes a table.
    with (
        transaction.atomic(using=connection.alias, savepoint=False),
        borrow_from(connection)(True) as lent,
    ):
        upgrade(lent, clock=utc_now, to=step)
