"""``paykit`` in this process, and as a process of its own."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import attrs
from click.testing import CliRunner

from paykit.cli.commands import cli

PATIENCE = 30


@attrs.frozen
class Ended:
    code: int
    out: str
    err: str


def run(*arguments, **environ):
    """Run a command; of the environment it sees only what is given of paykit's."""
    hidden = {name: None for name in os.environ if name.startswith("PAYKIT_")}
    result = CliRunner().invoke(cli, [str(one) for one in arguments], env={**hidden, **environ})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


@contextlib.contextmanager
def running(*arguments, **environ):
    """A process that runs until it is told to stop; killed at the end if it does not."""
    source = str(Path(__file__).parents[2] / "src")
    paths = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-c", "from paykit.cli import main; main()", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, **environ},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def stop(process, number):
    """End it by a signal; what it said, and its exit code."""
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, out, err)
