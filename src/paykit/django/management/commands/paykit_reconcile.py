"""``manage.py paykit_reconcile``: asking the providers about what is open."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections

from ....cli.shown import json_line, read_duration, report_lines
from ....cli.stopping import stopping
from ....errors import PaykitError, StoreUnavailable
from ....service import PaymentService
from ... import conf
from ...runtime import open_service


class Command(BaseCommand):
    """Ask about what has been open for too long, and say what changed."""

    help = "Ask the providers about what has been open for too long, and say what changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options of ``paykit reconcile``."""
        parser.add_argument(
            "--every", type=_duration, help="Do it again and again, with such pauses: 60s."
        )
        parser.add_argument(
            "--limit", type=int, default=500,
            help="Ask about so many payments and as many commands at a time. [500]",
        )  # fmt: skip
        parser.add_argument(
            "--paid-within", type=_duration,
            help="Ask also about payments that are over and not older than that: 7d.",
        )  # fmt: skip
        parser.add_argument(
            "--json", dest="as_json", action="store_true", help="One JSON object a line."
        )

    def handle(self, *_args: Any, every: timedelta | None, **options: Any) -> None:
        """Sweep once, or until a signal."""
        try:
            with stopping() as stop, open_service(conf.load()) as service:
                if every is None:
                    self._sweep(service, options)
                    return
                while True:
                    try:
                        self._sweep(service, options)
                    except StoreUnavailable as error:
                        self.stderr.write(f"It will be tried again: {error}")
                    close_old_connections()
                    if stop.wait(every):
                        return
        except PaykitError as error:
            raise CommandError(" ".join(str(error).splitlines())) from error

    def _sweep(self, service: PaymentService, options: Any) -> None:
        report = service.reconcile(limit=options["limit"], paid_within=options["paid_within"])
        for line in [json_line(report)] if options["as_json"] else report_lines(report):
            self.stdout.write(line)
        self.stdout.flush()


def _duration(text: str) -> timedelta:
    found = read_duration(text)
    if not found:
        raise ArgumentTypeError(f"{text!r:.40} is not a duration such as 90s, 15m, 12h, 30d")
    return found
