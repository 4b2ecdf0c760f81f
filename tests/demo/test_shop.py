"""The shop at the level of requests, with both providers of the sandbox behind it."""

import re

import httpx
import pytest

from paykit.events import PaymentProcessed
from paykit.models import Discrepancy, PaymentStatus
from paykit.money import Money

from .conftest import SANDBOX, SHOP, START, order_id

SAGA = ["OrderPlaced", "PaymentProcessed", "OrderConfirmed", "OrderShipped"]
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self' http://127.0.0.1:8100; "
    "base-uri 'none'; frame-ancestors 'none'"
)

#: Where cards are taken, the gateway's script and frame come from its own address.
POLICY_WITH_CARDS = POLICY.replace(
    "script-src 'self';",
    "script-src 'self' http://127.0.0.1:8100; frame-src http://127.0.0.1:8100;",
)


def step_states(page):
    return dict(re.findall(r'<li id="step-(\w+)" class="(\w+)"', page.text))


def hidden_forms(page):
    return {
        name: bool(rest) for name, rest in re.findall(r'id="(retry|resume)"( hidden)?', page.text)
    }


@pytest.mark.parametrize("provider", ["vnpay", "momo"])
def test_a_payment_confirms_and_ships_the_order(play, provider):
    async def scenario(town):
        page = await town.order(provider)
        back = await town.choose(page, "pay")
        assert back.status_code == 200
        assert back.url.path == "/thank-you"
        number = order_id(back)

        order = await town.settled(number)
        payment_id = order["payment_id"]
        assert order == {
            "order_id": "TN000001XXXXXX",
            "status": "CONFIRMED",
            "payment_id": payment_id,
            "tracking": order["tracking"],
            "headline": "Your order is confirmed",
            "message": f"Thank you, Lan. Your parcel is on its way, its number is {order['tracking']}.",
            "steps": {"placed": "done", "paid": "done", "confirmed": "done", "shipped": "done"},
            "done": True,
        }
        assert re.fullmatch(r"VN0000\d\dXX", order["tracking"])
        assert await town.event_names() == SAGA

        status = (await town.browser.get(f"{SHOP}/pay/payments/{payment_id}/status")).json()
        assert (status["status"], status["amount"]["minor"]) == ("succeeded", 640_000)
        again = await town.browser.get(back.url)
        assert step_states(again) == order["steps"]
        assert hidden_forms(again) == {"retry": True, "resume": True}

        events = (await town.browser.get(f"{SHOP}/events.json")).json()["events"]
        paid = next(event["data"] for event in events if event["name"] == "PaymentProcessed")
        assert (paid["type"], paid["subject"]) == ("io.paykit.payment.processed.v1", payment_id)
        assert PaymentProcessed.from_json(paid["data"]).order_id == number

    play(scenario)


@pytest.mark.parametrize("provider", ["vnpay", "momo"])
def test_the_return_settles_nothing(play, provider):
    async def scenario(town):
        town.faults.drop_next_ipn = 1
        back = await town.choose(await town.order(provider), "pay")
        number = order_id(back)
        # The browser says that it was paid; no notice came.
        assert str(back.url).startswith(f"{SHOP}/thank-you?state=pending&payment_id=pay_")
        assert step_states(back) == {
            "placed": "done",
            "paid": "now",
            "confirmed": "todo",
            "shipped": "todo",
        }
        assert hidden_forms(back) == {"retry": True, "resume": True}
        order = await town.order_json(number)
        assert (order["status"], order["done"]) == ("PENDING", False)
        assert await town.event_names() == ["OrderPlaced"]

        (lost,) = await town.deliveries()
        await town.browser.post(f"{SANDBOX}/_sandbox/deliveries/{lost['id']}/resend")
        assert (await town.settled(number))["status"] == "CONFIRMED"

    play(scenario)


@pytest.mark.parametrize(
    ("provider", "outcome", "headline"),
    [
        ("vnpay", "cancel", "The payment was canceled"),
        ("vnpay", "fail", "The payment did not go through"),
        ("vnpay", "expire", "The time to pay ran out"),
        ("momo", "decline", "The payment was canceled"),
        ("momo", "fail", "The payment did not go through"),
        ("momo", "expire", "The time to pay ran out"),
    ],
)
def test_a_failed_payment_can_be_tried_again(play, provider, outcome, headline):
    other = {"vnpay": "momo", "momo": "vnpay"}[provider]

    async def scenario(town):
        number = order_id(await town.choose(await town.order(provider), outcome))
        failed = await town.settled(number)
        assert failed == {
            "order_id": number,
            "status": "PAYMENT_FAILED",
            "payment_id": failed["payment_id"],
            "tracking": None,
            "headline": headline,
            "message": "Your order is kept. You can try again, or pay in another way.",
            "steps": {"placed": "done", "paid": "failed", "confirmed": "todo", "shipped": "todo"},
            "done": True,
        }
        page = await town.browser.get(f"{SHOP}/orders/{number}")
        assert hidden_forms(page) == {"retry": False, "resume": True}

        page = await town.browser.post(f"{SHOP}/orders/{number}/pay", data={"provider": other})
        await town.choose(page, "pay")
        done = await town.settled(number)
        assert done["status"] == "CONFIRMED"
        assert done["payment_id"] != failed["payment_id"]
        assert await town.event_names() == [
            "OrderPlaced",
            "PaymentProcessed",
            "OrderPaymentFailed",
            *SAGA[1:],
        ]
        references = [delivery["reference"] for delivery in reversed(await town.deliveries())]
        assert references == [f"{number}-1", f"{number}-2"]

    play(scenario)


