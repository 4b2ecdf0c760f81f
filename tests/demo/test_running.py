"""The demo as it is really started: a process, two ports, signals."""

import errno
import os
import re
import signal
import socket
import subprocess
import threading
import time

import httpx
import pytest

from paykit.demo.run import run_demo
from paykit.demo.server import listen
from paykit.errors import ConfigurationError, StoreUnavailable

from .running import PATIENCE, PAYKIT, environment, running_demo


def buy(shop, sandbox, provider):
    """Buy by plain HTTP, as a browser without JavaScript would; the order's JSON comes back."""
    with httpx.Client(follow_redirects=True, timeout=PATIENCE) as client:
        # The demo lets its notices wait a moment for people to see it; nobody watches here.
        client.post(f"{sandbox}/_sandbox/faults", json={"delay_ipn": 0})
        form = {"product": "den", "quantity": "1", "name": "Quân", "provider": provider}
        page = client.post(f"{shop}/checkout", data=form)
        assert str(page.url).startswith(f"{sandbox}/{provider}/")
        token = re.search(r'name="token" value="([^"]+)"', page.text)[1]
        action = re.search(r'action="([^"]+)"', page.text)[1]
        page = client.post(page.url.join(action), data={"token": token, "outcome": "pay"})
        assert str(page.url).startswith(f"{shop}/thank-you?")
        number = re.search(r'data-order="([^"]+)"', page.text)[1]
        deadline = time.monotonic() + PATIENCE
        while True:
            order = client.get(f"{shop}/orders/{number}.json").json()
            if order["done"] or time.monotonic() > deadline:
                return order
            time.sleep(0.02)


def paykit(*arguments, **kwargs):
    return subprocess.run(
        [*PAYKIT, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(),
        check=False,
        **kwargs,
    )


def test_a_purchase_and_a_clean_end():
    with running_demo() as demo:
        for provider in ("vnpay", "momo"):
            assert buy(demo.shop, demo.sandbox, provider)["status"] == "CONFIRMED"
        assert demo.stop(signal.SIGTERM) == (0, "Closed.\n", "")


def test_control_c_ends_it_as_cleanly_and_the_database_stays(tmp_path):
    database = tmp_path / "kept.db"
    with running_demo("--database", str(database)) as demo:
        number = buy(demo.shop, demo.sandbox, "vnpay")["order_id"]
        assert demo.stop(signal.SIGINT) == (0, "Closed.\n", "")
    with running_demo("--database", str(database)) as demo:
        assert httpx.get(f"{demo.shop}/orders/{number}.json").json()["status"] == "CONFIRMED"


@pytest.mark.parametrize("option", ["--port", "--sandbox-port"])
def test_a_taken_port_is_one_clear_line(option):
    other = {"--port": "--sandbox-port", "--sandbox-port": "--port"}[option]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = paykit("demo", option, str(port), other, "0")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"Error: port {port} on 127.0.0.1 is not free ({os.strerror(errno.EADDRINUSE)}); "
        "choose another one\n"
    )


def test_only_this_machine_may_visit():
    ended = paykit("demo", "--host", "0.0.0.0", "--port", "0", "--sandbox-port", "0")
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        1,
        "",
        "Error: the demo is only for this machine: 127.0.0.1, localhost, ::1\n",
    )


def test_a_database_that_cannot_be_opened(tmp_path):
    path = tmp_path / "missing" / "demo.db"
    ended = paykit("demo", "--port", "0", "--sandbox-port", "0", "--database", str(path))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"Error: cannot open {path}: unable to open database file\n"


def test_the_sandbox_alone():
    process = subprocess.Popen(
        [*PAYKIT, "sandbox", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        root = re.search(r"(http://127\.0\.0\.1:\d+)/vnpay", process.stdout.readline())[1]
        page = httpx.get(f"{root}/_sandbox/payments")
        assert page.json() == {"payments": []}
    finally:
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")


def test_inside_this_process():
    """As above, without a process in between: it ends by the signal and gives everything back."""
    bought, addresses = [], []
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def ready(shop, sandbox):
        addresses.extend([shop, sandbox])

        def visit():
            try:
                bought.append(buy(shop.url, sandbox.url, "momo"))
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=visit).start()

    run_demo(host="localhost", port=0, sandbox_port=0, ready=ready)
    assert bought[0]["status"] == "CONFIRMED"
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    for listener in addresses:
        with pytest.raises(httpx.ConnectError):
            httpx.get(listener.url)


def never(_shop, _sandbox):
    raise AssertionError("it must not get ready")


def test_what_is_refused_before_anything_is_opened(tmp_path):
    with pytest.raises(ConfigurationError, match="only for this machine"):
        run_demo(host="0.0.0.0", port=0, sandbox_port=0, ready=never)
    missing = tmp_path / "missing" / "demo.db"
    with pytest.raises(StoreUnavailable, match="unable to open"):
        run_demo(host="127.0.0.1", port=0, sandbox_port=0, database=missing, ready=never)
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigurationError, match="is not free"),
    ):
        listen("127.0.0.1", taken.getsockname()[1])


def test_a_host_that_does_not_exist():
    with pytest.raises(ConfigurationError, match=r"cannot use host\.invalid"):
        listen("host.invalid", 0)


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_address_of_version_6_stands_in_brackets():
    try:
        listener = listen("::1", 0)
    except ConfigurationError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with listener.socket:
        assert listener.url == f"http://[::1]:{listener.port}"
