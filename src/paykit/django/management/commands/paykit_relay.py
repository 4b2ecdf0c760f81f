"""``manage.py paykit_relay``: a process that publishes the events of payments."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ....cli.stopping import stopping
from ....cli.targets import SECRETS, publishers_of, unpublished
from ....errors import PaykitError
from ....service import RelaySettings
from ... import conf, signals
from ...runtime import open_service


class Command(BaseCommand):
    """Publish events until a signal ends it."""

    help = (
        "Publish the events of payments: to the receivers of payment_processed, if there are any, "
        "and to brokers, until SIGTERM or Ctrl-C. Any number of these may run at once. Calls to an "
        f"HTTP target are signed with the secrets in {SECRETS}, separated by commas."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options of ``paykit relay``."""
        parser.add_argument(
            "--to", dest="targets", metavar="URL", action="append", default=[],
            help="Where events go: kafka://…, amqp://…, nats://…, redis://…, https://…. May be "
            "repeated.",
        )  # fmt: skip
        parser.add_argument(
            "--source", metavar="URI", default="",
            help="Who emits the events, for a URL that does not say so: //shop.example/payments",
        )  # fmt: skip
        parser.add_argument(
            "--batch", type=int, default=500, help="How many go to a broker at once. [500]"
        )
        parser.add_argument(
            "--max-attempts", type=int, default=100,
            help="After so many failures an event is dead; 0: never. [100]",
        )  # fmt: skip
        parser.add_argument(
            "--behind-dead", action="store_true",
            help="Publish also what comes after a dead event of a payment.",
        )  # fmt: skip
        parser.add_argument("--once", action="store_true", help="Publish what waits, then end.")

    def handle(self, *_args: Any, once: bool, **options: Any) -> None:
        """Publish."""
        try:
            settings = RelaySettings(
                batch=options["batch"],
                max_attempts=options["max_attempts"] or None,
                behind_dead=options["behind_dead"],
            )
            publishers = publishers_of(options["targets"], source=options["source"])
            with stopping() as stop, open_service(conf.load(), relay=settings) as service:
                if signals.payment_processed.has_listeners():
                    service.subscribe(signals.send, background=not once)
                if publishers:
                    service.publish_to(*publishers, background=not once)
                elif not signals.payment_processed.has_listeners():
                    raise CommandError("nobody to publish to: connect a receiver, or give --to")
                if not once:
                    self.stdout.write("Publishing. Ctrl-C ends it.")
                    self.stdout.flush()
                    stop.wait()
                while once and service.relay() and not stop.wait(timedelta()):
                    pass
                failed = unpublished(service) if once else None
        except PaykitError as error:
            raise CommandError(" ".join(str(error).splitlines())) from error
        if failed:
            raise CommandError(failed)
        self.stdout.write("Ended.")
