"""A provider that signs the time of sending passes the suite as well, here in this process."""

from tests.testing.sabotaged_suite import TestSound

__all__ = ["TestSound"]
