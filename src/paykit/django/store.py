"""The service's tables on Django's own connection: what it writes is part of your transactions.

Each body runs in the calling thread, inside ``transaction.atomic``. In a block of yours it becomes
a part of that: then it is on disk once that block commits.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, TypeVar

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db import Error as DjangoError
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ..errors import ConfigurationError, StoreUnavailable
from ..service import changes, migrations
from ..service.changes import Changed
from ..service.dialects import attempt, reason
from ..service.lent import borrow_from
from ..service.store import Told, tell_nobody
from ..service.threads import is_own
from ..service.writer import Body, Job, is_passing

T = TypeVar("T")

_TRIES: Final = 5
_PAUSE: Final = 0.01
#: Changes nothing, and locks a file of SQLite as every write does. Django begins transactions that
#: lock it only later, when it may be too late: somebody else has written since.
_LOCK: Final = "UPDATE paykit_schema SET version = version WHERE 0"


class _NotBegunError(DjangoError):
    """A connection that was open was lost before a transaction began on it."""


class DjangoStore:
    """The database ``alias`` of Django's settings, as a service wants it.

    A service on it is blocking, and its methods are called where Django's connections may be used.
    """

    #: Others may write, and Django does not listen to what PostgreSQL tells.
    is_alone = False
    tells_at = None

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.on_change: Told = tell_nobody
        self.on_unsettled: Told = tell_nobody
        self._is_checked = False

    def transact(self, body: Body[T]) -> Future[T]:
        """Run ``body`` in a transaction now; the future is done."""
        future: Future[T] = Future()
        try:
            future.set_result(self._commit(body))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asks for the result
            future.set_exception(error)
        return future

    def submit(self, _job: Job) -> None:
        """Refuse: an event loop must not wait for a database."""
        raise ConfigurationError("on Django's connection use PaymentService, in a thread")

    def read(self, body: Callable[[Connection], T]) -> T:
        """Run ``body``, which only reads. Raises :class:`StoreUnavailable`."""
        self._require_tables()
        return self.look(body)

    def look(self, body: Callable[[Connection], T]) -> T:
        """As :meth:`read`, where the tables may not be there."""
        try:
            return self._again(lambda _careful: self._run(body, writes=False))
        except (SQLAlchemyError, DjangoError, OSError) as error:
            raise StoreUnavailable(f"the database cannot be read: {_words(error)}") from error

    def require_no_transaction(self) -> None:
        """Raise :class:`ConfigurationError` in a block of ``atomic``, but for that of a test."""
        if not connections[self.alias].in_atomic_block:
            return
        try:
            with transaction.atomic(using=self.alias, savepoint=False, durable=True):
                pass
        except RuntimeError:
            raise ConfigurationError(
                "a provider is asked inside transaction.atomic: what is written down for that has "
                "to be on disk before. Ask after the block, or use service().joined(connection)"
            ) from None

    def close(self) -> None:
        """Nothing: Django closes its connections."""

    def _commit(self, body: Body[T]) -> T:
        self._require_tables()
        try:
            return self._again(partial(self._write, body))
        except (SQLAlchemyError, DjangoError, OSError) as error:
            # A transaction whose commit failed may be on disk all the same.
            raise StoreUnavailable(f"the database did not commit: {_words(error)}") from error

    def _again(self, work: Callable[[bool], T]) -> T:
        """Do ``work``, and again if another transaction was in its way, or a connection was lost.

        It is told whether to be careful: nearly always nothing fails, and no savepoint is needed.
        """
        is_part = connections[self.alias].in_atomic_block
        careful = is_part
        for tried in range(1, 1 if is_part else _TRIES):
            try:
                return work(careful)
            except IntegrityError:
                careful = True
            except SQLAlchemyError as error:
                if not is_passing(error):
                    raise
            except _NotBegunError:
                pass  # the next connection is new
            time.sleep(random.uniform(0, _PAUSE * tried))  # noqa: S311 - not a secret
        return work(careful)

    def _write(self, body: Body[T], careful: bool) -> T:  # noqa: FBT001 - given by _again
        noted: set[Changed] = set()

        def noting(lent: Connection) -> T:
            with changes.noting(lent, noted):
                return attempt(lent, body) if careful else body(lent)

        done = self._run(noting, writes=True)
        if noted:
            self._tell(noted)
        return done

    def _tell(self, noted: Collection[Changed]) -> None:
        if not connections[self.alias].in_atomic_block:
            self.on_change(noted)
            return
        self.on_unsettled(noted)
        transaction.on_commit(partial(self.on_change, noted), using=self.alias)

    def _run(self, body: Callable[[Connection], T], *, writes: bool) -> T:
        connection = connections[self.alias]
        if is_own():
            connection.close_if_unusable_or_obsolete()
        has_begun, was_open = False, connection.connection is not None
        try:
            with transaction.atomic(using=self.alias):
                has_begun = True
                if writes and connection.vendor == "sqlite":
                    _execute(connection, _LOCK)
                with borrow_from(connection)(writes) as lent:
                    return body(lent)
        except DjangoError as error:
            if has_begun or connection.in_atomic_block or not was_open:
                raise
            connection.close_if_unusable_or_obsolete()
            raise _NotBegunError(*error.args) from error
        finally:
            if is_own():
                connection.close_if_unusable_or_obsolete()

    def _require_tables(self) -> None:
        """Look once whether the tables are there; raises :class:`ConfigurationError`."""
        if self._is_checked:
            return
        have = self.look(migrations.version)
        migrations.check(have)
        if have < migrations.NEWEST:
            how = upgrade_by(self.alias)
            if not apps.is_installed("paykit.django"):
                how = f'add "paykit.django" to INSTALLED_APPS, then {how}'
            raise ConfigurationError(f"the tables are not there, or old: {how} makes them")
        self._is_checked = True


def upgrade_by(alias: str) -> str:
    """The command that makes and upgrades the tables on one of Django's databases."""
    return "manage.py migrate" + (f" --database {alias}" if alias != DEFAULT_DB_ALIAS else "")


def _words(error: Exception) -> str:
    """The driver's own words."""
    return str(error) if isinstance(error, DjangoError) else reason(error)


def _execute(connection: Any, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
