"""``paykit relay``: a process that publishes the events of a database."""

from __future__ import annotations

from datetime import timedelta

import click

from .options import database_option, one_line_errors, open_service
from .stopping import stopping
from .targets import publishers_of, unpublished


@click.command()
@database_option
@click.option(
    "--to",
    "targets",
    metavar="URL",
    required=True,
    multiple=True,
    envvar="PAYKIT_RELAY_TO",
    show_envvar=True,
    help="Where events go: kafka://…, amqp://…, nats://…, redis://…, https://…. May be repeated.",
)
@click.option(
    "--source",
    metavar="URI",
    default="",
    envvar="PAYKIT_RELAY_SOURCE",
    show_envvar=True,
    help="Who emits the events, for a URL that does not say so: //shop.example/payments",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="How many go to a broker at once.",
)
@click.option(
    "--max-attempts",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="After so many failures an event is dead; 0: never.",
)
@click.option(
    "--behind-dead", is_flag=True, help="Publish also what comes after a dead event of a payment."
)
@click.option("--once", is_flag=True, help="Publish what waits, then end.")
def relay(
    database: str,
    *,
    targets: tuple[str, ...],
    source: str,
    batch: int,
    max_attempts: int,
    behind_dead: bool,
    once: bool,
) -> None:
    """Publish the events of a database, until a signal ends it.

    Any number of them may run at once. SIGTERM and Ctrl-C let it finish what it is at. Calls to an
    HTTP target are signed with the secrets in PAYKIT_RELAY_SECRETS, separated by commas.
    """
    with one_line_errors("service"):
        from ..service import RelaySettings

        settings = RelaySettings(
            batch=batch, max_attempts=max_attempts or None, behind_dead=behind_dead
        )
        publishers = publishers_of(targets, source=source)
        with stopping() as stop, open_service(database, relay=settings) as service:
            service.publish_to(*publishers, background=not once)
            if once:
                while service.relay() and not stop.wait(timedelta()):
                    pass
                failed = unpublished(service)
            else:
                click.echo("Publishing. Ctrl-C ends it.")
                stop.wait()
                failed = None
    if failed:
        raise click.ClickException(failed)
    click.echo("Ended.")
