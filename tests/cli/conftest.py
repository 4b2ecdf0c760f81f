import pytest

from paykit.service import PaymentService

from ..service.shop import notice, request, vnpay


@pytest.fixture
def database(ready_database):
    """A database with tables, of each kind that the test asks for."""
    return ready_database


@pytest.fixture
def shop(database):
    """Makes paid orders, after a first try that failed if so told; returns the payment's id."""
    service = PaymentService([vnpay()], database=database)

    def pay(number, *, failed_first=False):
        reference = f"ORDER-{number}"
        session = service.create(request(reference), provider="vnpay")
        if failed_first:
            service.receive(notice(reference, code="51", number="0"), provider="vnpay")
        service.receive(notice(reference, number=str(number)), provider="vnpay")
        return session.payment_id

    yield pay
    service.close()
