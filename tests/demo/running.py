"""`paykit demo` as a process of its own, on ports that are free."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import attrs

#: As the console script does it, but of the checkout that is being tested.
PAYKIT = (sys.executable, "-c", "from paykit.cli import main; main()")
#: Generous: it only bounds how long a broken test hangs.
PATIENCE = 30


@attrs.frozen
class Running:
    process: subprocess.Popen
    shop: str
    sandbox: str

    def stop(self, number=signal.SIGTERM) -> tuple[int, str, str]:
        """End it by a signal: the exit code, and what it had still to say."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


def environment(**more):
    source = str(Path(__file__).parents[2] / "src")
    paths = filter(None, [source, os.environ.get("PYTHONPATH")])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


@contextmanager
def running_demo(*arguments):
    process = subprocess.Popen(
        [*PAYKIT, "demo", "--port", "0", "--sandbox-port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        greeting = [process.stdout.readline() for _ in range(4)]
        addresses = re.findall(r"http://\S+", "".join(greeting))
        if len(addresses) != 3:
            process.kill()
            raise AssertionError(f"it did not start: {greeting} {process.stderr.read()}")
        yield Running(process, addresses[0], addresses[2])
    finally:
        if process.poll() is None:
            # Not killed: it takes its temporary database with it.
            process.terminate()
        process.communicate(timeout=PATIENCE)
