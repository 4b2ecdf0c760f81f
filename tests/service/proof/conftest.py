from .live.relays import books, cluster, database, kafka  # noqa: F401 - fixtures
