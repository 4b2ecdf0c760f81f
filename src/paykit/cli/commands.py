"""The commands: each reads its options, calls the library, and says in one line what is wrong."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from .. import __version__
from ..errors import PaykitError
from .table import provider_table

if TYPE_CHECKING:
    from ..demo.server import Listener

#: What the extras bring; the absence of anything else is a fault, not a missing extra.
_EXTRAS: Final = frozenset({"jinja2", "sqlalchemy", "starlette", "uvicorn"})


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="paykit-adapters", prog_name="paykit")
def cli() -> None:
    """One small interface over payment providers."""


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

    Buy something, pay on the page of a pretended VNPay or MoMo, and watch the events.
    """

    def ready(shop: Listener, sandbox: Listener) -> None:
        click.echo(f"The shop is open:  {shop.url}")
        click.echo(f"Its events:        {shop.url}/events")
        click.echo(f"The providers:     {sandbox.url}")
        click.echo("No real money moves. Ctrl-C ends it.")
        if open_browser:
            # Some browsers on some systems run in the foreground.
            threading.Thread(target=webbrowser.open, args=(shop.url,), daemon=True).start()

    with _one_line_errors("demo"):
        from ..demo.run import run_demo

        run_demo(host=host, port=port, sandbox_port=sandbox_port, database=database, ready=ready)
    click.echo("Closed.")


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=8100, show_default=True, help="0 takes any.")
@click.option("--public-url", help="The address that browsers use.  [default: host and port]")
@click.option(
    "--vnpay-ipn-url",
    default="http://127.0.0.1:8000/pay/webhooks/vnpay",
    show_default=True,
    help="Where VNPay's notices go; MoMo takes it from each request.",
)
def sandbox(host: str, port: int, public_url: str | None, vnpay_ipn_url: str) -> None:
    """Run only the offline providers, for your own application.

    Their keys are public: never make them reachable from the internet.
    """
    with _one_line_errors("sandbox"):
        from ..demo.server import listen, serve
        from ..sandbox import SandboxConfig, VNPayConfig, create_app
        from ..sandbox.app import SIMULATORS

        at = listen(host, port)
        config = SandboxConfig(
            public_url=public_url or at.url, vnpay=VNPayConfig(ipn_url=vnpay_ipn_url)
        )
        for simulator in SIMULATORS:
            click.echo(f"{simulator.title + ':':<16}{config.public_url}/{simulator.name}")
        click.echo(f"What happened: {config.public_url}/    Ctrl-C ends it.")
        serve({at: create_app(config)})
    click.echo("Closed.")


@cli.command()
def providers() -> None:
    """List the providers, and what each of them can do here."""
    with _one_line_errors("cli"):
        click.echo(provider_table())


@contextmanager
def _one_line_errors(extra: str) -> Iterator[None]:
    try:
        yield
    except PaykitError as error:
        raise click.ClickException(str(error)) from error
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        raise click.ClickException(
            f"{package} is missing: pip install 'paykit-adapters[{extra}]'"
        ) from error
