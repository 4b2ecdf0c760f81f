"""The dashboard on a real server in a real browser: in the light and the dark, wide and narrow."""

import os
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from paykit.dashboard import Dashboard
from paykit.demo.server import listen

from ..dashboard import story
from ..service.shop import Blocking, Clock
from ..support.apps import serving
from .conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

MOUNT = "/shop/dashboard"


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory):
    """The address of a dashboard over a shop in which everything has happened."""
    clock = Clock()
    database = f"sqlite:///{tmp_path_factory.mktemp('dashboard')}/p.db"
    shop = Blocking(database, providers=story.providers(), clock=clock, **story.SETTINGS)
    story.live_through(shop, clock)
    app = Dashboard(shop.service, authorize=lambda _scope: True, clock=clock)
    at = listen("127.0.0.1", 0)
    with serving(Starlette(routes=[Mount(MOUNT, app)]), at):
        yield f"{at.url}{MOUNT}/"
    shop.close()


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(request, chromium, scheme):
    """A window; whatever the browser complains of fails the test."""
    context = chromium.new_context(viewport=request.param, color_scheme=scheme)
    context.set_default_timeout(15_000)
    opened, complaints = context.new_page(), []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda message: complaints.append(message.text))
    yield opened
    context.close()
    assert complaints == []


def look(page, scheme, name):
    """Nothing sticks out, the stylesheet was let in; keep a picture when somebody wants pictures."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(246, 247, 247)", "dark": "rgb(17, 23, 22)"}[scheme]
    folder = os.environ.get("PAYKIT_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        device = "phone" if page.viewport_size == PHONE else "desktop"
        page.screenshot(
            path=Path(folder, f"dashboard-{scheme}-{device}-{name}.png"), full_page=True
        )


def test_a_walk_through_all_of_it(page, dashboard, scheme):
    page.goto(dashboard)
    look(page, scheme, "payments")
    page.get_by_label("Status").select_option("needs_review")
    page.get_by_role("button", name="Show").click()
    assert page.url.startswith(f"{dashboard}?search=&status=needs_review")
    assert page.locator("tbody tr").count() == 2
    page.get_by_role("link", name="Clear").click()
    page.get_by_label("Search").fill("order-3")
    page.get_by_label("Search").press("Enter")
    page.get_by_role("link", name="pay_0004").click()
    assert page.url == f"{dashboard}payment?id=pay_0004"
    assert page.locator("li.moment").count() == 10
    look(page, scheme, "payment")
    page.get_by_role("link", name="order-3").click()
    assert page.url == f"{dashboard}?search=order-3"
    for name in ("Inbox", "Unmatched transfers", "Orphans", "Outbox", "Dead letters", "Reconcile"):
        page.get_by_role("link", name=name, exact=True).click()
        assert page.url == dashboard + name.lower().split()[0]
        page.get_by_role("heading", level=1).wait_for()
        assert page.locator("tbody tr").count() > 0
        look(page, scheme, name.lower().split()[0])
    page.go_back()
    assert page.url == f"{dashboard}dead"


def test_amounts_stand_below_each_other(chromium, dashboard):
    context = chromium.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto(dashboard)
    ends = page.evaluate(
        """[...document.querySelectorAll("td[data-label=Asked] .money")].map(
            one => Math.round(one.getBoundingClientRect().right))"""
    )
    assert (len(ends), len(set(ends))) == (12, 1)
    digits = page.evaluate(
        "getComputedStyle(document.querySelector('td.number')).fontVariantNumeric"
    )
    assert digits == "tabular-nums"
    context.close()


#: Relative luminance and contrast: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
CONTRAST = """
() => {
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([red, green, blue]) => [red, green, blue].map(value => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }).reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const color = numbers(getComputedStyle(node).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
  };
  const low = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !node.checkVisibility()) continue;
    const [one, other] = [light(numbers(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) low.push([node.textContent.trim(), ratio]);
  }
  return low;
}
"""


@pytest.mark.parametrize("path", ["", "payment?id=pay_0001", "inbox", "outbox", "reconcile"])
def test_everything_can_be_read(chromium, dashboard, scheme, path):
    context = chromium.new_context(viewport=DESKTOP, color_scheme=scheme)
    page = context.new_page()
    page.goto(dashboard + path)
    assert page.evaluate(CONTRAST) == []
    context.close()


def test_the_demo_leads_there(make_visitor):
    visitor = make_visitor()
    page = visitor.page
    visitor.checkout("Trà sen", "VNPay", name="Nguyễn Thị Lan")
    visitor.choose("^Pay")
    page.get_by_role("link", name="Payments on record").click()
    assert page.url == f"{visitor.shop}/dashboard/"
    page.locator("tbody tr").get_by_role("link").first.click()
    page.get_by_role("heading", name=re.compile("^Written down")).wait_for()
    assert visitor.fits()
