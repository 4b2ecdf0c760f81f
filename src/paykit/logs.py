"""Structured logs through the standard library: one JSON object a line, redacted.

paykit logs to loggers below ``paykit`` and sets up none of them. What a line is about stands in its
``extra`` fields, which :class:`JsonFormatter` writes out.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Collection, Hashable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs

from .provider_tools import Clock
from .redaction import MASK, names_secret, redact
from .telemetry import current_ids

__all__ = ["JsonFormatter", "RedactingFilter", "Throttle", "redact"]

#: What every record has; the rest is what the caller added.
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
}
#: Deeper than this a value is shown as Python writes it.
_DEEPEST: Final = 8
_PLAIN: Final = logging.Formatter()


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time`` in UTC, ``level``, ``logger``, ``message``, extra fields.

    Of an exception its type and the traceback; inside a span of OpenTelemetry ``trace_id`` and
    ``span_id``. All of it goes through :func:`redact`; ``secrets`` are masked as well.
    """

    def __init__(self, *, secrets: Collection[str] = ()) -> None:
        super().__init__()
        self._secrets: Final = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message_of(record),
            **current_ids(),
        }
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                told.setdefault(name, value)
        if record.exc_info and record.exc_info[0] is not None:
            kind = record.exc_info[0]
            told["exception"] = f"{kind.__module__}.{kind.__qualname__}"
            told["traceback"] = record.exc_text or self.formatException(record.exc_info)
        if record.stack_info:
            told["stack"] = self.formatStack(record.stack_info)
        line = _ENCODER.encode(_clean(told, self._secrets))
        # A lone surrogate, which no file takes, becomes what JSON writes for it.
        return line.encode(errors="backslashreplace").decode()


class RedactingFilter(logging.Filter):
    """Redacts what a handler is about to write, for a formatter of another make.

    Add it to the handler: the filter of a logger does not see what loggers below it log.
    ``secrets`` are masked as well, whatever they look like.
    """

    def __init__(self, *, secrets: Collection[str] = ()) -> None:
        super().__init__()
        self._secrets: Final = tuple(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record; it is always logged."""
        record.msg, record.args = redact(_message_of(record), secrets=self._secrets), ()
        for name, value in list(record.__dict__.items()):
            if name not in _STANDARD:
                record.__dict__[name] = _clean({name: value}, self._secrets)[name]
        if record.exc_info and not record.exc_text:
            record.exc_text = _PLAIN.formatException(record.exc_info)
        if record.exc_text:  # which formatters take instead of the exception
            record.exc_text = redact(record.exc_text, secrets=self._secrets)
        if record.stack_info:
            record.stack_info = redact(record.stack_info, secrets=self._secrets)
        return True


@attrs.define(slots=True)
class _Window:
    """The lines of one kind since a moment."""

    since: datetime
    lines: int = 0


class Throttle:
    """Lets through the first ``lines`` of each kind in each ``span`` of time, and counts the rest.

    A kind's time is over when :meth:`left_out` has told so. A number is remembered for each kind,
    so there must be few of them: not one for each caller. Safe to share between threads.
    """

    def __init__(
        self, clock: Clock, *, lines: int = 10, span: timedelta = timedelta(minutes=1)
    ) -> None:
        self._clock = clock
        self._most = lines
        self._span = span
        self._windows: dict[Hashable, _Window] = {}
        self._guard = threading.Lock()

    def allows(self, kind: Hashable) -> bool:
        """Whether to log one more of them now; it counts."""
        now = self._clock()
        with self._guard:
            window = self._windows.setdefault(kind, _Window(now))
            window.lines += 1
            return window.lines <= self._most

    def left_out(self, *, at_once: bool = False) -> list[tuple[Any, int]]:
        """The kinds whose time is over, and how many of each were left out, if any were.

        With ``at_once`` all kinds, without waiting for their time.
        """
        if not self._windows:
            return []
        now = self._clock()
        with self._guard:
            over = [
                kind
                for kind, window in self._windows.items()
                # A clock that was set back must not keep a window open.
                if at_once or not timedelta(0) <= now - window.since < self._span
            ]
            ended = [(kind, self._windows.pop(kind).lines - self._most) for kind in over]
        return [(kind, count) for kind, count in ended if count > 0]


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a filter that raises would reach whoever wanted to log
        return f"{record.msg} (its arguments do not fit)"


def _text_of(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - as above
        return f"(a {type(value).__name__} that cannot be shown)"


def _clean(value: Any, secrets: Collection[str], depth: int = 0) -> Any:
    """The value, or what is left of it without secrets, as text where JSON has nothing for it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return {
            str(name): MASK if names_secret(str(name)) else _clean(one, secrets, depth + 1)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple) and depth < _DEEPEST:
        return [_clean(one, secrets, depth + 1) for one in value]
    text = _text_of(value)
    clean = redact(text, secrets=secrets)
    is_infinite = isinstance(value, float) and not math.isfinite(value)
    is_deep = isinstance(value, Mapping | list | tuple)
    return clean if clean != text or is_infinite or is_deep else value


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_text_of)
