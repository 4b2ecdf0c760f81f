"""The command line. It needs the extra ``paykit-adapters[cli]``; the demo needs ``[demo]``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``paykit``; the entry point of the package."""
    try:
        from .commands import cli
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit("paykit's command line needs click: pip install 'paykit-adapters[cli]'")
    cli(prog_name="paykit")
