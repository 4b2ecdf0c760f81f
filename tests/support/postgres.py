"""Databases on a PostgreSQL server."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from .database_server import LOCK_SECONDS, SMALL_BYTES, Server


class Postgres(Server):
    """A PostgreSQL server, 13 or newer."""

    def names(self) -> list[str]:
        return [name for (name,) in self._home("SELECT datname FROM pg_database")]

    def create(self, name: str) -> None:
        # To template0 nobody can be connected, which would be in the way; and it takes any encoding.
        self._home(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")

    def drop(self, name: str) -> None:
        self._forget(name)
        self._home(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def leave(self, name: str) -> None:
        self._run(
            name,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )

    def blank(self, name: str) -> None:
        self.leave(name)
        self._run(name, "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")

    def empty(self, name: str, keep: Sequence[str]) -> None:
        found = self._run(
            name,
            "SELECT quote_ident(relname), pg_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND NOT relname = ANY(%s) ORDER BY relname",
            (list(keep),),
        )
        if not found:
            return
        tables = [table for table, _ in found]
        small = max(size for _, size in found) <= SMALL_BYTES
        if small and self._superuser:
            # Several statements at once are one transaction; as a replica it asks no foreign keys.
            steps = ["SET LOCAL session_replication_role = replica"]
            steps += [f"DELETE FROM {table}" for table in tables]
        elif small and not self._run(
            name, "SELECT 1 FROM pg_constraint WHERE contype = 'f' LIMIT 1"
        ):
            steps = [f"DELETE FROM {table}" for table in tables]
        else:
            steps = [f"TRUNCATE {', '.join(tables)}"]
        kept = ", ".join(f"'{table}'" for table in keep) or "''"
        steps.append(
            "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"
            " JOIN pg_depend ON objid = seqrelid AND deptype IN ('a', 'i')"
            f" JOIN pg_class ON pg_class.oid = refobjid WHERE NOT relname IN ({kept})"
        )
        self._run(name, "; ".join(steps))

    @functools.cached_property
    def _superuser(self) -> bool:
        ((said,),) = self._home("SELECT current_setting('is_superuser')")
        return bool(said == "on")

    def _home(self, statement: str) -> list[Any]:
        return self._run("postgres", statement)

    def _connect(self, name: str) -> Any:
        import psycopg

        url = self._base.set(drivername="postgresql", database=name)
        return psycopg.connect(
            url.render_as_string(hide_password=False),
            autocommit=True,
            options=f"-c lock_timeout={LOCK_SECONDS}s",
        )

    def _is_broken(self, connection: Any) -> bool:
        return bool(connection.closed)
