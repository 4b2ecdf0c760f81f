"""Statements about many rows at once, for what is done for every group of deliveries.

Asking for fifty names, and writing fifty rows, shall take SQLAlchemy about as long as for one: the
statements are built once, and where a database can take a list apart they have as many parameters
for fifty as for one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    String,
    Table,
    TypeDecorator,
    Update,
    any_,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

Rows: TypeAlias = Sequence[Mapping[str, Any]]
_Write: TypeAlias = Callable[[Connection, Rows], object]

#: The parameter for the key of a row: one with a column's own name is for its new value.
_KEY: Final = "_key"


class _JsonTexts(TypeDecorator[Sequence[str]]):
    """Texts as one JSON array."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> str:
        del dialect
        return json.dumps(value or (), ensure_ascii=False)


def among(column: ColumnElement[Any], name: str, dialect: str) -> ColumnElement[bool]:
    """Whether ``column`` is one of the texts in the parameter ``name``, which is a list."""
    match dialect:
        case "sqlite":
            texts = func.json_each(bindparam(name, type_=_JsonTexts)).table_valued("value")
            return column.in_(select(texts.c.value))
        case "postgresql":
            return column == any_(bindparam(name, type_=ARRAY(String)))
        case _:
            return column.in_(bindparam(name, expanding=True))


class Many:
    """Inserts or updates many rows of ``table``; each has a value for every one of ``names``.

    With a ``key``, the name of a column, the row that has it gets the other values.
    """

    def __init__(self, table: Table, names: Sequence[str], *, key: str | None = None) -> None:
        self._table: Final = table
        self._names: Final = tuple(names)
        self._key: Final = key
        self._by_dialect: dict[tuple[str, str], _Write] = {}

    def write(self, conn: Connection, rows: Rows) -> None:
        """Insert or update ``rows``."""
        if not rows:
            return
        kind = conn.dialect.name, conn.dialect.driver
        if kind not in self._by_dialect:
            arrays = conn.dialect.name == "postgresql"
            self._by_dialect[kind] = self._by_arrays() if arrays else self._by_rows(conn.dialect)
        self._by_dialect[kind](conn, rows)

    def _by_arrays(self) -> _Write:
        """Give the database one array for each column, and let it make rows of them."""
        columns = [self._table.c[name] for name in self._names]
        given = func.unnest(
            *(bindparam(f"all_{column.name}", type_=ARRAY(column.type)) for column in columns)
        )
        rows_ = given.table_valued(*self._names, name="given").render_derived()
        statement: Insert | Update
        if self._key is None:
            statement = insert(self._table).from_select(self._names, select(*rows_.c))
        else:
            mine = self._table.c[self._key] == rows_.c[self._key]
            changed = {name: rows_.c[name] for name in self._names if name != self._key}
            statement = update(self._table).where(mine).values(changed)

        def write(conn: Connection, rows: Rows) -> None:
            lists = {f"all_{name}": [row[name] for row in rows] for name in self._names}
            conn.execute(statement, lists)

        return write

    def _by_rows(self, dialect: Dialect) -> _Write:
        """Give the driver the rows as they are, but for what this dialect has to convert."""
        statement: Insert | Update
        if self._key is None:
            statement = insert(self._table)
        else:
            mine = self._table.c[self._key] == bindparam(_KEY)
            statement = update(self._table).where(mine)
        changed = [name for name in self._names if name != self._key]
        compiled = statement.compile(dialect=dialect, column_keys=changed)
        text = str(compiled)
        parameters = compiled.positiontup or list(compiled.params)
        columns = [name.replace(_KEY, self._key or "") for name in parameters]
        take = itemgetter(*columns)
        converters = [_converter(self._table.c[name].type, dialect) for name in columns]
        to_convert = [(place, one) for place, one in enumerate(converters) if one]

        def values_of(row: Mapping[str, Any]) -> Any:
            values = list(take(row))
            for place, convert in to_convert:
                if values[place] is not None:
                    values[place] = convert(values[place])
            if compiled.positiontup:
                return tuple(values)
            return dict(zip(parameters, values, strict=True))

        return lambda conn, rows: conn.exec_driver_sql(text, [values_of(row) for row in rows])


def _converter(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)
