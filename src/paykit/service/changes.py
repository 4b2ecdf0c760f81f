"""Which payments a transaction changes: noted while it runs, told once it is on disk.

In this process the database's owner hands over what was noted; other processes hear of it by
PostgreSQL's NOTIFY, which is part of the transaction, or over a :class:`ChangeBus`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol, TypeAlias, runtime_checkable

from sqlalchemy import Connection, func, select

from .dialects import CHANNEL
from .state import PaymentRecord

#: A payment's id and its order's.
Changed: TypeAlias = tuple[str, str]

#: Whoever shows payments listens on this channel of PostgreSQL.
STATUS_CHANNEL: Final = "paykit_status"
_NOTED: Final = "paykit_changed"
#: PostgreSQL takes less than 8000 bytes for one notice.
_LONGEST: Final = 7000


@runtime_checkable
class ChangeBus(Protocol):
    """Tells other processes which payments have changed; losing some costs only time."""

    @property
    def is_heard(self) -> bool:
        """Whether what others tell is being heard now."""
        ...

    def publish(self, text: str) -> None:
        """Tell all others. May raise whatever its client raises."""
        ...

    def listen(self, hear: Callable[[str | None], None]) -> None:
        """Call ``hear`` with each text from now on, in any thread; ``None``: some may be lost."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


@contextmanager
def noting(conn: Connection, noted: set[Changed]) -> Iterator[None]:
    """Let what is noted on this connection meanwhile go into ``noted``."""
    info = conn.info
    info[_NOTED] = noted
    try:
        yield
    finally:
        info.pop(_NOTED, None)


def note(conn: Connection, records: Collection[PaymentRecord], *, events: bool = False) -> None:
    """Note that these payments change; ``events``: there is something to publish as well.

    Where the database can, it tells other processes once this transaction is committed.
    """
    changed = [(one.payment_id, one.order_id) for one in records]
    noted: set[Changed] | None = conn.info.get(_NOTED)
    if noted is not None:
        noted.update(changed)
    if conn.dialect.name == "postgresql" and (changed or events):
        told = [func.pg_notify(STATUS_CHANNEL, text) for text in dump(changed)]
        if events:
            told.append(func.pg_notify(CHANNEL, ""))
        conn.execute(select(*told))


def dump(changed: Iterable[Changed]) -> Iterator[str]:
    """Changes as texts, none of them too long for a notice."""
    some: list[Changed] = []
    size = 2
    for one in changed:
        longer = len(json.dumps(one)) + 2
        if some and size + longer > _LONGEST:
            yield json.dumps(some)
            some, size = [], 2
        some.append(one)
        size += longer
    if some:
        yield json.dumps(some)


def load(text: str) -> list[Changed]:
    """The changes in a text of :func:`dump`. Raises :class:`ValueError` for any other text."""
    match json.loads(text):
        case [*pairs]:
            return [_load_one(pair) for pair in pairs]
    raise ValueError("not a list of changes")


def _load_one(pair: object) -> Changed:
    match pair:
        case [str(payment_id), str(order_id)]:
            return payment_id, order_id
    raise ValueError("not a payment and its order")
