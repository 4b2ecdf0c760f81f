"""ZaloPay's adapter against its simulator: two implementations of the same facts pin each other."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import attrs
import pytest

from paykit.errors import Declined, DuplicateReference, NotFound, ProviderError, ProviderUnavailable
from paykit.events import TokenGranted
from paykit.http import Delivery
from paykit.models import (
    Customer,
    PaymentRequest,
    PaymentStatus,
    Redirect,
    RefundRef,
    RefundRequest,
    RefundStatus,
    TokenRequest,
)
from paykit.money import Money
from paykit.provider import Outcome
from paykit.providers import zalopay

from .test_adapters import AMOUNT, HALF, Shop


class ZaloPayShop(Shop):
    def click(self, session, outcome="pay", *, method=""):
        """Press a button of the page; returns what the browser's verified return says."""
        page = self.world.client.get(session.next.url.removeprefix(self.world.config.public_url))
        action = page.text.partition('action="')[2].partition('"')[0]
        name = "binding_token" if "binding" in action else "token"
        token = page.text.partition(f'name="{name}" value="')[2].partition('"')[0]
        form = {name: token, "outcome": outcome, "method": method}
        response = self.world.client.post(action, data=form)
        self.world.settle()
        return response.headers["location"]

    def back(self, location):
        [event] = self.read(self.provider.verify_return(Delivery.get(urlsplit(location).query)))
        return event

    def fetch(self, session):
        return self.do(self.provider.fetch_payment(session.ref))

    def paid(self, reference="ORDER-1", **changes):
        """A payment that was paid, as its ref knows it then."""
        session = self.ask(reference, **changes)
        self.click(session)
        return attrs.evolve(session.ref, provider_id=self.fetch(session).provider_id)

    def linked(self, reference="LINK-1", **changes):
        self.click(
            self.ask(reference, amount=Money(0, "VND"), save_token=True, **changes), "confirm"
        )
        granted = self.notice()[-1]
        assert isinstance(granted, TokenGranted)
        return self.do(
            self.provider.create_token(
                TokenRequest(
                    reference=reference, customer_id=granted.customer_id, grant=granted.grant
                )
            )
        )


def shop_of(world, number=0):
    merchant = world.config.zalopay.merchants[number]
    config = zalopay.ZaloPayConfig.from_dict(
        {
            "app_id": merchant.app_id,
            "key1": merchant.key1,
            "key2": merchant.key2,
            "base_url": f"{world.config.public_url}/zalopay",
            "notify_url": "https://shop.example/webhooks/zalopay",
        }
    )
    return ZaloPayShop(world, zalopay.ZaloPay(config, clock=world.clock))


@pytest.fixture
def shop(world):
    return shop_of(world)


@pytest.mark.parametrize("number", [0, 1])
def test_a_payment_from_asking_to_paid(world, number):
    shop = shop_of(world, number)
    session = shop.ask()
    assert session.status == PaymentStatus.REQUIRES_ACTION
    assert isinstance(session.next, Redirect)
    assert session.expires_at == world.clock.now + timedelta(minutes=15)
    assert shop.fetch(session).status == PaymentStatus.PENDING
    returned = shop.back(shop.click(session))
    [event] = shop.notice()
    payment = shop.fetch(session)
    assert (returned.status, returned.reference, returned.amount) == (
        PaymentStatus.SUCCEEDED,
        "ORDER-1",
        AMOUNT,
    )
    assert (event.status, event.reference, event.amount) == (
        PaymentStatus.SUCCEEDED,
        "ORDER-1",
        AMOUNT,
    )
    assert (payment.status, payment.amount, payment.captured) == (
        PaymentStatus.SUCCEEDED,
        AMOUNT,
        AMOUNT,
    )
    assert event.provider_id == payment.provider_id == "250102000000002"
    assert event.occurred_at == payment.occurred_at == world.clock.now
    assert [one["state"] for one in world.deliveries()] == ["delivered"]


