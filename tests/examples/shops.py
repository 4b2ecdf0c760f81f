"""The example shops as processes of their own, on ports that are free, and somebody who buys there."""

import html
import json
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import attrs
import httpx

from ..demo.running import PATIENCE, environment

EXAMPLES = Path(__file__).parents[2] / "examples"


@attrs.frozen
class Running:
    process: subprocess.Popen
    url: str
    providers: str

    def lines(self, count):
        """What it prints next."""
        return [self.process.stdout.readline().strip() for _ in range(count)]

    def stop(self, number=signal.SIGINT):
        """End it by a signal: the exit code, and what it had still to say."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


def command(name):
    return sys.executable, EXAMPLES / f"{name}_shop.py"


@contextmanager
def running(name, **more):
    """A shop that is open; ``more`` is for its environment."""
    process = subprocess.Popen(
        [*command(name), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**more),
    )
    # Nobody reads for ever what a broken one does not say.
    late = threading.Timer(2 * PATIENCE, process.kill)
    late.start()
    try:
        greeting = "".join(process.stdout.readline() for _ in range(2))
        addresses = re.findall(r"http://\S+", greeting)
        if len(addresses) != 2:
            process.kill()
            raise AssertionError(f"it did not start: {greeting} {process.stderr.read()}")
        yield Running(process, *addresses)
    finally:
        late.cancel()
        if process.poll() is None:
            process.terminate()  # not killed: it takes its temporary database with it
        process.communicate(timeout=PATIENCE)


class Buyer:
    """Somebody with a browser that runs no scripts."""

    def __init__(self, shop, browser):
        self.shop = shop
        self.browser = browser

    def buy(self, provider):
        """Press a button on the page of the product; the provider's page comes, or the shop's."""
        page = self.browser.get(self.shop.url)
        assert f'<button formaction="/buy/{provider}">' in page.text
        return self.browser.post(f"{self.shop.url}/buy/{provider}")

    def choose(self, page, outcome):
        """Press a button on the provider's page; the shop's page comes back."""
        assert str(page.url).startswith(self.shop.providers), page.url
        token = re.search(r'name="token" value="([^"]+)"', page.text)[1]
        action = re.search(r'action="([^"]+)"', page.text)[1]
        form = {"token": token, "outcome": outcome}
        return self.browser.post(page.url.join(action), data=form)

    def transfer(self, page):
        """Open the bank app from the shop's page, and pay there."""
        link = html.unescape(re.search(r'href="([^"]+/bank/\?qr=[^"]+)"', page.text)[1])
        app = self.browser.get(link)
        code = html.unescape(re.search(r'name="qr" value="([^"]+)"', app.text)[1])
        form = {"qr": code, "way": "exact"}
        done = self.browser.post(f"{self.shop.providers}/bank/pay", data=form)
        assert "Transferred" in done.text

    def states(self, page):
        """What the page is told, until there is nothing more to tell."""
        watched = json.loads(re.search(r"watchStatus\((\"[^\"]+\")", page.text)[1])
        wants = {"accept": "text/event-stream"}
        with self.browser.stream("GET", f"{self.shop.url}{watched}", headers=wants) as stream:
            assert stream.status_code == 200
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


@contextmanager
def buying(shop):
    with httpx.Client(follow_redirects=True, timeout=PATIENCE) as browser:
        yield Buyer(shop, browser)
