"""What holds for every test."""

import sys
import threading

import pytest
from hypothesis import settings

from .support.databases import (  # noqa: F401 - fixtures
    any_database,
    database_kind,
    ready_database,
    shared_databases,
)
from .support.private_servers import (  # noqa: F401 - fixtures
    private_mariadb,
    private_nats,
    private_postgres,
    private_redis,
    private_servers,
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Keep coverage from looking at a test that is marked ``untraced``.

    What such a test runs is also run by others, and looking at it takes longer than running it.
    """
    tracer = sys.gettrace()
    is_coverage = type(tracer).__module__.partition(".")[0] == "coverage"
    if not is_coverage or item.get_closest_marker("untraced") is None:
        return (yield)
    of_new_threads = threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        threading.settrace(of_new_threads)
        sys.settrace(tracer)


# A busy machine is no failure: speed is measured in benchmarks/.
settings.register_profile("paykit", settings(), deadline=None)
settings.load_profile("paykit")