@pytest.mark.parametrize(
    ("outcome", "returned", "at_once", "later"),
    [
        ("back", "canceled", "pending", "expired"),
        ("balance", "pending", "pending", "expired"),
        ("fail", "failed", "failed", "failed"),
        ("expire", "expired", "expired", "expired"),
    ],
)
def test_a_payment_that_comes_to_nothing_is_found_out_by_asking(shop, outcome, returned, at_once, later):  # fmt: skip
    session = shop.ask()
    assert shop.back(shop.click(session, outcome)).status == returned
    assert shop.fetch(session).status == at_once
    shop.world.clock.forward(minutes=15)
    assert shop.fetch(session).status == later
    assert shop.world.deliveries() == []


def test_a_lost_callback_is_found_out_by_asking(shop):
    session = shop.ask()
    shop.click(session, "pay_lost")
    assert shop.world.merchant.received == []
    assert shop.fetch(session).status == PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("outcome", ["back", "balance"])
def test_who_left_may_pay_after_all(shop, outcome):
    session = shop.ask()
    shop.click(session, outcome)
    shop.click(session)
    assert shop.notice()[0].status == shop.fetch(session).status == PaymentStatus.SUCCEEDED


def test_a_payment_is_canceled(shop):
    session = shop.ask()
    assert shop.do(shop.provider.cancel_payment(session.ref)).status == PaymentStatus.CANCELED
    assert shop.fetch(session).status == PaymentStatus.CANCELED
    paid = shop.paid("ORDER-2")
    with pytest.raises(ProviderError):
        shop.do(shop.provider.cancel_payment(paid))
    assert shop.do(shop.provider.fetch_payment(paid)).status == PaymentStatus.SUCCEEDED


def test_an_order_that_exists_is_not_made_twice(shop):
    session = shop.ask()
    with pytest.raises(DuplicateReference):
        shop.ask()
    shop.click(session)
    again = shop.ask()
    assert (again.status, again.provider_id) == (PaymentStatus.SUCCEEDED, "250102000000002")
    assert len(shop.world.payments()) == 1


def test_what_nobody_knows_is_not_found(shop):
    session = shop.ask()
    unknown = attrs.evolve(session.ref, reference="ORDER-9")
    with pytest.raises(NotFound):
        shop.do(shop.provider.fetch_payment(unknown))


@pytest.mark.parametrize("flat", [False, True])
def test_wrong_keys_are_refused_in_either_shape(make_world, flat):
    from paykit.errors import AuthenticationFailed

    shop = shop_of(make_world(zalopay={"flat_errors": flat}))
    config = shop.provider.config.model_copy(update={"app_id": 2554})
    wrong = attrs.evolve(shop, provider=zalopay.ZaloPay(config, clock=shop.world.clock))
    with pytest.raises(AuthenticationFailed):
        wrong.ask()


@pytest.mark.parametrize(
    ("method", "channel"),
    [
        ("vietqr", 37),
        ("domestic_card,account", 39),
        ("international_card", 36),
        ("zalopayapp", 38),
        ("CCDB", 41),
    ],
)
def test_the_page_offers_the_method_that_was_asked_for(shop, method, channel):
    location = shop.click(shop.ask(method=method))
    assert f"pmcid={channel}&" in location
    assert shop.back(location).status == PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("amount", [HALF, None])
@pytest.mark.parametrize("fee", [None, Money(500, "VND")])
def test_a_refund_is_accepted_and_done(shop, amount, fee):
    request = RefundRequest(payment=shop.paid(), reference="REFUND-1", amount=amount or AMOUNT)
    refund = shop.do(shop.provider.refund(request, fee=fee))
    assert refund.status == RefundStatus.PENDING
    later = RefundRef(reference="REFUND-1", payment=request.payment, amount=refund.amount)
    for ref in (later, attrs.evolve(later, provider_id=refund.provider_id)):
        found = shop.do(shop.provider.fetch_refund(ref))
        assert (found.status, found.amount) == (RefundStatus.SUCCEEDED, amount or AMOUNT)
    assert shop.world.payments()[0]["refunded"] == refund.amount.minor


