import pytest

from . import configuring


@pytest.fixture(scope="session", autouse=True)
def _django():
    configuring.set_up()


@pytest.fixture
def djangos(database_kind, ready_database):
    """The URL of a database with tables, which Django's default one is now."""
    configuring.use(ready_database)
    yield ready_database
    configuring.leave()


@pytest.fixture
def file(tmp_path):
    """A SQLite file with tables as Django's default database, where one kind will do."""
    from paykit.service import upgrade_database

    url = f"sqlite:///{tmp_path}/site.db"
    upgrade_database(url)
    configuring.use(url)
    yield url
    configuring.leave()
