"""A shop's own tests run with Django's test runner, on databases that it makes and drops itself."""

import re

import pytest

from ..support.markdown import ROOT
from .running import manage

NAMES = re.findall(
    r"^    (?:async )?def (test_\w+)",
    (ROOT / "tests/django/project/tests.py").read_text(),
    re.MULTILINE,
)


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres-psycopg", "mariadb"])
def test_a_shops_own_tests(any_database):
    check(manage(any_database, "test", "tests.django.project", "--noinput"))


def test_tests_may_leave_migrations_out(tmp_path):
    """Then Django makes tables of the models, which is not enough here."""
    url = f"sqlite:///{tmp_path}/site.db"
    check(manage(url, "test", "tests.django.project", PROJECT_UNMIGRATED="yes"))


def check(ended):
    assert ended.returncode == 0, ended.stderr
    assert f"Ran {len(NAMES)} tests in " in ended.stderr
    assert "\nOK\n" in ended.stderr
