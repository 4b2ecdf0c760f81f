"""The public store suite, on every database."""

import pytest

from paykit.testing.store import StoreSuite


class TestSqlite(StoreSuite):
    @pytest.fixture
    def database(self, tmp_path):
        return f"sqlite:///{tmp_path}/payments.db"


class TestPsycopg(StoreSuite):
    @pytest.fixture
    def database(self, shared_databases):
        return shared_databases("postgres-psycopg", "suite")


class TestAsyncpg(StoreSuite):
    @pytest.fixture
    def database(self, shared_databases):
        return shared_databases("postgres-asyncpg", "suite")


class TestMariaDb(StoreSuite):
    @pytest.fixture
    def database(self, shared_databases):
        return shared_databases("mariadb", "suite")
