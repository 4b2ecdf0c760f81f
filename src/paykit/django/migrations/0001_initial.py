"""All tables, up to step 3 of the service's own."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

from ..fields import UtcDateTimeField
from ..tables import upgrade_to

_MODELS = [
    migrations.CreateModel(
        name="Command",
        fields=[
            ("command_id", models.CharField(max_length=64, primary_key=True, serialize=False)),
            ("payment_id", models.CharField(max_length=64)),
            ("kind", models.CharField(max_length=16)),
            ("state", models.CharField(max_length=16)),
        ],
        options={
            "db_table": "paykit_commands",
            "default_permissions": ("view",),
        },
    ),
    migrations.CreateModel(
        name="Fact",
        fields=[
            ("event_id", models.CharField(max_length=160, primary_key=True, serialize=False)),
            ("provider", models.CharField(max_length=40)),
            ("account", models.CharField(max_length=80)),
            ("source", models.CharField(max_length=16)),
            ("reference", models.CharField(max_length=255)),
            ("payment_id", models.CharField(max_length=64, null=True)),
            ("outcome", models.CharField(max_length=24)),
            ("fact", models.TextField()),
            ("digest", models.CharField(max_length=64)),
            ("received_at", UtcDateTimeField()),
        ],
        options={
            "verbose_name": "fact",
            "verbose_name_plural": "inbox",
            "db_table": "paykit_inbox",
            "default_permissions": ("view",),
        },
    ),
    migrations.CreateModel(
        name="Movement",
        fields=[
            ("movement_id", models.CharField(max_length=255, primary_key=True, serialize=False)),
            ("payment_id", models.CharField(max_length=64)),
            ("kind", models.CharField(max_length=16)),
            ("state", models.CharField(max_length=16)),
        ],
        options={
            "db_table": "paykit_movements",
            "default_permissions": ("view",),
        },
    ),
    migrations.CreateModel(
        name="OutboxEvent",
        fields=[
            (
                "event_id",
                models.CharField(db_column="id", max_length=160, primary_key=True, serialize=False),
            ),
            ("payment_id", models.CharField(db_column="aggregateid", max_length=64)),
            ("type", models.CharField(max_length=80)),
            ("payload", models.TextField()),
            ("sequence", models.IntegerField()),
            ("created_at", UtcDateTimeField()),
            ("available_at", UtcDateTimeField(null=True)),
            ("attempts", models.IntegerField()),
            ("last_error", models.CharField(max_length=500, null=True)),
            ("published_at", UtcDateTimeField(null=True)),
            ("dead_at", UtcDateTimeField(null=True)),
        ],
        options={
            "verbose_name": "event",
            "verbose_name_plural": "outbox",
            "db_table": "paykit_outbox",
            "default_permissions": ("view",),
        },
    ),
    migrations.CreateModel(
        name="Payment",
        fields=[
            ("payment_id", models.CharField(max_length=64, primary_key=True, serialize=False)),
            ("order_id", models.CharField(max_length=255)),
            ("provider", models.CharField(max_length=40)),
            ("account", models.CharField(max_length=80)),
            ("reference", models.CharField(max_length=255)),
            ("provider_id", models.CharField(max_length=255, null=True)),
            ("currency", models.CharField(max_length=3)),
            ("amount", models.BigIntegerField()),
            ("captured", models.BigIntegerField()),
            ("refunded", models.BigIntegerField()),
            ("status", models.CharField(max_length=24)),
            ("discrepancy", models.CharField(max_length=24, null=True)),
            ("code", models.CharField(max_length=80, null=True)),
            ("reason", models.CharField(max_length=80, null=True)),
            ("sequence", models.IntegerField()),
            ("created_at", UtcDateTimeField()),
            ("updated_at", UtcDateTimeField()),
            ("expires_at", UtcDateTimeField(null=True)),
            ("check_at", UtcDateTimeField(null=True)),
            ("check_note", models.CharField(max_length=500, null=True)),
            ("given_up_at", UtcDateTimeField(null=True)),
        ],
        options={
            "db_table": "paykit_payments",
            "ordering": ("-created_at", "-payment_id"),
            "default_permissions": ("view",),
        },
    ),
]


class Migration(migrations.Migration):
    """The tables, and the models that look at them."""

    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = []
    operations: ClassVar = [upgrade_to(3, state=_MODELS)]
