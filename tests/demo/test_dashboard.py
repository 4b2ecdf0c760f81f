"""The demo has a dashboard, for whoever sits at the machine."""

import httpx
import pytest

from ..dashboard.reading import Page
from .conftest import SHOP, order_id


def test_the_footer_leads_to_the_payments(play):
    async def scenario(town):
        page = await town.order("vnpay")
        back = await town.choose(page, "pay")
        await town.confirmed(order_id(back))
        shop = await town.browser.get(SHOP)
        assert '<a href="/dashboard/">Payments on record</a>' in shop.text
        payments = Page((await town.browser.get(f"{SHOP}/dashboard/")).text)
        (row,) = payments.table
        assert (row["Account"], row["Status"]) == ("vnpay", "succeeded")
        (link,) = [link for link in payments.links if link.startswith("payment?")]
        timeline = await town.browser.get(f"{SHOP}/dashboard/{link}")
        assert "A webhook said succeeded" in Page(timeline.text).text

    play(scenario)


@pytest.mark.parametrize(
    ("client", "status"),
    [
        (("127.0.0.1", 5000), 200),
        (("::1", 5000), 200),
        (("203.0.113.9", 5000), 403),
        (("10.0.0.1", 5000), 403),
        (("a socket", 0), 403),
        (None, 403),
    ],
)
def test_only_from_this_machine(play, client, status):
    async def scenario(town):
        door = httpx.ASGITransport(town.shop, client=client)
        async with httpx.AsyncClient(transport=door) as browser:
            assert (await browser.get(f"{SHOP}/dashboard/")).status_code == status

    play(scenario)