def test_a_refund_that_takes_its_time_and_fails(make_world):
    shop = shop_of(make_world(zalopay={"refund_processing": timedelta(days=1)}))
    request = RefundRequest(payment=shop.paid(), reference="REFUND-1", amount=AMOUNT)
    shop.world.faults(fail_next_refund=1)
    refund = shop.do(shop.provider.refund(request))
    ref = RefundRef(reference="REFUND-1", payment=request.payment, amount=AMOUNT)
    assert shop.do(shop.provider.fetch_refund(ref)).status == refund.status == RefundStatus.PENDING
    shop.world.clock.forward(days=1)
    # Asked for on another day, and found on the day on which it was made.
    assert shop.do(shop.provider.fetch_refund(ref)).status == RefundStatus.FAILED


def test_refunds_that_are_refused(shop):
    payment = shop.paid()

    def refund(reference, amount, **changes):
        asked = RefundRequest(
            payment=attrs.evolve(payment, **changes), reference=reference, amount=amount
        )
        return shop.do(shop.provider.refund(asked))

    refund("REFUND-1", HALF)
    with pytest.raises(Declined) as declined:
        refund("REFUND-2", AMOUNT)
    assert (declined.value.code, declined.value.reason) == ("-14", "amount_too_large")
    with pytest.raises(DuplicateReference):
        refund("REFUND-1", HALF)
    with pytest.raises(NotFound):
        refund("REFUND-3", HALF, provider_id="250102000000099")
    unknown = RefundRef(reference="REFUND-9", payment=payment, amount=HALF)
    with pytest.raises(NotFound):
        shop.do(shop.provider.fetch_refund(unknown))


def test_a_wallet_is_linked_charged_and_unlinked(shop):
    token = shop.linked()
    assert (token.customer_id, token.label) == ("user@example.com", "****6789")
    session = shop.ask("CHARGE-1", token=token)
    shop.world.settle()
    assert (session.status, session.provider_id) == (PaymentStatus.SUCCEEDED, "250102000000002")
    [event] = shop.notice()
    assert (event.status, event.reference, event.provider_id) == (
        PaymentStatus.SUCCEEDED,
        "CHARGE-1",
        "250102000000002",
    )
    assert shop.do(shop.provider.token_owner(token)) == "****6789"
    balance = shop.do(shop.provider.token_balance(token, AMOUNT))
    assert (balance.payable, balance.discount) == (True, Money(0, "VND"))
    shop.do(shop.provider.delete_token(token))
    with pytest.raises(ProviderError):
        shop.do(shop.provider.token_owner(token))


def test_a_charge_of_an_ended_link_is_not_a_payment(shop):
    token = shop.linked()
    shop.do(shop.provider.delete_token(token))
    with pytest.raises(NotFound):
        shop.ask("CHARGE-1", token=token)
    assert shop.world.payments()[0]["status"].startswith("3 ")


def test_a_charge_may_take_its_time(make_world):
    shop = shop_of(make_world(zalopay={"charge_processing": timedelta(milliseconds=20)}))
    token = shop.linked()
    session = shop.ask("CHARGE-1", token=token)
    assert session.status == shop.fetch(session).status == PaymentStatus.PENDING
    shop.world.settle()
    shop.world.clock.forward(milliseconds=20)
    assert shop.notice()[0].status == shop.fetch(session).status == PaymentStatus.SUCCEEDED


def test_a_charge_of_an_empty_wallet_is_declined(make_world):
    shop = shop_of(make_world(zalopay={"wallet_balance": 1000}))
    token = shop.linked()
    assert not shop.do(shop.provider.token_balance(token, AMOUNT)).payable
    with pytest.raises(Declined) as declined:
        shop.ask("CHARGE-1", token=token)
    assert (declined.value.code, declined.value.reason) == ("-63", "insufficient_funds")


