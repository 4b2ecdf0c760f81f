"""What holds for every test."""

from hypothesis import settings

from .support.databases import (  # noqa: F401 - fixtures
    any_database,
    database_kind,
    shared_databases,
)
from .support.private_servers import (  # noqa: F401 - fixtures
    private_mariadb,
    private_nats,
    private_postgres,
    private_redis,
    private_servers,
)

# A busy machine is no failure: speed is measured in benchmarks/.
settings.register_profile("paykit", settings(), deadline=None)
settings.load_profile("paykit")
