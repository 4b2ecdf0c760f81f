"""A table from its newest row on, page by page, for people.

An index leads to the first row of each page, however far behind it is. No page looks at more rows
than :data:`LOOKED_THROUGH`: whoever writes to the same SQLite file waits for those who read it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar

import attrs
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    and_,
    func,
    or_,
    select,
    tuple_,
)

from ..errors import InvalidRequest
from ..text import unstorable

T = TypeVar("T")

#: How many rows a page passes over at most, to find those that are asked for.
LOOKED_THROUGH: Final = 10_000
_LONGEST: Final = 1000

#: Says of the columns of a table which of its rows are asked for.
Wanted: TypeAlias = Callable[[Any], ColumnElement[bool]]


@attrs.frozen(slots=True)
class Page(Generic[T]):
    """A part of a long list, and where it goes on.

    ``next`` is to be given as ``after`` for the part that follows; ``None``: there is none. Where
    little is found among much, a page may be short, or even empty, and have a ``next`` all the
    same: so far was looked.
    """

    items: tuple[T, ...]
    next: str | None


@attrs.frozen(slots=True)
class Line:
    """The rows of ``table`` in line, the newest first.

    They stand by the columns ``place``: when a row was made, which has an index, and what tells
    rows of one moment apart. ``columns`` are those that are read.
    """

    table: FromClause
    place: Sequence[str]
    columns: Sequence[str]

    def page(
        self,
        conn: Connection,
        make: Callable[[Row[Any]], T],
        *,
        few: ColumnElement[bool] | None = None,
        wanted: Wanted | None = None,
        after: str | None,
        limit: int,
    ) -> Page[T]:
        """Up to ``limit`` rows behind ``after``, each as ``make`` has it.

        ``few`` is a condition that leads to few rows by another index; ``wanted`` one that any
        number of rows have to be looked through for. Raises :class:`InvalidRequest`.
        """
        if not 1 <= limit <= _LONGEST:
            raise InvalidRequest(f"is 1 to {_LONGEST}", field="limit")
        seen = select(*(self.table.c[name] for name in self.columns))
        if few is not None:
            seen = seen.where(few)
        if after is not None:
            seen = seen.where(self._behind(_read(after, len(self.place))))
        seen = self._newest_first(seen, self.table)
        asked = seen if wanted is None else self._among(seen.limit(LOOKED_THROUGH), wanted)
        rows = conn.execute(asked.limit(limit + 1)).all()
        following: str | None = None
        if len(rows) > limit:
            following = self._place_of(rows[limit - 1])
        elif wanted is not None:
            following = self._end(conn, seen.limit(LOOKED_THROUGH))
        return Page(tuple(make(row) for row in rows[:limit]), following)

    def _newest_first(self, rows: Select[Any], source: FromClause) -> Select[Any]:
        return rows.order_by(*(source.c[name].desc() for name in self.place))

    def _among(self, seen: Select[Any], wanted: Wanted) -> Select[Any]:
        source = seen.subquery("seen")
        return self._newest_first(select(source).where(wanted(source.c)), source)

    def _behind(self, place: Sequence[Any]) -> ColumnElement[bool]:
        """Whether a row stands behind a place, said so that every database uses the index."""
        made, *others = (self.table.c[name] for name in self.place)
        types = [column.type for column in others]
        later = tuple_(*others) < tuple_(*place[1:], types=types)
        return and_(made <= place[0], or_(made < place[0], later))

    def _end(self, conn: Connection, seen: Select[Any]) -> str | None:
        """The place of the last row that was looked at; ``None``: there are no more."""
        source = seen.subquery("seen")
        place = [source.c[name] for name in self.place]
        asked = select(*place, func.count().over().label("rows")).order_by(*place).limit(1)
        row = conn.execute(asked).first()
        return None if row is None or row.rows < LOOKED_THROUGH else self._place_of(row)

    def _place_of(self, row: Any) -> str:
        made, *others = (getattr(row, name) for name in self.place)
        return json.dumps([made.isoformat(), *others], ensure_ascii=False)


def _read(after: str, length: int) -> list[Any]:
    """The place that :attr:`Page.next` names."""
    try:
        made, *others = json.loads(after)
        moment = datetime.fromisoformat(made).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _no_place() from None
    texts = all(isinstance(other, str) for other in others)
    if not texts or len(others) != length - 1 or unstorable(others):
        raise _no_place()
    return [moment, *others]


def _no_place() -> InvalidRequest:
    return InvalidRequest("is not what a page before gave as its next", field="after")
