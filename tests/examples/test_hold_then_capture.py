"""The example of holding and capturing, as one runs it: two processes, the sandbox and the shop."""

import re
import subprocess
import sys
from pathlib import Path

from ..demo.running import PATIENCE, PAYKIT, environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "hold_then_capture.py"


def test_the_last_one_is_sold_once():
    sandbox = subprocess.Popen(
        [*PAYKIT, "sandbox", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )
    try:
        root = re.search(r"(http://127\.0\.0\.1:\d+)/", sandbox.stdout.readline())[1]
        ended = subprocess.run(
            [sys.executable, EXAMPLE, root],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=environment(),
            check=False,
        )
    finally:
        sandbox.terminate()
        sandbox.communicate(timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "ORDER-1: 320000 VND taken, ship it",
        "ORDER-2: sold out, nothing was charged",
        "ORDER-3: declined, try it again",
    ]
