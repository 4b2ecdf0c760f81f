"""What a sweep did, for a log, a dashboard, or whoever ran it."""

from __future__ import annotations

from datetime import datetime

import attrs

from ..models import PaymentStatus
from .checks import GivenUp
from .commands import CommandState


@attrs.frozen(slots=True, kw_only=True)
class Change:
    """A payment whose status a sweep has changed."""

    payment_id: str
    order_id: str
    before: PaymentStatus
    after: PaymentStatus


@attrs.frozen(slots=True, kw_only=True)
class CommandEnd:
    """A command of which a sweep has found out what became of it, or that it sent."""

    payment_id: str
    command_id: str
    kind: str
    state: CommandState


@attrs.frozen(slots=True, kw_only=True)
class Failure:
    """A payment or command of which a sweep could find out nothing, and why. It comes again."""

    payment_id: str
    error: str
    command_id: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class Report:
    """What a sweep did.

    ``asked``: the payments and commands that it turned to a provider with. ``published``: the
    events that this made. ``limited``: what waits because its account was asked enough for now.
    ``elsewhere``: what is due at accounts that are not configured here. ``given_up``: what is left
    to a person from now on.
    """

    asked: int = 0
    published: int = 0
    limited: int = 0
    elsewhere: int = 0
    changes: tuple[Change, ...] = ()
    commands: tuple[CommandEnd, ...] = ()
    given_up: tuple[GivenUp, ...] = ()
    failures: tuple[Failure, ...] = ()


@attrs.define(slots=True)
class Sweep:
    """A sweep while it runs: what will be its report. ``now`` is when it began."""

    now: datetime
    asked: int = 0
    published: int = 0
    limited: int = 0
    elsewhere: int = 0
    changes: list[Change] = attrs.field(factory=list)
    commands: list[CommandEnd] = attrs.field(factory=list)
    given_up: list[GivenUp] = attrs.field(factory=list)
    failures: list[Failure] = attrs.field(factory=list)

    def report(self) -> Report:
        """What it did."""
        return Report(
            asked=self.asked,
            published=self.published,
            limited=self.limited,
            elsewhere=self.elsewhere,
            changes=tuple(self.changes),
            commands=tuple(self.commands),
            given_up=tuple(self.given_up),
            failures=tuple(self.failures),
        )
