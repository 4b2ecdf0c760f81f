"""``scripts/services`` tells what answers, and touches nothing that does or that is elsewhere."""

import os
import subprocess
from pathlib import Path

import pytest

from .services import require

SCRIPT = Path(__file__).parents[2] / "scripts" / "services"
NAMES = ("postgres", "mariadb", "redis", "rabbitmq", "nats")


def run(*arguments, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PAYKIT_TEST_")}
    return subprocess.run(
        [SCRIPT, *arguments],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


GIVEN = {f"PAYKIT_TEST_{name.upper()}": "elsewhere" for name in NAMES}


def test_what_is_elsewhere_is_left_alone():
    told = run("status", **GIVEN)
    assert told.returncode == 0
    assert told.stdout.split("\n")[:-1] == [
        f"{name:10} PAYKIT_TEST_{name.upper()} tells where" for name in NAMES
    ]
    started = run("start", **GIVEN)
    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["redis", "rabbitmq", "nats"])
def test_what_answers_is_left_alone(name):
    url = require(name)
    others = {variable: "elsewhere" for variable in GIVEN if not variable.endswith(name.upper())}
    told = run("status", **others)
    if "answers on" not in told.stdout:
        pytest.skip(f"{name} is at {url} and not at its usual port")
    assert told.returncode == 0
    started = run("start", name, **others)
    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")


@pytest.mark.parametrize("arguments", [["start", "oracle"], [], ["stop"]])
def test_what_it_does_not_know_is_refused(arguments):
    told = run(*arguments)
    assert told.returncode == 2
    said = told.stdout + told.stderr
    assert "oracle is none of postgres" in said or "scripts/services start" in said
