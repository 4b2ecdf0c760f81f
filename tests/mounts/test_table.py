"""One table, and the same answers and rows in every framework."""

import pytest

from .table_bodies import BODIES
from .table_browsers import BROWSERS
from .table_limits import LIMITS
from .table_paths import PATHS
from .table_providers import PROVIDERS
from .table_sources import SOURCES

TABLE = {**PROVIDERS, **BODIES, **LIMITS, **PATHS, **SOURCES, **BROWSERS}


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_it_is_the_same_everywhere(site, case):
    case.check(site)
