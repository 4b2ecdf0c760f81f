"""When something is broken, a page says so and nothing more."""

import pytest
from sqlalchemy import update

from paykit.dashboard import Dashboard
from paykit.service.schema import inbox

from ..service.shop import Awaiting, Blocking, Clock, request, vnpay
from ..service.test_browsing import change
from ..support.databases import with_tables
from ..support.outage import outage
from .conftest import Site, everybody

PATHS = ["", "payment?id=pay_0001", "inbox", "unmatched", "orphans", "outbox", "dead", "reconcile"]


@pytest.mark.parametrize(
    ("kind", "face"),
    [("postgres-psycopg", Blocking), ("postgres-asyncpg", Awaiting), ("mariadb", Blocking)],
)
def test_a_database_that_is_away(shared_databases, tmp_path, kind, face, caplog):
    url = with_tables(kind, shared_databases, tmp_path)
    with outage(url) as (cable, through):
        shop = face(through, providers=[vnpay()], clock=Clock())
        app = Dashboard(shop.service, authorize=everybody, clock=Clock())
        site = Site(shop, app, clock=Clock(), database=url)
        try:
            assert site.ask().status_code == 200
            cable.refuse()
            for path in PATHS:
                answered = site.ask(path)
                assert (answered.status_code, answered.headers["retry-after"]) == (503, "10")
                assert "The database does not answer" in answered.text
                assert "Traceback" not in answered.text
                assert "127.0.0.1" not in answered.text
                assert answered.headers["cache-control"] == "no-store"
            assert "the dashboard cannot read" in caplog.text
            cable.resume()
            assert site.ask().status_code == 200
        finally:
            shop.close()


@pytest.mark.parametrize("fact", ["{}", "nonsense"])
def test_a_row_that_nobody_can_read(site, fact):
    payment_id = site.shop.create(request(), provider="vnpay").payment_id
    change(site.database, update(inbox).values(fact=fact))
    for path in ("inbox", f"payment?id={payment_id}"):
        answered = site.ask(path)
        assert (answered.status_code, answered.text) == (
            500,
            "This page could not be made. The server's log says why.\n",
        )
        assert answered.headers["x-frame-options"] == "DENY"
    assert site.ask().status_code == 200
