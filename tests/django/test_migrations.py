"""``manage.py migrate`` makes the tables that ``paykit db upgrade`` makes, step by step."""

import re

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from sqlalchemy import create_engine, inspect, text

from paykit.service import database_version, upgrade_database
from paykit.service.migrations import NEWEST

from ..support.databases import blank
from ..support.markdown import ROOT
from . import configuring

KINDS = ["sqlite", "postgres-psycopg", "mariadb"]
FOLDER = ROOT / "src/paykit/django/migrations"


def tables(url):
    """The tables of the service, as the database describes them."""
    engine = create_engine(url)
    try:
        names = inspect(engine)
        found = {}
        for name in sorted(names.get_table_names()):
            if name.startswith("paykit_"):
                columns = [
                    (one["name"], str(one["type"]), one["nullable"], one["default"])
                    for one in names.get_columns(name)
                ]
                indices = {one["name"]: one["column_names"] for one in names.get_indexes(name)}
                found[name] = (
                    columns,
                    indices,
                    names.get_pk_constraint(name)["constrained_columns"],
                )
        with engine.connect() as connection:
            steps = connection.execute(text("SELECT version FROM paykit_schema ORDER BY version"))
            return found, list(steps.scalars())
    finally:
        engine.dispose()


def migrate(*arguments):
    call_command("migrate", *arguments, verbosity=0)


@pytest.fixture
def site(any_database):
    configuring.use(any_database)
    yield any_database
    configuring.leave()


@pytest.mark.parametrize("database_kind", KINDS)
def test_it_makes_the_same_tables(site):
    migrate("paykit")
    made = tables(site)
    assert made[1] == list(range(1, NEWEST + 1))
    connections["default"].close()
    blank(site)
    upgrade_database(site)
    assert tables(site) == made


@pytest.mark.parametrize("database_kind", KINDS)
def test_it_goes_on_with_tables_that_are_there(site):
    upgrade_database(site)
    before = tables(site)
    migrate("paykit")
    assert tables(site) == before


@pytest.mark.parametrize("database_kind", KINDS)
def test_going_back_deletes_nothing(site):
    migrate("paykit")
    before = tables(site)
    migrate("paykit", "zero")
    assert tables(site) == before
    migrate("paykit")
    assert (tables(site), database_version(site)) == (before, NEWEST)


def test_the_newest_migration_reaches_the_newest_step():
    """A step without a migration would leave Django's users behind."""
    newest = max(FOLDER.glob("0*.py"))
    steps = re.findall(r"upgrade_to\((\d+)", newest.read_text())
    assert steps == [str(NEWEST)]
    loaded = MigrationLoader(None).graph.leaf_nodes("paykit")
    assert loaded == [("paykit", newest.stem)]


def test_the_models_are_those_of_the_migrations(file, capsys):
    call_command("makemigrations", "--check", "--dry-run")
    assert capsys.readouterr().out == "No changes detected\n"


@pytest.mark.parametrize("database_kind", KINDS)
def test_the_models_name_columns_that_are_there(djangos):
    from django.apps import apps

    for model in apps.get_app_config("paykit").get_models():
        assert list(model.objects.all()) == []


@pytest.mark.parametrize("database_kind", KINDS)
def test_flush_empties_all_tables_but_the_note_of_the_steps(site):
    from paykit.django import service
    from tests.service.shop import notice, request

    migrate()
    service().create(request(), provider="vnpay")
    service().receive(notice(), provider="vnpay")
    call_command("flush", interactive=False, verbosity=0)
    engine = create_engine(site)
    with engine.connect() as connection:
        counts = {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in inspect(engine).get_table_names()
            if name.startswith("paykit_")
        }
    engine.dispose()
    assert counts == {**dict.fromkeys(counts, 0), "paykit_schema": NEWEST}
    assert len(counts) == 6
