"""``paykit db``: on every database."""

from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from paykit.service.database import connect, parse

from .running import run

DONE = (
    "done  1: payments, movements, inbox and outbox\n"
    "done  2: commands, questions to providers, dead letters\n"
    "done  3: indices for looking at facts, dead letters and commands\n"
)


def test_tables_are_made_once_and_the_status_says_so(any_database):
    before = run("db", "status", "--database", any_database)
    assert (before.code, before.out) == (
        1,
        "The tables are at version 0; this paykit needs 3.\n",
    )
    made = run("db", "upgrade", "--database", any_database)
    assert (made.code, made.out, made.err) == (0, f"{DONE}The tables are at version 3.\n", "")
    again = run("db", "upgrade", PAYKIT_DATABASE=any_database)
    assert (again.code, again.out) == (0, "The tables are at version 3.\n")
    after = run("db", "status", PAYKIT_DATABASE=any_database)
    assert (after.code, after.out) == (0, "The tables are at version 3.\n")


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_looking_makes_no_file(any_database):
    run("db", "status", "--database", any_database)
    run("outbox", "list", "--database", any_database)
    assert not Path(make_url(any_database).database).exists()


@pytest.mark.parametrize(
    "command",
    [
        ["outbox", "list"],
        ["outbox", "replay"],
        ["outbox", "purge", "--before", "30d"],
        ["payments", "given-up"],
        ["relay", "--to", "redis://127.0.0.1:1/0?stream=s&source=//s"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("database_kind", ["sqlite", "postgres-psycopg"])
def test_without_the_tables_the_command_that_makes_them_is_named(any_database, command):
    ended = run(*command, "--database", any_database)
    assert (ended.code, ended.out, ended.err) == (
        1,
        "",
        "Error: the tables are at version 0 of 3: run paykit db upgrade\n",
    )


def test_a_newer_database_is_left_alone(any_database):
    run("db", "upgrade", "--database", any_database)
    connector = connect(parse(any_database))
    newer = text("INSERT INTO paykit_schema VALUES (99, '2030-01-01 00:00:00')")
    connector.run(lambda conn: conn.execute(newer) and None, writes=True)
    connector.close()
    said = "Error: the database is at version 99 and this paykit knows 3: upgrade paykit\n"
    for command in ["db", "upgrade"], ["outbox", "list"]:
        ended = run(*command, "--database", any_database)
        assert (ended.code, ended.out, ended.err) == (1, "", said)
    status = run("db", "status", "--database", any_database)
    assert (status.code, status.out) == (
        1,
        "The tables are at version 99; this paykit needs 3.\n",
    )


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("payments.db", "the database is not a URL such as sqlite:///payments.db"),
        (
            "oracle://scott:tiger@db/x",
            (
                "the database must be one of sqlite, postgresql+psycopg, postgresql+asyncpg, "
                "mysql+pymysql, mariadb+pymysql, not oracle"
            ),
        ),
    ],
)
def test_a_wrong_url_is_said_in_one_line(database, said):
    ended = run("db", "upgrade", "--database", database)
    assert (ended.code, ended.err) == (1, f"Error: {said}\n")


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg", "mysql"])
def test_a_server_that_is_not_there_is_said_in_one_line(scheme):
    ended = run("db", "status", "--database", f"{scheme}://me:s3cret@127.0.0.1:1/payments")
    assert ended.code == 1
    assert ended.err.startswith("Error: the database was not read: ")
    assert ended.err.count("\n") == 1
    assert "s3cret" not in ended.err


def test_no_database_is_a_usage_error():
    ended = run("db", "status")
    assert ended.code == 2
    assert "'--database' (env var: 'PAYKIT_DATABASE')" in ended.err
