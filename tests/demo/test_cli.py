"""The command line: what it prints, and how it says what is missing."""

import subprocess
import sys

import pytest

import paykit
from paykit import registry
from paykit.provider import Capability

from .running import PATIENCE, environment


def run(*arguments, without=()):
    """Run ``paykit``, as if the modules ``without`` were not installed."""
    missing = "; ".join(f"sys.modules[{name!r}] = None" for name in without) or "pass"
    code = f"import sys; {missing}; from paykit.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(),
        check=False,
    )


def test_version():
    ended = run("--version")
    assert (ended.returncode, ended.stdout) == (0, f"paykit, version {paykit.__version__}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "-h"], ["sandbox", "-h"]])
def test_help(arguments):
    ended = run(*arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Usage: paykit ")


def test_providers_are_listed_with_what_they_can_do():
    ended = run("providers")
    assert (ended.returncode, ended.stderr) == (0, "")
    head, *lines = [line.split() for line in ended.stdout.splitlines()]
    assert head == list(registry.names())
    table = {line[0]: line[1:] for line in lines}
    assert list(table) == ["title", "currencies", "countries", *Capability]
    for capability in Capability:
        assert table[capability] == [
            "yes" if capability in registry.load(name).capabilities else "-" for name in head
        ]


def test_without_click():
    ended = run("--version", without=["click"])
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        1,
        "",
        "paykit's command line needs click: pip install 'paykit-adapters[cli]'\n",
    )


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("demo", "starlette"),
        ("demo", "uvicorn"),
        ("demo", "jinja2"),
        ("demo", "sqlalchemy"),
        ("sandbox", "starlette"),
    ],
)
def test_without_an_extra(command, module):
    ended = run(command, "--port", "0", without=[module])
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        1,
        "",
        f"Error: {module} is missing: pip install 'paykit-adapters[{command}]'\n",
    )


def test_a_fault_is_not_taken_for_a_missing_extra():
    ended = run("demo", "--port", "0", without=["paykit.demo.run"])
    assert ended.returncode == 1
    assert "ModuleNotFoundError" in ended.stderr


def test_only_the_command_line_needs_click():
    code = "import sys; sys.modules['click'] = None; import paykit.demo, paykit.sandbox, paykit.service"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(),
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
