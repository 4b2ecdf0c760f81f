"""The rights that the page about databases gives are enough, and no more than is needed."""

import contextlib
import re
import secrets

import pytest
from sqlalchemy import create_engine, make_url, text

from paykit import ConfigurationError, NotSent, StoreUnavailable
from paykit.service import PaymentService, upgrade_database

from ..cli.running import run
from ..support.databases import fresh_database
from ..support.markdown import DOCS, blocks
from ..support.servers import answer, loopback
from .shop import START, Answers, Clock, notice, request, vnpay

PAGE = DOCS / "databases.md"
SECRETS = {
    "PAYKIT_RELAY_SECRETS": "whsec_bm90LWEtcmVhbC1zZWNyZXQtbm90LWEtcmVhbC0=",
    "PAYKIT_RELAY_SOURCE": "//shop.example/payments",
}


def grants(database, role):
    """What the page says to do for a role on a kind of database: its statements."""
    (found,) = [
        block.code
        for block in blocks(PAGE)
        if block.language == "sql" and f"-- {database}" in block.code and role in block.code
    ]
    return found.partition("\n")[2].split(";\n")


@contextlib.contextmanager
def a_role(kind, role, folder, *, with_tables=True, more=""):
    """The URL of a database for a new user with the rights of the page."""
    name = f"{role}_{secrets.token_hex(4)}"
    with fresh_database(kind, folder=folder) as url:
        if with_tables:
            upgrade_database(url)
        owner = create_engine(url, isolation_level="AUTOCOMMIT")
        database = make_url(url).database
        server = "PostgreSQL" if kind.startswith("postgres") else "MariaDB, MySQL"
        statements = [one.strip() for one in grants(server, role) if one.strip()]
        with owner.connect() as connection:
            for statement in [*statements, *filter(None, [more])]:
                if not with_tables and " ON paykit_" in " ".join(statement.split()):
                    continue  # there are none to give rights on yet
                mine = statement.replace(role, name).replace(
                    "DATABASE shop", f'DATABASE "{database}"'
                )
                connection.execute(text(re.sub(r"\bshop\.", f"`{database}`.", mine)))
        try:
            password = "NOT-A-REAL-SECRET"
            mine = make_url(url).set(username=name, password=password)
            yield mine.render_as_string(hide_password=False)
        finally:
            with owner.connect() as connection:
                if server == "PostgreSQL":
                    connection.execute(text(f"DROP OWNED BY {name}"))
                connection.execute(
                    text(f"DROP {'ROLE' if server == 'PostgreSQL' else 'USER'} {name}")
                )
            owner.dispose()


@pytest.mark.parametrize("kind", ["postgres-psycopg", "mariadb"])
def test_the_service_changes_rows_and_no_tables(kind, tmp_path):
    events = []
    with a_role(kind, "shop_app", tmp_path) as url:
        transport = Answers(NotSent("nobody is there"))
        with PaymentService([vnpay()], database=url, transport=transport, clock=Clock()) as service:
            payment_id = service.create(request(), provider="vnpay").payment_id
            service.receive(notice(), provider="vnpay")
            service._handlers.append(events.append)
            while service.relay():
                pass
            with service._database.engine.connect() as connection:
                service.joined(connection).refund(payment_id)
                connection.commit()
            service.receive(notice("NOBODY", number="2"), provider="vnpay")
            assert len(service.orphans()) == 1
            assert len(service.reconcile().failures) == 1
            assert service.replay(payment_id=payment_id) == 1
            while service.relay():
                pass
            assert service.purge(before=START.replace(year=2030)) == 1
        assert upgrade_database(url) == []
        run_it = run("db", "status", "--database", url)
        assert (run_it.code, run_it.err) == (0, "")
    assert [event.status for event in events] == ["succeeded"] * 2


@pytest.mark.parametrize("kind", ["postgres-psycopg", "mariadb"])
def test_who_may_make_no_tables_hears_so(kind, tmp_path):
    with a_role(kind, "shop_app", tmp_path, with_tables=False) as url:
        with pytest.raises(StoreUnavailable, match=r"permission denied|command denied") as caught:
            upgrade_database(url)
        assert "NOT-A-REAL-SECRET" not in str(caught.value)
        with pytest.raises(ConfigurationError, match="run paykit db upgrade"):
            PaymentService([vnpay()], database=url)


@pytest.mark.parametrize("kind", ["mariadb"])
def test_who_upgrades_needs_a_few_rights_more(kind, tmp_path):
    more = "GRANT CREATE, ALTER, INDEX ON shop.* TO shop_app"
    with a_role(kind, "shop_app", tmp_path, with_tables=False, more=more) as url:
        assert len(upgrade_database(url)) == 3


def test_a_relay_needs_the_outbox_only(tmp_path):
    with a_role("postgres-psycopg", "shop_relay", tmp_path) as url:
        owner = make_url(url).set(username="postgres", password=None)
        with PaymentService([vnpay()], database=owner.render_as_string(), clock=Clock()) as service:
            service.create(request(), provider="vnpay")
            service.receive(notice(), provider="vnpay")
            with loopback(answer()) as target:
                relay = ["relay", "--to", target.url, "--once", "--database", url]
                ended = run(*relay, **SECRETS)
            assert (ended.code, ended.out, ended.err) == (0, "Ended.\n", "")
            assert len(service.outbox(published=True)) == 1
        with PaymentService([], database=url) as relay, pytest.raises(StoreUnavailable):
            relay.status("pay_1")


@pytest.mark.parametrize(("kind", "owner"), [("postgres-psycopg", "postgres"), ("mariadb", "root")])
def test_who_only_looks_needs_no_right_to_write(kind, owner, tmp_path):
    with a_role(kind, "shop_reader", tmp_path) as url:
        writes = make_url(url)._replace(username=owner, password=None).render_as_string()
        with PaymentService([vnpay()], database=writes, clock=Clock()) as service:
            payment_id = service.create(request(), provider="vnpay").payment_id
            service.receive(notice(), provider="vnpay")
        with PaymentService([], database=url) as reader:
            assert [record.payment_id for record in reader.payments().items] == [payment_id]
            assert len(reader.timeline(payment_id).moments) == 3
            assert len(reader.inbox().items) == 2
            rest = (reader.orphans(), reader.unmatched(), reader.given_up(), reader.due())
            assert rest == ([], [], [], [])
            assert (len(reader.outbox()), reader.outbox(dead=True)) == (1, [])
            with pytest.raises(StoreUnavailable):
                reader.replay(payment_id=payment_id)
