"""The example of docs/add-a-provider.md passes the suite that it tells of."""

import sys
from pathlib import Path

import pytest

from paykit.testing.conformance import ProviderConformance

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))
try:
    from acme_deliveries import AcmeDeliveries
    from acme_provider import Acme
finally:
    sys.path.remove(str(EXAMPLES))


class TestAcme(ProviderConformance):
    provider = Acme
    cases = Path(__file__).parent / "acme"
    deliveries = AcmeDeliveries()


@pytest.mark.parametrize("example", ["acme_provider.py", "acme_deliveries.py"])
def test_the_page_shows_the_example_as_it_is(example):
    page = (EXAMPLES.parent / "docs" / "add-a-provider.md").read_text("utf-8")
    assert (EXAMPLES / example).read_text("utf-8").strip() in page
