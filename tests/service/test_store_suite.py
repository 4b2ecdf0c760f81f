"""The public store suite, on every database."""

import pytest

from paykit.testing.store import StoreSuite

from ..support.databases import KINDS


@pytest.mark.parametrize("database_kind", KINDS)
class TestStore(StoreSuite):
    @pytest.fixture
    def database(self, ready_database):
        return ready_database
