from pathlib import Path

import pytest

from .live.relays import books, cluster, database, kafka  # noqa: F401 - fixtures

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.untraced)