def test_a_notice_that_comes_twice_has_one_effect(play):
    async def scenario(town):
        town.faults.duplicate_next_ipn = 1
        number = order_id(await town.choose(await town.order("vnpay"), "pay"))
        await town.settled(number)
        notes = [delivery["attempts"][0]["note"] for delivery in await town.deliveries()]
        assert sorted(notes) == ["RspCode 00", "RspCode 02"]
        assert await town.event_names() == SAGA

    play(scenario)


def test_a_forged_notice_changes_nothing(play):
    async def scenario(town):
        town.faults.drop_next_ipn = 1
        number = order_id(await town.choose(await town.order("vnpay"), "pay"))
        (lost,) = await town.deliveries()
        assert "vnp_Amount=64000000" in lost["url"]
        answer = await town.browser.get(lost["url"].replace("=64000000", "=64000001"))
        assert answer.json()["RspCode"] == "97"
        assert (await town.order_json(number))["status"] == "PENDING"

    play(scenario)


def test_going_on_with_an_open_payment_uses_the_same_one(play):
    async def scenario(town):
        first = await town.order("vnpay")
        number = "TN000001XXXXXX"
        page = await town.browser.get(f"{SHOP}/orders/{number}")
        assert hidden_forms(page) == {"retry": True, "resume": False}
        # The other provider is not for choosing while this attempt is open.
        again = await town.browser.post(f"{SHOP}/orders/{number}/pay", data={"provider": "momo"})
        assert again.url == first.url
        await town.choose(again, "pay")
        assert (await town.settled(number))["status"] == "CONFIRMED"

        late = await town.browser.post(f"{SHOP}/orders/{number}/pay", data={"provider": "momo"})
        assert late.url == f"{SHOP}/orders/{number}"
        assert await town.event_names() == SAGA

    play(scenario)


def test_an_unknown_way_to_pay_again_is_the_one_from_before(play):
    async def scenario(town):
        number = order_id(await town.choose(await town.order("momo"), "decline"))
        await town.settled(number)
        page = await town.browser.post(f"{SHOP}/orders/{number}/pay", data={"provider": "cash"})
        assert page.url.path == "/momo/v2/gateway/pay"

    play(scenario)


def test_a_provider_that_is_away_leaves_the_order_open(play):
    async def scenario(town):
        town.closed.add("sandbox")
        page = await town.order("momo")
        assert page.status_code == 502
        assert "MoMo cannot be reached just now. Please go on in a moment." in page.text
        assert hidden_forms(page) == {"retry": True, "resume": False}
        number = order_id(page)
        assert (await town.order_json(number))["payment_id"] is None

        town.closed.clear()
        page = await town.browser.post(f"{SHOP}/orders/{number}/pay")
        await town.choose(page, "pay")
        assert (await town.settled(number))["status"] == "CONFIRMED"

    play(scenario)


def test_money_that_does_not_match_holds_the_order(play):
    async def scenario(town):
        await town.order("vnpay")
        number = "TN000001XXXXXX"
        before = await town.order_json(number)
        town.shop.state.orders.on_payment(
            PaymentProcessed(
                event_id="e1",
                provider="vnpay",
                reference=f"{number}-1",
                status=PaymentStatus.NEEDS_REVIEW,
                amount=Money(1, "VND"),
                occurred_at=START,
                order_id=number,
                payment_id=before["payment_id"],
                discrepancy=Discrepancy.UNDERPAID,
            )
        )
        page = await town.browser.get(f"{SHOP}/orders/{number}")
        assert "We are looking at your payment" in page.text
        assert step_states(page)["paid"] == "held"
        assert hidden_forms(page) == {"retry": True, "resume": True}

    play(scenario)


def test_orders_outlive_the_process(play):
    async def first(town):
        town.faults.drop_next_ipn = 1
        back = await town.choose(await town.order("vnpay"), "pay")
        return order_id(back), (await town.deliveries())[0]["url"]

    number, notice = play(first)

    async def second(town):
        assert (await town.order_json(number))["status"] == "PENDING"
        assert (await town.browser.get(notice)).json()["RspCode"] == "00"
        assert (await town.settled(number))["status"] == "CONFIRMED"

    play(second)


