"""One table, and the same answers and rows in every framework."""

import pytest

from .table_bodies import BODIES
from .table_browsers import BROWSERS
from .table_limits import LIMITS
from .table_paths import PATHS
from .table_providers import PROVIDERS
from .table_sources import SOURCES

#: Django receives the whole body on an event loop before it looks at anything, so whoever announces
#: more than comes is waited for. ``paykit.django.asgi`` is for who does not want that.
WAITED_FOR = {
    "announced too large", "announced as gigabytes",
    "announced too large, and expecting to be asked",
}  # fmt: skip
TABLE = {**PROVIDERS, **BODIES, **LIMITS, **PATHS, **SOURCES, **BROWSERS}


@pytest.mark.parametrize("name", TABLE)
def test_it_is_the_same_everywhere(site, name):
    if site.name == "django-asgi" and name in WAITED_FOR:
        pytest.skip("Django waits for the whole body")
    TABLE[name].check(site)
