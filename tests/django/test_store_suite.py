"""The public store suite, on Django's own connections."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine

from paykit.testing.store import StoreSuite
from paykit.testing.store.base import Store

from ..support.databases import DRIVERS

KINDS = [kind for kind in DRIVERS if kind != "postgres-asyncpg"]
MOST = 8


class Worker:
    """A process of Django's: one thread after the other, each with a connection of its own."""

    def __init__(self):
        from django.db import connections

        from paykit.django.store import DjangoStore

        self.store = DjangoStore("default")
        self.threads = ThreadPoolExecutor(MOST)
        self.opened = []
        self.connections = connections

    def transact(self, body):
        return self.threads.submit(self._kept, lambda: self.store.transact(body).result())

    def read(self, body):
        return self.threads.submit(self._kept, lambda: self.store.read(body)).result()

    def _kept(self, work):
        self.opened.append(self.connections["default"])
        return work()

    def close(self):
        self.threads.shutdown()
        for connection in self.opened:
            connection.inc_thread_sharing()  # its own thread is no more
            connection.close()


class Djangos(Store):
    def __init__(self, url):
        engine = create_engine(url)
        with engine.connect():
            is_mariadb = getattr(engine.dialect, "is_mariadb", False)
            self.kind = "mariadb" if is_mariadb else engine.dialect.name
        engine.dispose()
        super().__init__(url)

    @property
    def dialect(self):
        return self.kind

    def open(self):
        worker = Worker()
        self._closing.append(worker.close)
        return worker


@pytest.mark.parametrize("database_kind", KINDS)
class TestStore(StoreSuite):
    @pytest.fixture
    def database(self, djangos):
        return djangos

    @pytest.fixture
    def store(self, database):
        store = Djangos(database)
        try:
            store.clear()
            yield store
        finally:
            store.close()
