"""What commands have in common: the database, times, and errors in one line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from ..errors import PaykitError
from ..provider import Provider, utc_now
from .shown import read_duration

if TYPE_CHECKING:
    from ..service import PaymentService, RelaySettings

#: What the extras bring; the absence of anything else is a fault, not a missing extra.
_EXTRAS: Final = frozenset({"jinja2", "sqlalchemy", "starlette", "uvicorn"})


def duration(text: str) -> timedelta:
    """A duration, more than nothing: ``90s``, ``15m``, ``12h``, ``30d``, ``2w``."""
    found = read_duration(text)
    if not found:
        raise click.BadParameter(f"{text!r:.40} is not a duration such as 90s, 15m, 12h, 30d")
    return found


def moment(text: str) -> datetime:
    """A time in ISO 8601, in UTC unless it names a zone; or so long ago: ``30d``."""
    if read_duration(text) is not None:
        return utc_now() - duration(text)
    try:
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r:.40} is neither a time in ISO 8601 nor 30d") from None


def database_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--database``. From the environment it shows in no list of processes."""
    return click.option(
        "--database",
        metavar="URL",
        required=True,
        envvar="PAYKIT_DATABASE",
        show_envvar=True,
        help="The service's database: sqlite:///payments.db, postgresql://…, mysql://…",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")(command)


@contextmanager
def open_service(
    database: str,
    providers: Sequence[Provider] = (),
    *,
    relay: RelaySettings | None = None,
    redis: str | None = None,
) -> Iterator[PaymentService]:
    """The service on a database whose tables are there and the newest; errors in one line."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    with one_line_errors("service"):
        from ..service import PaymentService
        from ..service.redis_changes import RedisChanges
        from ..service.upgrading import require_upgraded

        require_upgraded(database)
        changes = RedisChanges(redis) if redis else None
        with PaymentService(providers, database=database, relay=relay, changes=changes) as service:
            yield service


@contextmanager
def one_line_errors(extra: str) -> Iterator[None]:
    """Say what is wrong in one line, and end with code 1; ``extra`` is what may be missing."""
    try:
        yield
    except PaykitError as error:
        raise click.ClickException(" ".join(str(error).splitlines())) from error
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        raise click.ClickException(
            f"{package} is missing: pip install 'paykit-adapters[{extra}]'"
        ) from error
