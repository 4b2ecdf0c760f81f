import pytest

from .frameworks import FRAMEWORKS
from .site import Site


@pytest.fixture(scope="session", params=FRAMEWORKS)
def site(request, tmp_path_factory):
    """The shop in one framework after the other."""
    folder = tmp_path_factory.mktemp("site")
    opened = Site(FRAMEWORKS[request.param], folder, name=request.param)
    yield opened
    opened.close()
