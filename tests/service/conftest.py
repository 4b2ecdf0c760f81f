import pytest

from ..support.databases import with_tables
from .shop import Awaiting, Blocking, Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database(request, tmp_path):
    """A database without payments: a file, unless ``everywhere`` asks for another kind."""
    kind = getattr(request, "param", "sqlite")
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/payments.db"
    return with_tables(kind, request.getfixturevalue("shared_databases"), tmp_path)


@pytest.fixture(params=[Blocking, Awaiting], ids=["blocking", "async"])
def open_service(request, database, clock):
    """Open a service on the test's database; what is opened is closed."""
    opened = []

    def open_(**settings):
        service = request.param(database, **{"clock": clock, **settings})
        opened.append(service)
        return service

    yield open_
    for service in opened:
        service.close()


@pytest.fixture
def service(open_service):
    return open_service()
