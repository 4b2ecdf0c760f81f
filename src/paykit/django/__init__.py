"""paykit as a Django app: webhooks, admin pages, checks, and the service on Django's database.

::

    INSTALLED_APPS = [..., "paykit.django"]
    PAYKIT = {"PROVIDERS": {"vnpay": {...}}, "RETURN_TO": "/thanks"}
    path("pay/", include("paykit.django.urls"))

Needs the extra ``paykit-adapters[django]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .signals import payment_processed

if TYPE_CHECKING:
    from ..service import PaymentService

__all__ = ["order_status_url", "payment_processed", "service"]


def service() -> PaymentService:
    """The service of this process, opened when it is first asked for.

    Do not close it. Raises :class:`~paykit.errors.ConfigurationError`.
    """
    from .runtime import current

    return current().service


def order_status_url(order_id: str) -> str:
    """Where the browser of whoever placed an order may see how it stands, with the token for it.

    Raises :class:`~paykit.errors.ConfigurationError` where orders are not shown.
    """
    from django.urls import reverse

    from .runtime import current

    token = current().order_token(order_id)
    return f"{reverse('paykit:order', args=[order_id])}?token={token}"
