"""What holds for every test."""

from hypothesis import settings

from .support.databases import (  # noqa: F401 - fixtures
    any_database,
    database_kind,
    shared_databases,
)

# A busy machine is no failure: speed is measured in benchmarks/.
settings.register_profile("paykit", settings(), deadline=None)
settings.load_profile("paykit")
