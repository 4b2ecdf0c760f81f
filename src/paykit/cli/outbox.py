"""``paykit outbox``: looking at events, publishing them again, deleting old ones."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from .options import database_option, json_option, moment, open_service
from .shown import columns, json_line, time_text

if TYPE_CHECKING:
    from ..service import OutboxEntry


@click.group()
def outbox() -> None:
    """The events that wait to be published, that are out, and that could not be."""


@outbox.command("list")
@database_option
@click.option("--dead", is_flag=True, help="Those that failed too often.")
@click.option("--published", is_flag=True, help="Those that are out.")
@click.option("--payment", metavar="ID", help="Those of one payment.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="At most so many.",
)
@json_option
def list_(
    database: str,
    *,
    dead: bool,
    published: bool,
    payment: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List events, the oldest first: those that wait, unless another kind is named."""
    if dead and published:
        raise click.UsageError("--dead and --published are two kinds: name one")
    with open_service(database) as service:
        found = service.outbox(dead=dead, published=published, payment_id=payment, limit=limit)
    if as_json:
        for entry in found:
            click.echo(json_line(entry))
    elif found:
        for line in columns([_HEAD, *map(_row, found)]):
            click.echo(line)
    else:
        click.echo("There are none.")


@outbox.command()
@database_option
@click.argument("event_ids", nargs=-1, metavar="[EVENT_ID]...")
@click.option("--payment", metavar="ID", help="Those of one payment.")
@click.option("--since", type=moment, help="Those that were made since then, or since 2h ago.")
def replay(
    database: str, event_ids: tuple[str, ...], *, payment: str | None, since: datetime | None
) -> None:
    """Publish events again, under the same ids: the dead ones, or those that are named.

    What is named by several options has to fit all of them.
    """
    with open_service(database) as service:
        done = service.replay(event_ids=event_ids or None, payment_id=payment, since=since)
    click.echo(f"{done} to be published again.")


@outbox.command()
@database_option
@click.option(
    "--before", type=moment, required=True, help="What was published before then, or 30d ago."
)
@click.option("--dead", is_flag=True, help="Also what died before then.")
def purge(database: str, *, before: datetime, dead: bool) -> None:
    """Delete events that are out. What waits is never deleted."""
    with open_service(database) as service:
        done = service.purge(before=before, dead=dead)
    click.echo(f"{done} deleted.")


_HEAD = ("event", "payment", "no", "created", "tried", "out", "dead", "last error")


def _row(entry: OutboxEntry) -> tuple[str, ...]:
    return (
        entry.event_id,
        entry.payment_id,
        str(entry.sequence),
        time_text(entry.created_at),
        str(entry.attempts),
        time_text(entry.published_at),
        time_text(entry.dead_at),
        entry.last_error or "",
    )
