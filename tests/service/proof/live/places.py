"""Databases with tables, on a file system in memory: what a killed process wrote is there all the same."""

import contextlib
import os
import tempfile
from pathlib import Path

from paykit.service import upgrade_database

from ....support.databases import fresh_database

_MEMORY = Path("/dev/shm")


@contextlib.contextmanager
def database_in_memory(kind="sqlite", *, at=None):
    """The URL of a new database of this kind, dropped in the end; ``at`` names another server."""
    # Named so that what a killed run left behind is known and removed: see PrivateServer.
    folder = tempfile.TemporaryDirectory(
        prefix=f"paykit_test_{os.getpid()}_sqlite_", dir=_MEMORY if _MEMORY.is_dir() else None
    )
    with folder as name, fresh_database(kind, folder=Path(name), at=at) as url:
        upgrade_database(url)
        yield url
