"""Values as people and programs read them: aligned columns, and JSON of one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from ..service import Report

_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)


def read_duration(text: str) -> timedelta | None:
    """A duration such as ``90s``, ``15m``, ``12h``, ``30d``, ``2w``; ``None``: it is none."""
    found = _DURATION.fullmatch(text)
    return None if found is None else int(found[1]) * _UNITS[found[2]]


def time_text(moment: datetime | None) -> str:
    """A time in UTC, to the second: ``2026-03-01T09:00:00Z``."""
    if moment is None:
        return "-"
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def json_line(value: Any) -> str:
    """One of our values as JSON of one line, times with all their digits."""
    data = attrs.asdict(value, value_serializer=lambda _owner, _field, item: _to_json(item))
    return json.dumps(data, ensure_ascii=False)


def report_lines(report: Report) -> list[str]:
    """A line of sums, and one for each payment that something became of."""
    sums = {
        "asked": report.asked,
        "published": report.published,
        "changed": len(report.changes),
        "ended": len(report.commands),
        "given up": len(report.given_up),
        "unanswered": len(report.failures),
        "put off": report.limited,
        "elsewhere": report.elsewhere,
    }
    if report.elsewhere:
        sums["due elsewhere"] = report.elsewhere
    lines = [
        ", ".join(f"{name} {number}" for name, number in sums.items()),
        *(f"{one.payment_id}: {one.before} is now {one.after}" for one in report.changes),
        *(f"{one.payment_id}: {one.kind} is now {one.state}" for one in report.commands),
        *(f"{one.record.payment_id}: given up: {one.note}" for one in report.given_up),
        *(f"{one.payment_id}: unanswered: {one.error}" for one in report.failures),
    ]
    return [" ".join(line.split()) for line in lines]


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
