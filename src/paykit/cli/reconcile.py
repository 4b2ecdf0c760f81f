"""``paykit reconcile``: asking the providers about what is open; ``paykit payments``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from .. import registry
from ..errors import ConfigurationError, StoreUnavailable
from .options import database_option, duration, json_option, one_line_errors, open_service
from .shown import columns, json_line, report_lines, time_text
from .stopping import stopping

if TYPE_CHECKING:
    from ..service import GivenUp, PaymentService


@click.command()
@database_option
@click.option("--every", type=duration, help="Do it again and again, with such pauses: 60s.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="Ask about so many payments and as many commands at a time.",
)
@click.option(
    "--paid-within",
    type=duration,
    help="Ask also about payments that are over and not older than that: 7d.",
)
@click.option(
    "--tell",
    "redis",
    metavar="URL",
    envvar="PAYKIT_CHANGES",
    show_envvar=True,
    help="Tell pages that wait of changes over this Redis, as your services do: redis://…",
)
@json_option
def reconcile(
    database: str,
    *,
    every: timedelta | None,
    limit: int,
    paid_within: timedelta | None,
    redis: str | None,
    as_json: bool,
) -> None:
    """Ask the providers about what has been open for too long, and say what changed.

    The accounts come from the environment: those that PAYKIT_ACCOUNTS names (momo,momo-eu), else
    the default account of each provider whose variables are set.
    """

    def sweep(service: PaymentService) -> None:
        report = service.reconcile(limit=limit, paid_within=paid_within)
        for line in [json_line(report)] if as_json else report_lines(report):
            click.echo(line)

    with one_line_errors("service"):
        accounts = registry.from_env()
        if not accounts:
            raise ConfigurationError(
                f"no provider account is configured: set {registry.ACCOUNTS}, or the variables of "
                "a provider"
            )
    with stopping() as stop, open_service(database, accounts, redis=redis) as service:
        if every is None:
            sweep(service)
            return
        while True:
            try:
                sweep(service)
            except StoreUnavailable as error:
                click.echo(f"It will be tried again: {error}", err=True)
            if stop.wait(every):
                return


@click.group()
def payments() -> None:
    """Payments that a person has to look at."""


@payments.command("given-up")
@database_option
@json_option
def given_up(database: str, *, as_json: bool) -> None:
    """List what nobody asks about any more, the oldest first, and why."""
    with open_service(database) as service:
        found = service.given_up()
    if as_json:
        for one in found:
            click.echo(json_line(one))
    elif found:
        for line in columns([_HEAD, *map(_row, found)]):
            click.echo(line)
    else:
        click.echo("There are none.")


_HEAD = ("payment", "account", "reference", "what", "status", "amount", "since", "asked", "note")


def _row(one: GivenUp) -> tuple[str, ...]:
    record = one.record
    account = f"{record.provider}-{record.account}".removesuffix("-default")
    return (
        record.payment_id,
        account,
        record.reference,
        one.kind,
        record.status.value,
        str(one.amount),
        time_text(one.since),
        str(one.checks),
        one.note,
    )
