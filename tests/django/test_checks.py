"""``manage.py check``: every problem is a message with an id, and nothing else is."""

import os
import subprocess
import sys

import django
import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings
from sqlalchemy import create_engine, text

from paykit.service.migrations import NEWEST

from ..support.markdown import ROOT
from . import configuring
from .test_conf import GOOD


def said(capsys, *options):
    """What ``check`` says, as ids and messages."""
    try:
        call_command("check", *options)
        told = "".join(capsys.readouterr())
    except SystemCheckError as error:
        told = str(error)
    lines = [line.strip() for line in told.splitlines()]
    found = [line.split(") ", 1) for line in lines if line.startswith("?: (paykit.")]
    return {head.removeprefix("?: ("): rest for head, rest in found}


def test_a_good_site_has_no_problems(file, capsys):
    assert said(capsys, "--database", "default") == {}


def test_each_problem_is_an_error(capsys):
    with override_settings(PAYKIT={"PROVIDERS": {"vnpay": {"tmn_code": "SHOP0001"}}}):
        assert said(capsys) == {
            "paykit.E003": (
                'PAYKIT["PROVIDERS"]["vnpay"] is wrong: vnpay: hash_secret: Field required'
            ),
            "paykit.E004": 'PAYKIT["RETURN_TO"] is missing',
        }


def test_a_database_is_looked_at_only_if_that_is_asked_for(tmp_path, capsys):
    configuring.use("postgresql://nobody:none@127.0.0.1:1/none")
    assert said(capsys) == {}
    (told,) = said(capsys, "--database", "default").items()
    assert told[0] == "paykit.E011"
    assert told[1].startswith('DATABASES["default"]: the database cannot be read: ')
    configuring.leave()


def test_tables_that_are_missing(tmp_path, capsys):
    configuring.use(f"sqlite:///{tmp_path}/empty.db")
    assert said(capsys, "--database", "default") == {
        "paykit.W003": (
            f'DATABASES["default"]: the tables of the service are at version 0 of {NEWEST}'
        )
    }
    configuring.leave()


@pytest.mark.skipif(django.VERSION < (5, 1), reason="its settings say nothing of that")
def test_a_file_that_forgets_in_a_power_cut(file, capsys):
    configuring.use(file, OPTIONS={"init_command": "PRAGMA synchronous=NORMAL"})
    assert said(capsys, "--database", "default") == {
        "paykit.W001": (
            'DATABASES["default"]: a power cut can lose payments: the database has synchronous=1'
        )
    }


@pytest.mark.parametrize("database_kind", ["postgres-psycopg"])
def test_a_server_that_forgets_in_a_power_cut(djangos, capsys):
    configuring.use(djangos, OPTIONS={"options": "-c synchronous_commit=off"})
    assert said(capsys, "--database", "default") == {
        "paykit.W001": (
            'DATABASES["default"]: a power cut can lose payments: the database has '
            "synchronous_commit=off"
        )
    }


@pytest.mark.parametrize("database_kind", ["postgres-psycopg", "mariadb"])
def test_another_isolation(djangos, database_kind, capsys):
    from django.db.backends.postgresql.psycopg_any import IsolationLevel

    told = {
        "paykit.W002": 'DATABASES["default"]["OPTIONS"]["isolation_level"] is not "read committed"'
    }
    level = "repeatable read" if database_kind == "mariadb" else IsolationLevel.SERIALIZABLE
    configuring.use(djangos, OPTIONS={"isolation_level": level})
    assert said(capsys, "--database", "default") == told
    level = "Read Committed" if database_kind == "mariadb" else IsolationLevel.READ_COMMITTED
    configuring.use(djangos, OPTIONS={"isolation_level": level})
    assert said(capsys, "--database", "default") == {}


def test_a_database_of_its_own_is_not_looked_at(file, capsys):
    with override_settings(PAYKIT={**GOOD, "DATABASE": "sqlite:///elsewhere.db"}):
        assert said(capsys, "--database", "default") == {}


@pytest.mark.parametrize("database_kind", ["postgres-psycopg"])
def test_a_driver_that_is_too_old(djangos, capsys, monkeypatch):
    monkeypatch.setattr("django.db.backends.postgresql.psycopg_any.is_psycopg3", False)
    assert said(capsys) == {
        "paykit.E009": ('DATABASES["default"] works with psycopg2, and the service needs psycopg 3')
    }


def test_a_package_that_is_missing(tmp_path):
    """Django begins, and says it."""
    code = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "from django.core.management import execute_from_command_line\n"
        "execute_from_command_line(['manage.py', 'check'])"
    )
    site = tmp_path / "bare.py"
    site.write_text(
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['paykit.django']\nPAYKIT = {'PROVIDERS': {}}\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "bare",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(tmp_path)]),
        },
        check=False,
    )
    assert ended.returncode == 1
    assert "?: (paykit.E010) SQLAlchemy is not installed\n" in ended.stderr
    assert "HINT: pip install 'paykit-adapters[django]'\n" in ended.stderr


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres-psycopg", "mariadb"])
def test_tables_of_a_newer_paykit(djangos, capsys):
    engine = create_engine(djangos)
    try:
        with engine.begin() as connection:
            connection.execute(
                text("INSERT INTO paykit_schema (version, applied_at) VALUES (99, '2030-01-01')")
            )
        assert said(capsys, "--database", "default") == {
            "paykit.E011": (
                f'DATABASES["default"]: the database is at version 99 and this paykit knows {NEWEST}: '
                "upgrade paykit"
            )
        }
    finally:
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM paykit_schema WHERE version = 99"))
        engine.dispose()
