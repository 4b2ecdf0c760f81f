"""System checks: each names the setting that is missing or wrong, and says what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.db import connections

from ..errors import PaykitError
from . import conf


def check_settings(*_args: Any, **_more: Any) -> list[CheckMessage]:
    """``PAYKIT``, and the packages that it needs. Looks at no database."""
    if find_spec("sqlalchemy") is None:
        hint = "pip install 'paykit-adapters[django]'"
        return [Error("SQLAlchemy is not installed", hint=hint, id="paykit.E010")]
    values, problems = conf.read()
    found: list[CheckMessage] = [
        Error(f"{one.setting} {one.message}", hint=one.hint, id=one.id) for one in problems
    ]
    alias = values.get("DATABASE", "")
    if alias in connections and not _has_psycopg(connections[alias]):
        hint = "pip install 'psycopg[binary]', and remove psycopg2"
        message = f'DATABASES["{alias}"] works with psycopg2, and the service needs psycopg 3'
        found.append(Error(message, hint=hint, id="paykit.E009"))
    return found


def check_database(
    *_args: Any, databases: Sequence[str] | None = None, **_more: Any
) -> list[CheckMessage]:
    """The tables, and what the database promises (``check --database``, ``migrate``)."""
    if check_settings():
        return []
    alias = conf.load().database
    return list(_look_at(alias)) if alias in (databases or ()) else []


def _look_at(alias: str) -> Iterator[CheckMessage]:
    from ..service import migrations
    from ..service.durability import weak_settings
    from .store import DjangoStore, upgrade_by

    store = DjangoStore(alias)
    name = f'DATABASES["{alias}"]'
    try:
        have = store.look(migrations.version)
        migrations.check(have)
        weak = store.look(weak_settings)
    except PaykitError as error:
        yield Error(f"{name}: {error}", id="paykit.E011")
        return
    if have < migrations.NEWEST:
        yield Warning(
            f"{name}: the tables of the service are at version {have} of {migrations.NEWEST}",
            hint=f"{upgrade_by(alias)} makes them.",
            id="paykit.W003",
        )
    if weak:
        yield Warning(
            f"{name}: a power cut can lose payments: the database has {', '.join(weak)}",
            hint="A provider that was answered does not tell the same again.",
            id="paykit.W001",
        )
    if not _reads_committed(connections[alias]):
        yield Warning(
            f'{name}["OPTIONS"]["isolation_level"] is not "read committed"',
            hint="What another process has just written is overlooked, and has to be done again.",
            id="paykit.W002",
        )


def _has_psycopg(connection: Any) -> bool:
    if connection.vendor != "postgresql":
        return True
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return bool(is_psycopg3)


def _reads_committed(connection: Any) -> bool:
    level = connection.settings_dict["OPTIONS"].get("isolation_level", "read committed")
    if connection.vendor == "postgresql":
        from django.db.backends.postgresql.psycopg_any import IsolationLevel

        return level in {None, "read committed", IsolationLevel.READ_COMMITTED}
    return connection.vendor == "sqlite" or str(level).lower() == "read committed"
