"""The times in the service's tables, as Django's fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class UtcDateTimeField(models.DateTimeField):
    """A moment that is stored as UTC, whatever ``USE_TZ`` and ``TIME_ZONE`` are."""

    def from_db_value(self, value: Any, _expression: Any, connection: Any) -> datetime | None:
        """Django takes what has no zone for a time of its own."""
        if value is None:
            return None
        moment: datetime = value
        if connection.vendor != "postgresql":
            moment = moment.replace(tzinfo=UTC)
        if settings.USE_TZ:
            return moment
        return timezone.make_naive(moment) if timezone.is_aware(moment) else moment

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        """Compare with what is stored."""
        if connection.vendor == "postgresql":
            return super().get_db_prep_value(value, connection, prepared)
        moment = self.to_python(value)
        if moment is None:
            return None
        if timezone.is_naive(moment):
            moment = timezone.make_aware(moment)
        return moment.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")
