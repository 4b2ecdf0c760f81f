"""The Django app."""

from __future__ import annotations

from typing import Final

from django.apps import AppConfig
from django.core import checks
from django.core.signals import setting_changed
from django.db.models.signals import pre_migrate

_OURS: Final = frozenset({"PAYKIT", "DATABASES", "SECRET_KEY", "SECRET_KEY_FALLBACKS"})


class PaykitConfig(AppConfig):
    """Put ``"paykit.django"`` into ``INSTALLED_APPS``."""

    name = "paykit.django"
    label = "paykit"
    verbose_name = "Payments"

    def ready(self) -> None:
        """Register the checks. Nothing is opened before it is needed."""
        from .checks import check_database, check_settings
        from .tables import make_unmigrated

        checks.register(check_settings)
        checks.register(check_database, checks.Tags.database)
        setting_changed.connect(_forget)
        pre_migrate.connect(make_unmigrated, sender=self)


def _forget(*, setting: str, **_more: object) -> None:
    """A test has changed a setting: close the service, so that the next one is made anew."""
    if setting in _OURS:
        from .runtime import close

        close()
