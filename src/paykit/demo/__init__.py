"""A small shop that sells with paykit: checkout, payment, confirmation, shipping.

It runs offline on the loopback interface, against the providers of :mod:`paykit.sandbox`. Five
services do the work and know each other only by their events: the order service, paykit's payment
service, the stock service and the payment worker for cards, and the shipping service. Needs the
extra ``paykit-adapters[demo]``.
"""

from __future__ import annotations

from .settings import DemoSettings
from .shop import create_shop

__all__ = ["DemoSettings", "create_shop"]
