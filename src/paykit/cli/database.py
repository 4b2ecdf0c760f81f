"""``paykit db``: making and upgrading the tables."""

from __future__ import annotations

import click

from .options import database_option, one_line_errors


@click.group()
def db() -> None:
    """The tables of the service's database."""


@db.command()
@database_option
def upgrade(database: str) -> None:
    """Make the tables, or bring them to the newest version.

    Run it before the new version of your service starts. Several at once do it once.
    """
    with one_line_errors("service"):
        from ..service import database_version, upgrade_database

        for title in upgrade_database(database):
            click.echo(f"done  {title}")
        click.echo(f"The tables are at version {database_version(database)}.")


@db.command()
@database_option
def status(database: str) -> None:
    """Say at which version the tables are. Ends with code 1 unless it is the newest."""
    with one_line_errors("service"):
        from ..service import database_version
        from ..service.upgrading import NEWEST

        version = database_version(database)
    end = "" if version == NEWEST else f"; this paykit needs {NEWEST}"
    click.echo(f"The tables are at version {version}{end}.")
    if end:
        raise click.exceptions.Exit(1)
