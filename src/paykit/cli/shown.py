"""Values as people and programs read them: aligned columns, and JSON of one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import attrs


def time_text(moment: datetime | None) -> str:
    """A time in UTC, to the second: ``2026-03-01T09:00:00Z``."""
    if moment is None:
        return "-"
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def json_line(value: Any) -> str:
    """One of our values as JSON of one line, times with all their digits."""
    data = attrs.asdict(value, value_serializer=lambda _owner, _field, item: _to_json(item))
    return json.dumps(data, ensure_ascii=False)


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with aligned columns; what is in a cell stays on its line."""
    lines = [[" ".join(cell.split()) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.value if isinstance(value, Enum) else value
