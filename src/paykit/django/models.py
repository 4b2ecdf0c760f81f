"""The service's tables, for Django to know and for the admin pages to look at.

The service alone writes them, and its own steps make them: see :mod:`.tables`. Not all columns are
here. What the payer has to do is left out, for it may have secrets in it. Django empties the tables
where it empties all others, as between the tests of a ``TransactionTestCase``.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ..money import Money
from .fields import UtcDateTimeField


class _LookedAt(models.Model):
    class Meta:
        abstract = True
        default_permissions: ClassVar = ("view",)


class Payment(_LookedAt):
    """A payment as it stands."""

    payment_id = models.CharField(max_length=64, primary_key=True)
    order_id = models.CharField(max_length=255)
    provider = models.CharField(max_length=40)
    account = models.CharField(max_length=80)
    reference = models.CharField(max_length=255)
    provider_id = models.CharField(max_length=255, null=True)  # noqa: DJ001 - as the table has it
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    captured = models.BigIntegerField()
    refunded = models.BigIntegerField()
    status = models.CharField(max_length=24)
    discrepancy = models.CharField(max_length=24, null=True)  # noqa: DJ001
    code = models.CharField(max_length=80, null=True)  # noqa: DJ001
    reason = models.CharField(max_length=80, null=True)  # noqa: DJ001
    sequence = models.IntegerField()
    created_at = UtcDateTimeField()
    updated_at = UtcDateTimeField()
    expires_at = UtcDateTimeField(null=True)
    check_at = UtcDateTimeField(null=True)
    check_note = models.CharField(max_length=500, null=True)  # noqa: DJ001
    given_up_at = UtcDateTimeField(null=True)

    class Meta(_LookedAt.Meta):
        """Where it is."""

        db_table = "paykit_payments"
        ordering: ClassVar = ("-created_at", "-payment_id")

    def __str__(self) -> str:
        return f"{self.order_id}: {self.status.replace('_', ' ')}, {self.money(self.amount)}"

    def money(self, minor: int) -> str:
        """An amount of this payment, for people."""
        return Money(minor, self.currency).format()


class Fact(_LookedAt):
    """Something that was told about a payment: a row of the inbox."""

    #: Unique at one account only; pages are found by all three.
    event_id = models.CharField(max_length=160, primary_key=True)
    provider = models.CharField(max_length=40)
    account = models.CharField(max_length=80)
    source = models.CharField(max_length=16)
    reference = models.CharField(max_length=255)
    payment_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 - nothing of ours
    outcome = models.CharField(max_length=24)
    fact = models.TextField()
    digest = models.CharField(max_length=64)
    received_at = UtcDateTimeField()

    class Meta(_LookedAt.Meta):
        """Where it is."""

        db_table = "paykit_inbox"
        verbose_name = "fact"
        verbose_name_plural = "inbox"

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"


class OutboxEvent(_LookedAt):
    """An event that is published, or will be: a row of the outbox."""

    event_id = models.CharField(max_length=160, primary_key=True, db_column="id")
    payment_id = models.CharField(max_length=64, db_column="aggregateid")
    type = models.CharField(max_length=80)
    payload = models.TextField()
    sequence = models.IntegerField()
    created_at = UtcDateTimeField()
    available_at = UtcDateTimeField(null=True)
    attempts = models.IntegerField()
    last_error = models.CharField(max_length=500, null=True)  # noqa: DJ001
    published_at = UtcDateTimeField(null=True)
    dead_at = UtcDateTimeField(null=True)

    class Meta(_LookedAt.Meta):
        """Where it is."""

        db_table = "paykit_outbox"
        verbose_name = "event"
        verbose_name_plural = "outbox"

    def __str__(self) -> str:
        return str(self.event_id)


class Command(_LookedAt):
    """A capture, a release or a refund that was asked for."""

    command_id = models.CharField(max_length=64, primary_key=True)
    payment_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=16)
    state = models.CharField(max_length=16)

    class Meta(_LookedAt.Meta):
        """Where it is."""

        db_table = "paykit_commands"

    def __str__(self) -> str:
        return f"{self.kind} {self.command_id}"


class Movement(_LookedAt):
    """A capture or a refund, by the provider's own id of it."""

    #: Unique at one account only.
    movement_id = models.CharField(max_length=255, primary_key=True)
    payment_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=16)
    state = models.CharField(max_length=16)

    class Meta(_LookedAt.Meta):
        """Where it is."""

        db_table = "paykit_movements"

    def __str__(self) -> str:
        return f"{self.kind} {self.movement_id}"
