"""The example shops, each by its one command: bought from over HTTP, against the sandbox."""

import re
import socket
import subprocess

import pytest

from ..demo.running import PATIENCE, environment
from .shops import buying, command, running

SHOPS = ("fastapi", "django", "flask", "litestar", "aiohttp")


def order_id(page):
    return re.search(r"<dt>Order</dt><dd>(\d{9})</dd>", page.text)[1]


@pytest.mark.parametrize("name", SHOPS)
def test_it_sells(name, tmp_path):
    with running(name, TMPDIR=str(tmp_path)) as shop, buying(shop) as buyer:
        paid = buyer.choose(buyer.buy("vnpay"), "pay")
        canceled = buyer.choose(buyer.buy("momo"), "decline")
        transferred = buyer.buy("payos")
        assert "<svg" in transferred.text
        buyer.transfer(transferred)
        ends = {}
        for page in (paid, canceled, transferred):
            assert (page.status_code, page.url.path) == (200, "/thanks")
            *_, last = buyer.states(page)
            assert last["final"]
            assert last["amount"]["text"] in page.text
            ends[order_id(page)] = last["status"]
        assert list(ends.values()) == ["succeeded", "canceled", "succeeded"]

        # The notices tell it to the shop, once for each.
        told = sorted(f"{order} is {status}: 320000 VND" for order, status in ends.items())
        assert sorted(shop.lines(3)) == told

        # Somebody who still waits when it ends.
        watching = buyer.states(buyer.buy("payos"))
        assert next(watching)["status"] == "requires_action"
        code, out, err = shop.stop()
        assert (code, out) == (0, "")
        assert "Traceback" not in err
        assert "ERROR" not in err
    assert list(tmp_path.iterdir()) == []  # neither payments nor anything else is left


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [*command("flask"), "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=environment(),
            check=False,
        )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"port {port} cannot be used" in ended.stderr.splitlines()[-1]