def test_every_page_allows_nothing_foreign(play):
    async def scenario(town):
        await town.order("vnpay")
        for path in (
            "/",
            "/products/phin",
            "/checkout?product=gom&quantity=3",
            "/orders/TN000001XXXXXX",
            "/thank-you",
            "/events",
            "/events/rows",
            "/nowhere",
        ):
            page = await town.browser.get(SHOP + path)
            policy = POLICY_WITH_CARDS if path.startswith(("/checkout", "/orders")) else POLICY
            assert page.headers["content-security-policy"] == policy, path
            assert page.headers["x-content-type-options"] == "nosniff"
            assert page.headers["cache-control"] == "no-store"
            assert not re.search(r'(?:src|href)="(?:https?:)?//(?!127\.0\.0\.1)', page.text), path
            assert not re.search(r"<[^>]* (?:style|on\w+)=|<style|<script>", page.text), path

    play(scenario)


def test_the_shop_shows_its_products(play):
    async def scenario(town):
        index = (await town.browser.get(SHOP)).text
        slugs = re.findall(r'href="/products/(\w+)"', index)
        assert slugs == ["phin", "sen", "non", "gom", "den", "lua"]
        assert "320.000\N{NO-BREAK SPACE}₫" in index
        for slug in slugs:
            assert (await town.browser.get(f"{SHOP}/products/{slug}")).status_code == 200
            picture = await town.browser.get(f"{SHOP}/static/products/{slug}.svg")
            assert picture.headers["content-type"] == "image/svg+xml"

    play(scenario)


@pytest.mark.parametrize(
    ("query", "quantity"),
    [("quantity=3", "3"), ("quantity=6", "1"), ("quantity=x", "1"), ("", "1")],
)
def test_the_checkout_takes_a_sensible_quantity(play, query, quantity):
    async def scenario(town):
        page = await town.browser.get(f"{SHOP}/checkout?product=lua&{query}")
        assert re.search(r'name="quantity" value="(\d+)"', page.text)[1] == quantity

    play(scenario)


GOOD = {"product": "lua", "quantity": "1", "name": "Hà", "provider": "momo"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"quantity": "0"}, "Choose from 1 to 5."),
        ({"name": " \t"}, "Tell us your name, in at most 60 letters."),
        ({"name": "x" * 61}, "Tell us your name, in at most 60 letters."),
        ({"name": "a\x00b"}, "Tell us your name, in at most 60 letters."),
        ({"provider": "cash"}, "Choose how you want to pay."),
    ],
)
def test_the_checkout_says_what_is_wrong(play, change, problem):
    async def scenario(town):
        page = await town.browser.post(f"{SHOP}/checkout", data=GOOD | change)
        assert page.status_code == 422
        assert re.findall("<li>(.*?)</li>", page.text) == [problem]
        assert await town.event_names() == []

    play(scenario)


def test_a_name_is_text_and_never_markup(play):
    async def scenario(town):
        page = await town.order("vnpay", name="<b>Lan</b>  &  Co")
        page = await town.browser.get(f"{SHOP}/orders/TN000001XXXXXX")
        assert "<dd>&lt;b&gt;Lan&lt;/b&gt; &amp; Co</dd>" in page.text

    play(scenario)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/products/car", 404),
        ("GET", "/checkout?product=car", 404),
        ("POST", "/checkout", 404),
        ("GET", "/orders/TN1", 404),
        ("GET", "/orders/TN1.json", 404),
        ("POST", "/orders/TN1/pay", 404),
        ("GET", "/thank-you?payment_id=pay_1", 400),
        ("GET", "/pay/returns/vnpay?vnp_TxnRef=TN1&vnp_SecureHash=00", 400),
    ],
)
def test_what_is_not_there(play, method, path, status):
    async def scenario(town):
        answer = await town.browser.request(method, SHOP + path)
        assert answer.status_code == status

    play(scenario)


def test_a_form_that_is_too_large_is_not_read(play):
    async def scenario(town):
        page = await town.browser.post(f"{SHOP}/checkout", data=GOOD | {"more": "x" * 20_000})
        assert page.status_code == 404

    play(scenario)


@pytest.mark.parametrize(
    ("client", "seen"),
    [(("203.0.113.9", 1), "203.0.113.9"), (("a socket", 0), "127.0.0.1"), (None, "127.0.0.1")],
)
def test_vnpay_is_told_the_address_of_the_payer(play, client, seen):
    async def scenario(town):
        transport = httpx.ASGITransport(town.shop, client=client)
        async with httpx.AsyncClient(transport=transport) as browser:
            form = GOOD | {"provider": "vnpay"}
            answer = await browser.post(f"{SHOP}/checkout", data=form)
        assert (answer.status_code, answer.next_request.url.params["vnp_IpAddr"]) == (303, seen)

    play(scenario)


def test_the_events_page_asks_only_for_news(play):
    async def scenario(town):
        await town.order("vnpay")
        await town.order("momo")
        for after, numbers in [("", "21"), ("1", "2"), ("2", ""), ("x", "21"), ("9" * 10, "21")]:
            rows = await town.browser.get(f"{SHOP}/events/rows?after={after}")
            assert re.findall(r'data-number="(\d+)"', rows.text) == list(numbers)
        page = (await town.browser.get(f"{SHOP}/events")).text
        assert 'data-last="2"' in page
        assert "16:00:00" in page

    play(scenario)
