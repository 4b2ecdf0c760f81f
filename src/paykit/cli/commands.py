"""The commands: each reads its options, calls the library, and says in one line what is wrong."""

from __future__ import annotations

import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import __version__
from ..money import Money
from .database import db
from .options import one_line_errors
from .outbox import outbox
from .reconcile import payments, reconcile
from .relay import relay
from .table import provider_table

if TYPE_CHECKING:
    from ..demo.server import Listener


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="paykit-adapters", prog_name="paykit")
def cli() -> None:
    """One small interface over payment providers."""


for _command in (db, relay, outbox, reconcile, payments):
    cli.add_command(_command)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", default=8000, show_default=True, help="The shop's port; 0 takes any.")
@click.option(
    "--sandbox-port", default=8100, show_default=True, help="The providers' port; 0 takes any."
)
@click.option("--open/--no-open", "open_browser", help="Open the shop in a browser.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep payments and orders in this file.  [default: a temporary one]",
)
def demo(
    host: str, port: int, sandbox_port: int, *, open_browser: bool, database: Path | None
) -> None:
    """Run a small shop with offline providers, to click through.

    Buy something, pay on the page of a pretended provider or with a bank app, and watch the events.
    """

    def ready(shop: Listener, sandbox: Listener) -> None:
        click.echo(f"The shop is open:  {shop.url}")
        click.echo(f"Its events:        {shop.url}/events")
        click.echo(f"The providers:     {sandbox.url}")
        click.echo("No real money moves. Ctrl-C ends it.")
        if open_browser:
            # Some browsers on some systems run in the foreground.
            threading.Thread(target=webbrowser.open, args=(shop.url,), daemon=True).start()

    with one_line_errors("demo"):
        from ..demo.run import run_demo

        run_demo(host=host, port=port, sandbox_port=sandbox_port, database=database, ready=ready)
    click.echo("Closed.")


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=8100, show_default=True, help="0 takes any.")
@click.option("--public-url", help="The address that browsers use.  [default: host and port]")
@click.option(
    "--webhooks-url",
    default="http://127.0.0.1:8000/pay/webhooks",
    show_default=True,
    help="Where notices go, each below its provider's name: …/vnpay. MoMo's go where requests say.",
)
def sandbox(host: str, port: int, public_url: str | None, webhooks_url: str) -> None:
    """Run only the offline providers, for your own application.

    Their keys are public: never make them reachable from the internet.
    """
    with one_line_errors("sandbox"):
        from ..demo.server import listen, serve
        from ..sandbox import SandboxConfig, create_app
        from ..sandbox.app import TITLES

        at = listen(host, port)
        config = SandboxConfig.for_shop(webhooks_url, public_url=public_url or at.url)
        for name, title in TITLES.items():
            click.echo(f"{title + ':':<16}{config.public_url}/{name}")
        click.echo(f"What happened: {config.public_url}/    Ctrl-C ends it.")
        serve({at: create_app(config)})
    click.echo("Closed.")


@cli.command()
def providers() -> None:
    """List the providers, and what each of them can do here."""
    with one_line_errors("cli"):
        click.echo(provider_table())


@cli.command()
@click.option("--bank", required=True, help="The payee's bank: its BIN, code or name.")
@click.option("--account", required=True, help="The account, or the card with --card.")
@click.option("--card", is_flag=True, help="The number is that of a card.")
@click.option("--amount", type=int, help="In whole dong.  [default: the payer enters it]")
@click.option("--purpose", help="The memo of the transfer, at most 25 characters.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "svg", "png", "text"]),
    default="terminal",
    show_default=True,
    help="text is what the code says; the others are images of it.",
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file."
)
def qr(
    bank: str,
    account: str,
    *,
    card: bool,
    amount: int | None,
    purpose: str | None,
    form: str,
    output: Path | None,
) -> None:
    """Make a VietQR code for a bank transfer.

    Nothing is sent anywhere, and nothing tells whether the account exists.
    """
    from ..vietqr import VietQRPayload
    from ..vietqr import qr as images

    with one_line_errors("qr"):
        payload = VietQRPayload.of(
            bank,
            account,
            card=card,
            amount=None if amount is None else Money(amount, "VND"),
            purpose=purpose,
        )
        if form == "png":
            made = images.png(payload)
        elif form == "svg":
            made = f"{images.svg(payload)}\n".encode()
        elif form == "terminal":
            made = f"{images.terminal(payload)}\n".encode()
        else:
            made = f"{payload.to_text()}\n".encode()
    if output:
        try:
            output.write_bytes(made)
        except OSError as error:
            raise click.FileError(str(output), error.strerror or "") from error
    elif form == "png" and sys.stdout.isatty():
        raise click.ClickException("a PNG cannot be shown in a terminal: give --output")
    else:
        click.echo(made, nl=False)
    if form == "terminal" and payload.bank:
        # For a look before anybody pays: a wrong code of a bank is easily typed.
        number = f"{'card' if card else 'account'} {account}"
        said = [payload.bank.short_name, number, payload.amount, payload.purpose]
        click.echo("  ".join(str(part) for part in said if part), err=True)
