"""Runs peers from npm. Without Node.js the tests that need one are skipped; in CI that is a failure."""

import json
import shutil
import subprocess
from pathlib import Path

from ..support.services import missing

HERE = Path(__file__).parent


def install(package, folder=HERE):
    """Install what the folder's ``package.json`` lists, unless ``package`` is there."""
    if not (shutil.which("node") and shutil.which("npm")):
        missing(f"Node.js and npm are needed to run the npm package {package}")
    if not (folder / "node_modules" / package).exists():
        done = subprocess.run(
            ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"],
            cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            missing(f"npm install failed: {done.stderr[-300:]}")


def ask(script, asked):
    """What a script of this folder answers, JSON in and JSON out."""
    done = subprocess.run(
        ["node", script],
        input=json.dumps(asked),
        cwd=HERE, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)
