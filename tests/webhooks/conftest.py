import pytest

from .mounts import fastapi, mounted_in_starlette, plain
from .shops import Shop


@pytest.fixture(
    scope="module",
    params=[plain, mounted_in_starlette, fastapi],
    ids=["asgi", "starlette", "fastapi"],
)
def shop(request, tmp_path_factory):
    opened = Shop(request.param, tmp_path_factory.mktemp("shop"))
    yield opened
    opened.close()
