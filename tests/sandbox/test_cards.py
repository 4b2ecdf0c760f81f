"""What the simulators of card gateways share, shown with a gateway that has no API."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from paykit.cards import is_card_number
from paykit.money import Money
from paykit.sandbox.cards.challenges import Challenges, Finished
from paykit.sandbox.cards.desk import ACTIONS, Desk
from paykit.sandbox.cards.field import CardField, may_embed
from paykit.sandbox.cards.hosted import HostedPages, HostedPayment, HostedResult
from paykit.sandbox.cards.keys import KeyConflictError, Keys
from paykit.sandbox.cards.numbers import (
    COMMON_CARDS,
    DECLINES,
    Behaviour,
    CardTable,
    MistypedError,
    TestCard,
    read_card,
)
from paykit.sandbox.cards.state import CardPayment
from paykit.sandbox.cards.till import Till
from paykit.sandbox.config import SandboxConfig
from paykit.sandbox.faults import Faults
from paykit.sandbox.pages import STATIC, Pages

from .conftest import Client, Clock

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
AMEX = TestCard("378282246310005", "Succeeds")
TABLE = CardTable((*COMMON_CARDS, AMEX), {"NO": Behaviour(declines="fraud")})
GOOD = {"number": COMMON_CARDS[0].grouped, "expiry": "12 / 34", "cvc": "123"}
SHOP = "http://127.0.0.1:8000"
PAID = "https://shop.example/paid"
PRICE = Money(150_000, "VND")


@attrs.define
class Told:
    """Everything that a simulator would tell the merchant."""

    said: list[str] = attrs.field(factory=list)

    def __getattr__(self, name):
        def told(thing, now):
            self.said.append(name)

        return told


@attrs.define
class Bank:
    client: Client
    clock: Clock
    challenges: Challenges
    desk: Desk
    till: Till
    told: Told
    payments: list[CardPayment]
    tokens: dict
    answers: list[str]
    page: HostedPayment
    hosted_result: HostedResult = attrs.field(factory=lambda: HostedResult(redirect=PAID))

    def hosted(self, page_id, now):
        return self.page if page_id == self.page.id else None

    def pay_hosted(self, page_id, card, now):
        self.answers.append(f"paid with {card.last4}")
        return self.hosted_result

    def leave_hosted(self, page_id, now):
        self.answers.append("left")
        return "https://shop.example/cart"

    def finish(self, outcome, now):
        self.answers.append(outcome)
        return Finished(redirect=f"https://shop.example/back?{outcome}", result={"what": "<&\"'"})

    def payment(self, **how) -> CardPayment:
        payment = CardPayment(
            id=f"pay{len(self.payments)}", reference="ORDER-1", amount=PRICE, created_at=NOW, **how
        )
        self.payments.append(payment)
        return payment

    def taken(self, number=COMMON_CARDS[0].number) -> CardPayment:
        card = read_card(TABLE, {**GOOD, "number": number}, NOW)
        payment = self.payment(card=card)
        self.till.hold(payment, PRICE, now=self.clock(), lasts=timedelta(days=7))
        self.till.capture(payment, PRICE, capture_id="cap", now=self.clock())
        self.till.catch_up([payment], self.clock())
        return payment


@pytest.fixture
def bank(portal):
    clock = Clock(NOW)
    config = SandboxConfig(clock=clock)
    pages, told, faults = Pages(config), Told(), Faults()
    till = Till(events=told, faults=faults, new_id=lambda: "dp")
    payments: list[CardPayment] = []
    desk = Desk(
        config=config,
        pages=pages,
        till=till,
        gateway="bank",
        title="Bank",
        payments=lambda: payments,
        without=frozenset({"win"}),
    )
    challenges = Challenges(config, pages, gateway="bank", title="Bank")
    tokens: dict = {}

    def tokenize(card, now):
        tokens["tok_1"] = card
        return "tok_1"

    field = CardField(
        config=config,
        pages=pages,
        gateway="bank",
        table=TABLE,
        tokenize=tokenize,
    )
    page = HostedPayment(
        id="page",
        merchant="Shop",
        description="A <lamp>",
        reference="ORDER-1",
        amount=PRICE,
        expires_at=NOW,
    )
    made = Bank(None, clock, challenges, desk, till, told, payments, tokens, [], page)
    hosted = HostedPages(
        config=config, pages=pages, gateway="bank", title="Bank", table=TABLE, payments=made
    )
    routes = [*field.routes(), *challenges.routes(), *hosted.routes(), *desk.routes()]
    app = Starlette(
        routes=[Mount("/bank", routes=routes), Mount("/static", StaticFiles(directory=STATIC))]
    )
    made.client = Client(app, portal)
    return made


class TestNumbers:
    def test_each_is_a_card_number_and_stands_once(self):
        numbers = [card.number for card in COMMON_CARDS]
        assert all(map(is_card_number, numbers))
        assert len(set(numbers)) == len(numbers)

    def test_every_kind_of_decline_but_one_of_the_gateways_own_has_a_number(self):
        assert {card.does.declines for card in COMMON_CARDS} - {None} == {*DECLINES} - {
            "do_not_honor"
        }

    def test_groups(self):
        assert COMMON_CARDS[0].grouped == "4999 9900 0000 0007"
        assert AMEX.grouped == "3782 822463 10005"

    def test_a_card_is_read_and_its_number_forgotten(self):
        card = read_card(TABLE, {**GOOD, "name": "  Lan   Anh "}, NOW)
        assert (card.brand, card.bin, card.last4) == ("visa", "499999", "0007")
        assert (card.exp_month, card.exp_year, card.holder) == (12, 2034, "Lan Anh")
        assert not any(is_card_number(str(value)) for value in attrs.astuple(card))

    def test_the_name_may_change_what_it_does(self):
        assert read_card(TABLE, {**GOOD, "name": "no"}, NOW).does.declines == "fraud"

    @pytest.mark.parametrize("expiry", ["03/26", "3/26", "03 / 2026", " 12/2034 ", "0326", "1234"])
    def test_good_expiries(self, expiry):
        assert read_card(TABLE, {**GOOD, "expiry": expiry}, NOW)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("number", ""),
            ("number", "4242"),
            ("number", "4242 4242 4242 4241"),
            ("number", "4111111111111111"),  # good, but none of the test cards
            ("number", "٤٩٩٩٩٩٠٠٠٠٠٠٠٠٠٣"),
            ("number", 4242424242424242),
            ("number", None),
            ("number", "0" * 100_000),
            ("expiry", "02/26"),
            ("expiry", "13/30"),
            ("expiry", "00/30"),
            ("expiry", "12"),
            ("expiry", "334"),
            ("expiry", "1²/30"),
            ("cvc", "12"),
            ("cvc", "1234"),
            ("cvc", "abc"),
        ],
    )
    def test_what_is_no_card(self, field, value):
        with pytest.raises(MistypedError) as caught:
            read_card(TABLE, {**GOOD, field: value}, NOW)
        assert caught.value.field == field

    def test_amex_has_four_digits(self):
        assert read_card(TABLE, {**GOOD, "number": AMEX.number, "cvc": "1234"}, NOW)
        with pytest.raises(MistypedError):
            read_card(TABLE, {**GOOD, "number": AMEX.number}, NOW)


class TestField:
    def test_only_pages_of_this_machine_get_a_frame(self, bank):
        shown = bank.client.get(f"/bank/card-field?origin={SHOP}")
        assert shown.status_code == 200
        assert f"frame-ancestors {SHOP};" in shown.headers["content-security-policy"]
        for origin in ("", "https://evil.example", f"{SHOP}/", "http://127.0.0.1;x", "null"):
            assert bank.client.get(f"/bank/card-field?origin={origin}").status_code == 404

    @pytest.mark.parametrize(
        ("origin", "good"),
        [
            ("http://localhost:8000", True),
            ("http://[::1]:8000", True),
            ("https://127.0.0.1", True),
            ("https://pay.example", True),
            ("http://pay.example", False),
            ("http://user@127.0.0.1", False),
            ("http://127.0.0.1:99999", False),
            ("http://127.0.0.1 *", False),
            ("http://[::1", False),
            ("javascript://127.0.0.1", False),
            ("http://127.0.0.1.evil.example", False),
        ],
    )
    def test_origins(self, origin, good):
        assert may_embed(origin, "https://pay.example/sandbox") is good

    def test_a_card_becomes_a_token(self, bank):
        answer = bank.client.post("/bank/card-field", json=GOOD)
        assert answer.json() == {"token": "tok_1", "card": {"brand": "visa", "last4": "0007"}}
        assert bank.tokens["tok_1"].last4 == "0007"

    def test_what_is_wrong_is_told_with_its_field(self, bank):
        answer = bank.client.post("/bank/card-field", json={**GOOD, "cvc": "1"})
        assert answer.status_code == 422
        assert answer.json()["error"]["field"] == "cvc"

    @pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{" * 9999, b'{"a":1,"a":2}'])
    def test_nonsense(self, bank, body):
        assert bank.client.post("/bank/card-field", content=body).status_code in {400, 422}


class TestChallenge:
    def ask(self, bank, number=COMMON_CARDS[12].number):
        card = read_card(TABLE, {**GOOD, "number": number}, NOW)
        url = bank.challenges.open(
            key="secret", merchant="Shop <x>", amount=PRICE, card=card, finish=bank.finish
        )
        return url.removeprefix("http://127.0.0.1:8100")

    @pytest.mark.parametrize("outcome", ["approve", "refuse", "abandon"])
    def test_the_browser_goes_back(self, bank, outcome):
        page = self.ask(bank)
        assert "Shop &lt;x&gt;" in bank.client.get(page).text
        answer = bank.client.post(page, data={"outcome": outcome})
        assert answer.headers["location"] == f"https://shop.example/back?{outcome}"
        assert bank.answers == [outcome]

    def test_a_second_click_changes_nothing(self, bank):
        page = self.ask(bank)
        bank.client.post(page, data={"outcome": "abandon"})
        bank.client.post(page, data={"outcome": "approve"})
        again = bank.client.post(page, data={"outcome": "refuse"})
        assert again.headers["location"].endswith("?approve")
        assert bank.client.get(page).headers["location"].endswith("?approve")
        assert bank.answers == ["abandon", "approve"]

    def test_a_card_that_fails_does_so_whatever_is_chosen(self, bank):
        page = self.ask(bank, COMMON_CARDS[13].number)
        assert "does not pass" in bank.client.get(page).text
        bank.client.post(page, data={"outcome": "approve"})
        assert bank.answers == ["refuse"]

    def test_in_a_frame_the_page_of_the_shop_is_told(self, bank):
        self.ask(bank)
        found = bank.client.get(f"/bank/3ds?key=secret&origin={SHOP}")
        page = bank.client.get(found.headers["location"])
        assert f"frame-ancestors {SHOP}" in page.headers["content-security-policy"]
        path = found.headers["location"].partition("?")[0]
        done = bank.client.post(path, data={"outcome": "approve", "origin": SHOP})
        assert done.status_code == 200
        assert f'data-origin="{SHOP}" data-outcome="approve"' in done.text
        assert "card-done.js" in done.text
        [result] = re.findall(r'data-result="([^"]*)"', done.text)
        assert result == "{&#34;what&#34;: &#34;\\u003c\\u0026\\&#34;\\u0027&#34;}"

    @pytest.mark.parametrize(
        "query", ["", "key=secret", "key=&origin=http://127.0.0.1", f"key=x&origin={SHOP}"]
    )
    def test_what_is_not_found(self, bank, query):
        self.ask(bank)
        assert bank.client.get(f"/bank/3ds?{query}").status_code == 404

    def test_strangers(self, bank):
        page = self.ask(bank)
        evil = "https://evil.example"
        assert bank.client.get(f"{page}?origin={evil}").status_code == 404
        for form in ({}, {"outcome": "win"}, {"outcome": "approve", "origin": evil}):
            assert bank.client.post(page, data=form).status_code == 404
        assert bank.client.post("/bank/3ds/x", data={"outcome": "approve"}).status_code == 404
        assert bank.client.post(page, content=b"outcome=%ff").status_code == 404
        assert bank.answers == []


class TestHostedPage:
    def test_paying(self, bank):
        page = bank.client.get("/bank/pay/page")
        assert "A &lt;lamp&gt;" in page.text
        answer = bank.client.post("/bank/pay/page", data={**GOOD, "outcome": "pay"})
        assert answer.headers["location"] == "https://shop.example/paid"
        assert bank.answers == ["paid with 0007"]

    def test_leaving(self, bank):
        answer = bank.client.post("/bank/pay/page", data={"outcome": "leave"})
        assert answer.headers["location"] == "https://shop.example/cart"
        assert bank.answers == ["left"]

    def test_a_typing_mistake_is_shown_without_the_number(self, bank):
        answer = bank.client.post("/bank/pay/page", data={**GOOD, "expiry": "01/20"})
        assert answer.status_code == 422
        assert "in the past" in answer.text
        [marked] = re.findall(r'<input[^>]* aria-invalid="true"[^>]*>', answer.text)
        assert 'name="expiry"' in marked
        assert f'value="{GOOD["number"]}' not in answer.text
        assert bank.answers == []

    def test_a_decline_is_shown(self, bank):
        bank.hosted_result = HostedResult(problem="Your card was declined.")
        answer = bank.client.post("/bank/pay/page", data=GOOD)
        assert answer.status_code == 402
        assert "Your card was declined." in answer.text

    def test_what_is_finished_cannot_be_paid(self, bank):
        bank.page = attrs.evolve(bank.page, state="Paid.", back="https://shop.example/paid")
        assert "Paid." in bank.client.get("/bank/pay/page").text
        answer = bank.client.post("/bank/pay/page", data=GOOD)
        assert answer.headers["location"] == "https://shop.example/paid"
        assert bank.answers == []

    def test_no_such_page(self, bank):
        assert bank.client.get("/bank/pay/x").status_code == 404
        assert bank.client.post("/bank/pay/x", data=GOOD).status_code == 404
        assert bank.client.post("/bank/pay/page", content=b"a=%ff").status_code == 422


class TestTill:
    def test_a_capture_now(self, bank):
        payment = bank.taken()
        assert (payment.captured, payment.capturable.minor) == (PRICE, 0)
        assert bank.told.said == ["captured"]

    def test_a_capture_that_takes_its_time(self, bank):
        bank.till.faults.change({"delay_capture": 60})
        payment = bank.taken()
        assert (payment.captured.minor, payment.capturable.minor) == (0, 0)
        bank.clock.forward(seconds=60)
        bank.till.catch_up(bank.payments, bank.clock())
        assert payment.captured == PRICE
        assert bank.told.said == ["captured"]

    def test_a_refused_capture_leaves_the_hold(self, bank):
        bank.till.faults.change({"fail_next_capture": 1})
        payment = bank.taken()
        assert (payment.captured.minor, payment.capturable) == (0, PRICE)
        assert bank.told.said == ["capture_failed"]

    def test_parts_and_the_rest_of_the_hold(self, bank):
        payment, part = bank.payment(), Money(50_000, "VND")
        bank.till.hold(payment, PRICE, now=NOW, lasts=timedelta(days=7))
        bank.till.capture(payment, part, capture_id="1", now=NOW, final=False)
        bank.till.catch_up([payment], NOW)
        assert (payment.capturable.minor, payment.released) == (100_000, "")
        bank.till.capture(payment, part, capture_id="2", now=NOW)
        bank.till.catch_up([payment], NOW)
        assert (payment.captured.minor, payment.capturable.minor) == (100_000, 0)
        assert payment.released == "captured"

    def test_a_hold_ends(self, bank):
        payment = bank.payment()
        bank.till.hold(payment, PRICE, now=NOW, lasts=timedelta(days=7))
        bank.till.catch_up([payment], NOW + timedelta(days=6))
        assert bank.told.said == []
        for _ in range(2):
            bank.till.catch_up([payment], NOW + timedelta(days=7))
        assert bank.told.said == ["expired"]
        assert payment.capturable.minor == 0

    def test_a_void(self, bank):
        payment = bank.payment()
        bank.till.hold(payment, PRICE, now=NOW, lasts=timedelta(days=7))
        bank.till.void(payment, NOW)
        bank.till.catch_up([payment], NOW + timedelta(days=8))
        assert bank.told.said == ["voided"]

    def test_refunds(self, bank):
        payment, part = bank.taken(), Money(50_000, "VND")
        bank.till.refund(payment, part, refund_id="r1", now=NOW)
        assert (payment.refundable.minor, payment.refunded.minor) == (100_000, 0)
        bank.till.catch_up([payment], NOW)
        assert payment.refunded == part
        bank.till.faults.change({"fail_next_refund": 1})
        bank.till.refund(payment, part, refund_id="r2", now=NOW)
        bank.till.catch_up([payment], NOW)
        assert (payment.refundable.minor, payment.refunded.minor) == (100_000, 50_000)
        assert bank.told.said == ["captured", "refunded", "refund_failed"]

    @pytest.mark.parametrize(
        ("last", "said"),
        [
            (-3, ["captured", "disputed"]),
            (-2, ["captured", "capture_failed"]),
            (-1, ["captured", "refunded", "refund_failed"]),
        ],
    )
    def test_what_a_card_brings_later(self, bank, last, said):
        payment = bank.taken(COMMON_CARDS[last].number)
        if last == -1:
            bank.till.refund(payment, PRICE, refund_id="r", now=NOW)
            bank.till.catch_up([payment], NOW)
        assert bank.told.said == said


class TestDesk:
    def act(self, bank, thing, action, accept="*/*"):
        path = f"/bank/_sandbox/{thing}/{action}"
        return bank.client.post(path, headers={"Accept": accept})

    def test_the_page_has_a_button_for_what_is_possible(self, bank):
        payment = bank.taken()
        page = bank.client.get(f"/bank/_sandbox/payments/{payment.id}")
        assert ACTIONS["dispute"] in page.text
        assert ACTIONS["undo"] in page.text
        assert ACTIONS["expire"] not in page.text
        assert bank.client.get("/bank/_sandbox/payments/cap").status_code == 404

    def test_a_dispute_that_is_lost(self, bank):
        payment = bank.taken()
        assert self.act(bank, payment.id, "dispute").json()["disputes"][0]["state"] == "open"
        assert self.act(bank, payment.id, "dispute").status_code == 409
        assert self.act(bank, "dp", "win").status_code == 409  # this gateway has none
        assert self.act(bank, "dp", "lose").json()["disputes"][0]["state"] == "lost"
        assert payment.refundable.minor == 0
        assert bank.told.said == ["captured", "disputed", "dispute_closed"]

    def test_browsers_go_back_to_the_page(self, bank):
        payment = bank.taken()
        answer = self.act(bank, "cap", "undo", accept="text/html")
        assert answer.status_code == 303
        assert answer.headers["location"].endswith(f"/bank/_sandbox/payments/{payment.id}")
        assert (payment.captured.minor, bank.told.said[-1]) == (0, "capture_failed")

    @pytest.mark.parametrize(("action", "state"), [("settle", "done"), ("refuse", "refused")])
    def test_pending_captures(self, bank, action, state):
        bank.till.faults.change({"delay_capture": 60})
        payment = bank.taken()
        assert self.act(bank, "cap", action).json()["captures"][0]["state"] == state
        bank.clock.forward(minutes=5)
        bank.till.catch_up([payment], bank.clock())
        assert len(bank.told.said) == 1

    def test_expiring(self, bank):
        payment = bank.payment()
        bank.till.hold(payment, PRICE, now=NOW, lasts=timedelta(days=7))
        assert self.act(bank, payment.id, "expire").json()["released"] == "expired"
        assert bank.told.said == ["expired"]

    def test_strangers(self, bank):
        payment = bank.taken()
        assert self.act(bank, "nobody", "undo").status_code == 404
        for action in ("win", "expire", "settle", "%00", "constructor"):
            assert self.act(bank, payment.id, action).status_code == 409


class TestKeys:
    def test_replay_conflict_and_end(self):
        keys: Keys[str] = Keys(lifetime=timedelta(hours=24), keep=2)
        assert keys.find("k", b"a", NOW) is None
        keys.store("k", b"a", "answer", NOW)
        assert keys.find("k", b"a", NOW + timedelta(hours=23)) == "answer"
        with pytest.raises(KeyConflictError):
            keys.find("k", b"b", NOW)
        assert keys.find("k", b"b", NOW + timedelta(hours=24)) is None

    def test_the_oldest_are_forgotten(self):
        keys: Keys[str] = Keys(lifetime=timedelta(hours=24), keep=2)
        for key in "abc":
            keys.store(key, b"", key, NOW)
        assert [keys.find(key, b"", NOW) for key in "abc"] == [None, "b", "c"]
