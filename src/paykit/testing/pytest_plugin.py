"""What pytest learns when paykit is installed: one fixture, and readable assertions.

It is loaded with every run of pytest, so it imports neither a provider nor anything dear.
"""

from __future__ import annotations

from types import ModuleType

import pytest

pytest.register_assert_rewrite("paykit.testing.conformance", "paykit.testing.store")


@pytest.fixture
def paykit_delivery() -> ModuleType:
    """Makes signed deliveries: ``paykit_delivery.paid(provider, reference=…, …)``."""
    from . import deliveries

    return deliveries
