"""The admin pages of Django as somebody who keeps a shop sees them."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler

from tests.django import configuring, shopping

from ..mounts.servers import werkzeug_server
from .conftest import DESKTOP

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A real server with the admin's own styles; gives its URL, and the payments."""
    configuring.set_up()
    folder = tmp_path_factory.mktemp("site")
    # The browser's loop runs in this thread, where Django touches no database.
    with ThreadPoolExecutor(1) as thread:
        payments = thread.submit(_begin, f"sqlite:///{folder}/site.db").result()
        with werkzeug_server(StaticFilesHandler(WSGIHandler())) as url:
            yield url, payments
        thread.submit(configuring.leave).result()


def _begin(url):
    from paykit.django import service

    configuring.use(url)
    shopping.migrated()
    return shopping.fill(service())


@pytest.fixture
def page(chromium, site):
    """The page of somebody who has logged in; whatever the browser complains of is an error."""
    url, _ = site
    complaints = []
    context = chromium.new_context(viewport=DESKTOP)
    context.set_default_timeout(15_000)
    opened = context.new_page()
    opened.on("console", lambda said: complaints.append(said) if said.type == "error" else None)
    opened.goto(f"{url}/admin/")
    opened.get_by_label("Username").fill("keeper")
    opened.get_by_label("Password").fill(shopping.PASSWORD)
    opened.get_by_role("button", name="Log in").click()
    opened.wait_for_url(f"{url}/admin/")
    yield opened
    context.close()
    # The shop of the tests has no icon.
    assert [one for one in complaints if "favicon" not in one.location["url"]] == []


def shot(page, name):
    """Keep a picture, when somebody wants pictures."""
    folder = os.environ.get("PAYKIT_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder, f"django-{name}.png"), full_page=True)


def test_a_payment_is_found_and_its_story_read(page):
    page.get_by_role("link", name="Payments", exact=True).nth(1).click()
    page.locator("#searchbar").wait_for()
    assert page.locator("#result_list tbody tr").count() == 4
    shot(page, "1-payments")
    page.locator("#searchbar").fill("TEA-1003")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url(re.compile("q=TEA-1003"))
    assert page.locator("#result_list tbody tr").count() == 1
    page.get_by_role("link", name="TEA-1003").click()
    page.get_by_text("A webhook said succeeded").wait_for()
    shot(page, "2-payment")
    assert page.get_by_role("button", name=re.compile("Save|Delete")).count() == 0


def test_a_fact_of_nobody(page):
    page.get_by_role("link", name="Inbox").first.click()
    page.get_by_role("link", name="of nobody").click()
    page.wait_for_url(re.compile("payment=nobody"))
    assert page.locator("#result_list tbody tr").count() == 1
    shot(page, "3-inbox")
    page.locator("#result_list th a").click()
    page.get_by_text("NOBODYS-1").wait_for()
    shot(page, "4-fact")


def test_an_event_leads_to_its_payment(page, site):
    _, payments = site
    page.get_by_role("link", name="Outbox").first.click()
    page.get_by_role("link", name="waits").click()
    shot(page, "5-outbox")
    page.get_by_role("link", name=payments["paid"]).click()
    page.get_by_text("Event 1 tells succeeded").wait_for()