def test_a_link_is_asked_for_again_when_its_callback_was_lost(shop):
    session = shop.ask("LINK-1", amount=Money(0, "VND"), save_token=True)
    request = TokenRequest(reference="LINK-1", customer_id="user@example.com")
    with pytest.raises(ProviderUnavailable):
        shop.do(shop.provider.create_token(request))
    shop.click(session, "confirm_lost")
    assert shop.do(shop.provider.create_token(request)).reference == "LINK-1"


def test_a_link_that_is_refused_or_ended_is_told(shop):
    session = shop.ask("LINK-1", amount=Money(0, "VND"), save_token=True)
    shop.click(session, "refuse")
    [event] = shop.notice()
    assert (event.status, event.reference) == (PaymentStatus.CANCELED, "LINK-1")
    with pytest.raises(Declined):
        shop.do(
            shop.provider.create_token(
                TokenRequest(reference="LINK-1", customer_id="user@example.com")
            )
        )
    session = shop.ask("LINK-2", amount=Money(0, "VND"), save_token=True)
    shop.click(session, "confirm")
    shop.click(session, "end")
    [event] = shop.notice()
    assert (event.status, event.reason) == (PaymentStatus.CANCELED, "token_disabled")


def test_banks_and_their_apps(shop):
    banks = shop.do(shop.provider.banks())
    assert [one.code for one in banks if one.channel == 39] == ["SBIS", "BIDV", "MSB", "VIB", "VTB"]
    assert banks[0].smallest == Money(10_000, "VND")
    session = shop.ask(method="vietqr")
    links = shop.do(
        shop.provider.bank_links(
            "ios", order_token=session.raw["order_token"], bank_codes=["BIDV", "VIB"]
        )
    )
    assert [(one.code, one.fills_in) for one in links] == [("BIDV", True), ("VIB", False)]
    with pytest.raises(ProviderError) as refused:
        shop.do(shop.provider.bank_links("ios", order_token="nothing"))
    assert refused.value.code == "-6106"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_simulator_understands_every_reply(shop, outcome):
    from paykit.http import HttpResponse
    from paykit.sandbox.zalopay.notices import judge

    reply = shop.provider.reply(outcome)
    verdict = judge(HttpResponse(reply.status, (), reply.body))
    settled = outcome in {
        Outcome.ACCEPTED,
        Outcome.DUPLICATE,
        Outcome.UNKNOWN_REFERENCE,
        Outcome.MISMATCH,
    }
    assert (verdict.settled, verdict.again) == (settled, outcome is Outcome.TRY_AGAIN)


def test_an_order_made_around_midnight_is_found(shop):
    shop.world.clock.forward(hours=13, minutes=55, seconds=50)  # 23:59:55 in Vietnam
    session = shop.ask()
    shop.world.clock.forward(seconds=10)
    shop.click(session)
    assert shop.fetch(session).status == PaymentStatus.SUCCEEDED
    assert shop.notice()[0].reference == "ORDER-1"


def test_hostile_texts_of_a_shop_arrive_whole(shop):
    request = PaymentRequest(
        reference="A-Z_0~9.:@#",
        amount=AMOUNT,
        description="Trà sen & 'bánh' <b> 100% \N{SMILING FACE WITH OPEN MOUTH}",
        return_url="https://shop.example/return?cart=7&x=%7C#end",
        customer=Customer(id="khách/1"),
        extra={"embed_data": {"own": "a|b", "columninfo": {"store": "Sài Gòn"}}},
    )
    session = shop.do(shop.provider.create_payment(request))
    location = shop.click(session)
    assert location.startswith("https://shop.example/return?cart=7&x=%7C&amount=")
    assert shop.back(location).reference == shop.notice()[0].reference == "A-Z_0~9.:@#"
