"""The script for pages that wait: small, a module that Node.js can read, and typed for TypeScript.

What it does is tested in ``tests/browser/test_status_script.py``.
"""

import json
import shutil
import subprocess
from importlib.resources import files

from .npm import HERE, install

SCRIPT = files("paykit.webhooks").joinpath("paykit-status.js")


def run(*command, folder):
    """What a command says, as soon as it is content."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_small():
    """As it is served, with its types. That is why it is indented with tabs."""
    assert len(SCRIPT.read_bytes()) <= 2048


def test_it_is_a_module_that_needs_no_page_to_be_loaded(tmp_path):
    install("typescript")
    copy = tmp_path / "paykit-status.mjs"
    shutil.copy(SCRIPT, copy)
    run("node", "--check", copy, folder=tmp_path)
    names = "console.log(JSON.stringify(Object.keys(await import('./paykit-status.mjs'))))"
    said = run("node", "--input-type=module", "--eval", names, folder=tmp_path)
    assert json.loads(said) == ["watchStatus"]


def test_its_types_hold(tmp_path):
    install("typescript")
    compiler = HERE / "node_modules" / "typescript" / "bin" / "tsc"
    settings = (
        "--allowJs --checkJs --strict --noEmit --target es2020 --module es2020 --lib es2020,dom"
    )
    # In an empty folder it finds no types but those of browsers.
    page = HERE / "status_page.ts"
    run("node", compiler, *settings.split(), SCRIPT, page, folder=tmp_path)
