import pytest

from .mounts import fastapi, mounted_in_starlette, plain
from .shops import Shop

MOUNTS = {"asgi": plain, "starlette": mounted_in_starlette, "fastapi": fastapi}


@pytest.fixture(scope="module", params=MOUNTS)
def shop(request, tmp_path_factory):
    """Every account behind one mount after the other; a module can ask for fewer of them."""
    opened = Shop(MOUNTS[request.param], tmp_path_factory.mktemp("shop"))
    yield opened
    opened.close()
