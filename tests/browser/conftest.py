"""Headless Chromium, and the demo to click through."""

import os
import re
import shutil
from pathlib import Path

import attrs
import pytest

from ..demo.running import running_demo
from ..support.services import missing

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 740}


#: The browser without what people look at: it takes half the time, and never hides a tab.
SHELLS = ("chromium-headless-shell", "chrome-headless-shell")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--accept-lang=en-US")


def find_browser(names=(*SHELLS, *BROWSERS)):
    """The path of the browser's program: of the first of these that is there."""
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        missing(f"no browser: none of {', '.join(names)} is installed")
    return program


# For one module, not the session: while it lives, no other test can run an event loop.
@pytest.fixture(scope="module")
def chromium():
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        missing("the Python package playwright is not installed")
    program = find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo():
    with running_demo() as running:
        yield running


@attrs.frozen
class Visitor:
    """Somebody in front of a browser."""

    page: object
    shop: str
    sandbox: str
    device: str

    def shot(self, name):
        """Keep a picture, when somebody wants pictures."""
        folder = os.environ.get("PAYKIT_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder, f"{self.device}-{name}.png"), full_page=True)

    def fits(self):
        """Whether nothing sticks out to the right."""
        return self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    def checkout(self, product, provider, *, name):
        self.page.goto(self.shop)
        self.page.get_by_role("link", name=product).click()
        self.page.get_by_label("Quantity").select_option("2")
        self.page.get_by_role("button", name="Buy").click()
        self.page.get_by_label("Your name").fill(name)
        way = self.page.locator("label.way").filter(has=self.page.get_by_text(provider, exact=True))
        way.locator("input").check()
        self.page.get_by_role("button", name=re.compile("^Pay")).click()
        self.page.wait_for_url(re.compile(f"{self.sandbox}/|{self.shop}/orders/"))

    def choose(self, button):
        """Press a button on the provider's page, and come back to the shop."""
        self.page.get_by_role("button", name=re.compile(button)).click()
        self.page.wait_for_url(re.compile(f"{self.shop}/(thank-you|orders/)"))

    def transfer(self, link, way):
        """Open the bank app in a window of its own, pay there, and come back to this one."""
        with self.page.context.expect_page() as opened:
            self.page.get_by_role("link", name=link).click()
        app = Visitor(opened.value, self.shop, self.sandbox, self.device)
        app.page.wait_for_load_state()
        assert app.fits()
        app.shot("5-bank-app")
        app.page.get_by_role("button", name=re.compile(way)).click()
        app.page.get_by_role("heading", name=re.compile("^Transferred")).wait_for()
        assert app.fits()
        app.shot("6-bank-app-done")
        app.page.close()

    def order_id(self):
        return self.page.locator("#order").get_attribute("data-order")


@pytest.fixture
def complaints():
    """The errors that the browser reports. A test takes out what it expects."""
    return []


@pytest.fixture
def make_visitor(chromium, demo, complaints):
    """A visitor with a window of their own; any error that the browser reports fails the test."""
    contexts = []

    def complain(message):
        # A mistyped card is no fault, though the browser reports how the field's frame is told.
        mistyped = message.location["url"].endswith("/card-field") and " 422 " in message.text
        if message.type == "error" and not mistyped:
            complaints.append(message.text)

    def make(device="desktop"):
        context = chromium.new_context(viewport=PHONE if device == "phone" else DESKTOP)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", complain)
        return Visitor(page, demo.shop, demo.sandbox, device)

    yield make
    for context in contexts:
        context.close()
    assert complaints == []
