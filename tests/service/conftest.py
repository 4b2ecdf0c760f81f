import pytest

from .shop import Awaiting, Blocking, Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database(tmp_path):
    return f"sqlite:///{tmp_path}/payments.db"


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
