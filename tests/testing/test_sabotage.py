"""The conformance suite can fail: it finds what is broken on purpose, and passes what is not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testing.sabotage import BROKEN

HERE = Path(__file__).parent
_REPORT = re.compile(r"^(PASSED|FAILED|ERROR) \S+?::Test(\w+)::(\w+)", re.MULTILINE)


@pytest.fixture(scope="module")
def reports():
    """What a real run of pytest says: (verdict, class, check) of every test."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", str(HERE / "sabotaged_suite.py")),
            *("-q", "-rA", "--tb=no", "--no-header", "--show-capture=no"),
            *("-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(HERE.parents[1])),
        ],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout + run.stderr
    return _REPORT.findall(run.stdout)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_provider_is_found(reports, name):
    _, check, _ = BROKEN[name]
    verdicts = {verdict for verdict, cls, test in reports if (cls, test) == (name, check)}
    assert "FAILED" in verdicts
    assert "ERROR" not in verdicts


def test_a_sound_provider_passes(reports):
    verdicts = [verdict for verdict, cls, _ in reports if cls == "Sound"]
    assert len(verdicts) > 100
    assert set(verdicts) == {"PASSED"}


def test_every_check_has_a_provider_that_fails_it(reports):
    checks = {test for _, cls, test in reports if cls == "Sound"}
    # Both ask for data and declarations that a subclass cannot take away.
    checks -= {"test_configuration_has_secrets", "test_unseen_code_can_be_told"}
    # Its cases declare what moves money, and test_case compares the provider with them.
    checks -= {"test_money_calls_say_so"}
    assert checks - {check for _, check, _ in BROKEN.values()} == set()
