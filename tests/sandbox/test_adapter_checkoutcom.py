"""Checkout.com's adapter against its simulator: two implementations pin each other."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import attrs
import pytest

from paykit.declines import DeclineReason
from paykit.errors import (
    AuthenticationFailed,
    Declined,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    ProviderError,
    SignatureError,
)
from paykit.events import MovementKind, TokenGranted
from paykit.http import Delivery
from paykit.models import (
    CaptureMode,
    Customer,
    Nothing,
    PaymentRef,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    Redirect,
    RefundRef,
    RefundRequest,
    RefundStatus,
    TokenRequest,
)
from paykit.money import Money
from paykit.providers.checkoutcom import CheckoutCom, CheckoutComConfig

from .checkoutcom_client import GOOD, common
from .test_adapters import Shop

S = PaymentStatus
PRICE = Money(10_000, "USD")
PART = Money(3000, "USD")
PAYER = Customer(id="customer-7", email="an@example.com", name="An", ip="203.0.113.7")


@attrs.define
class CardShop(Shop):
    """A shop whose page has the card field."""

    seen: int = 0

    def token(self, number=GOOD) -> PaymentToken:
        typed = {"number": number, "expiry": "12/30", "cvc": "123"}
        answer = self.world.client.post("/checkoutcom/card-field", json=typed)
        return PaymentToken(provider="checkoutcom", value=answer.json()["token"])

    def create(self, number=GOOD, *, token=None, reference="ORDER-1", **changes):
        wanted = {
            "amount": PRICE,
            "capture": CaptureMode.MANUAL,
            "return_url": "https://shop.example/return?cart=7",
            "customer": PAYER,
            "metadata": {"payment_id": "pay_1"},
            "token": token or self.token(number),
            **changes,
        }
        request = PaymentRequest(reference=reference, **wanted)
        return self.settled(self.provider.create_payment(request))

    def fetch(self, session):
        return self.do(self.provider.fetch_payment(session.ref))

    def capture(self, session, amount=None, *, key="capture-1", final=True):
        flow = self.provider.capture(session.ref, amount, idempotency_key=key, final=final)
        return self.settled(flow)

    def void(self, session):
        return self.settled(self.provider.void(session.ref, idempotency_key="void-1"))

    def refund(self, session, amount=None, reference="BACK-1"):
        request = RefundRequest(payment=session.ref, reference=reference, amount=amount)
        return self.settled(self.provider.refund(request))

    def settled(self, flow):
        try:
            return self.do(flow)
        finally:
            self.world.settle()

    def answer(self, session, outcome="approve"):
        """The payer answers on the bank's page; returns what the browser's return says."""
        page = session.next.url.removeprefix(self.world.config.public_url)
        return self.back(self.click(page, outcome=outcome))

    def click(self, page, **form):
        response = self.world.client.post(page, data=form)
        assert response.status_code == 303, response.text
        self.world.settle()
        return response.headers["location"]

    def back(self, location):
        query = urlsplit(location).query
        [event] = self.read(self.provider.verify_return(Delivery.get(query)))
        return event

    def events(self):
        """What the notices say that came since the last time."""
        received = self.world.merchant.received[self.seen :]
        self.seen += len(received)
        return [event for request in received for event in self.told(request)]

    def told(self, request):
        delivery = Delivery("POST", "/", b"", request.headers, request.body)
        return self.read(self.provider.verify(delivery))

    def statuses(self):
        return [event.status for event in self.events()]


def shop_of(world, **changes):
    account = world.config.checkoutcom
    config = CheckoutComConfig.from_dict(
        {
            "secret_key": account.secret_key,
            "signature_key": account.signature_key,
            "webhook_authorization": account.webhook_authorization,
            "processing_channel_id": account.processing_channel_id,
            "billing_country": "VN",
            "base_url": f"{world.config.public_url}/checkoutcom",
            **changes,
        }
    )
    return CardShop(world, CheckoutCom(config, clock=world.clock))


@pytest.fixture
def shop(world):
    return shop_of(world)


def test_money_is_held_taken_and_given_back(shop):
    session = shop.create()
    assert (session.status, session.next) == (S.AUTHORIZED, Nothing())
    assert session.expires_at == shop.world.clock.now.replace(microsecond=0) + timedelta(days=7)
    [held] = shop.events()
    assert (held.status, held.reference, held.amount, held.provider_id) == (
        S.AUTHORIZED,
        "ORDER-1",
        PRICE,
        session.provider_id,
    )
    taken = shop.capture(session)
    assert taken.status is S.PENDING
    [captured] = shop.events()
    assert (captured.status, captured.amount, captured.reference) == (S.SUCCEEDED, PRICE, "ORDER-1")
    assert captured.movement.kind is MovementKind.CAPTURE
    assert (captured.movement.id, captured.movement.undone) == (taken.transaction_id, False)
    found = shop.fetch(session)
    assert (found.status, found.captured, found.reference) == (S.SUCCEEDED, PRICE, "ORDER-1")

    back = shop.refund(session, PART)
    assert (back.status, back.amount) == (RefundStatus.PENDING, PART)
    [refunded] = shop.events()
    assert (refunded.status, refunded.amount, refunded.reference) == (
        S.PARTIALLY_REFUNDED,
        PART,
        "ORDER-1",
    )
    assert (refunded.movement.kind, refunded.movement.id) == (
        MovementKind.REFUND,
        back.provider_id,
    )
    ref = RefundRef(reference="BACK-1", payment=session.ref, provider_id=back.provider_id)
    assert shop.do(shop.provider.fetch_refund(ref)).status is RefundStatus.SUCCEEDED
    by_name = attrs.evolve(ref, provider_id=None)
    assert shop.do(shop.provider.fetch_refund(by_name)).provider_id == back.provider_id
    shop.refund(session, reference="BACK-2")
    found = shop.fetch(session)
    assert (found.status, found.refunded) == (S.REFUNDED, PRICE)
    with pytest.raises(Declined):
        shop.refund(session, reference="BACK-3")


def test_money_is_taken_at_once(shop):
    session = shop.create(capture=CaptureMode.AUTOMATIC)
    # The capture is only told of later.
    assert session.status is not S.SUCCEEDED
    assert shop.statuses() == [S.AUTHORIZED, S.SUCCEEDED]
    assert shop.fetch(session).status is S.SUCCEEDED


@pytest.mark.parametrize(
    ("outcome", "status", "told"),
    [
        ("approve", S.AUTHORIZED, [S.PENDING, S.AUTHORIZED]),
        ("refuse", S.FAILED, [S.PENDING, S.FAILED, S.FAILED]),
        ("abandon", S.CANCELED, [S.PENDING, S.CANCELED]),
    ],
)
def test_the_bank_asks_the_payer(shop, outcome, status, told):
    session = shop.create(common("12"))
    assert session.status is S.REQUIRES_ACTION
    assert isinstance(session.next, Redirect)
    assert shop.fetch(session).next == session.next
    returned = shop.answer(session, outcome)
    assert (returned.status, returned.reference) == (status, "ORDER-1")
    assert returned.provider_id == session.provider_id
    assert shop.fetch(session).status is status
    assert shop.statuses() == told


def test_the_bank_refuses_after_it_has_asked(shop):
    session = shop.create(common("15"))
    returned = shop.answer(session)
    assert (returned.status, returned.reason) == (S.FAILED, DeclineReason.INSUFFICIENT_FUNDS)
    assert shop.events()[-1].reason == DeclineReason.INSUFFICIENT_FUNDS


def test_a_return_that_is_made_up_proves_nothing(shop):
    session = shop.create(common("12"))
    payment = session.provider_id
    event = shop.back(f"https://shop.example/return?cko-payment-id={payment}&approved=true")
    assert event.status is S.REQUIRES_ACTION


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("01", DeclineReason.CARD_DECLINED),
        ("02", DeclineReason.INSUFFICIENT_FUNDS),
        ("03", DeclineReason.LIMIT_EXCEEDED),
        ("04", DeclineReason.EXPIRED_CARD),
        ("05", DeclineReason.INCORRECT_CVC),
        ("06", DeclineReason.LOST_OR_STOLEN),
        ("07", DeclineReason.LOST_OR_STOLEN),
        ("08", DeclineReason.FRAUD_SUSPECTED),
        ("09", DeclineReason.CARD_NOT_SUPPORTED),
        ("10", DeclineReason.PROCESSING_ERROR),
        ("11", DeclineReason.ISSUER_UNAVAILABLE),
    ],
)
def test_a_card_is_refused(shop, card, reason):
    with pytest.raises(Declined) as refused:
        shop.create(common(card))
    assert refused.value.reason == reason
    [event] = shop.events()
    assert (event.status, event.reason, event.reference) == (S.FAILED, reason, "ORDER-1")
    found = shop.do(shop.provider.fetch_payment(PaymentRef(reference="ORDER-1")))
    assert (found.status, found.reason) == (S.FAILED, reason)


def test_a_card_that_wants_its_payer_who_is_away(shop):
    with pytest.raises(Declined) as refused:
        shop.create(common("12"), return_url=None)
    assert refused.value.reason == DeclineReason.AUTHENTICATION_REQUIRED


def test_a_token_is_for_once(shop):
    token = shop.token()
    shop.create(token=token)
    with pytest.raises(Declined) as refused:
        shop.create(token=token, reference="ORDER-2")
    assert refused.value.reason == DeclineReason.TOKEN_INVALID
    assert len(shop.world.payments()) == 1


def test_the_same_request_pays_once(shop):
    token = shop.token()
    assert shop.create(token=token).ref == shop.create(token=token).ref
    assert len(shop.world.payments()) == 1


def test_parts_are_taken_and_the_rest_is_let_go(shop):
    session = shop.create()
    first = shop.capture(session, PART, final=False)
    assert (shop.fetch(session).status, shop.fetch(session).captured) == (S.AUTHORIZED, PART)
    second = shop.capture(session, PART, final=False, key="capture-2")
    assert first.transaction_id != second.transaction_id
    # The same key again takes nothing more.
    assert shop.capture(session, PART, final=False).transaction_id == first.transaction_id
    shop.void(session)
    events = shop.events()[1:]
    assert [event.movement and event.movement.id for event in events] == [
        first.transaction_id,
        second.transaction_id,
        None,
    ]
    assert [event.amount for event in events[:2]] == [PART, PART]
    found = shop.fetch(session)
    assert (found.status, found.captured) == (S.SUCCEEDED, Money(6000, "USD"))


def test_a_last_part_lets_the_rest_go(shop):
    session = shop.create()
    shop.capture(session, PART)
    found = shop.fetch(session)
    assert (found.status, found.captured) == (S.SUCCEEDED, PART)
    again = shop.capture(session, PART, key="capture-2")
    assert (again.status, again.captured) == (S.SUCCEEDED, PART)


def test_more_than_is_held_is_refused(shop):
    session = shop.create()
    shop.capture(session, Money(6000, "USD"), final=False)
    with pytest.raises(ProviderError) as refused:
        shop.capture(session, Money(6000, "USD"), key="capture-2")
    assert refused.value.code == "capture_value_greater_than_remaining_authorized"
    assert shop.fetch(session).captured == Money(6000, "USD")


def test_a_capture_fails_and_the_hold_remains(shop):
    session = shop.create()
    shop.world.faults(fail_next_capture=1)
    asked = shop.capture(session)
    event = shop.events()[-1]
    assert (event.status, event.reason) == (S.AUTHORIZED, "capture_failed")
    assert (event.movement.id, event.movement.undone) == (asked.transaction_id, True)
    assert shop.fetch(session).status is S.AUTHORIZED


def test_a_refund_fails_and_the_money_remains(shop):
    session = shop.create(capture=CaptureMode.AUTOMATIC)
    shop.world.faults(fail_next_refund=1)
    asked = shop.refund(session, PART)
    event = shop.events()[-1]
    assert (event.status, event.reason) == (S.NEEDS_REVIEW, "refund_failed")
    assert (event.movement.id, event.movement.undone) == (asked.provider_id, True)
    ref = RefundRef(reference="BACK-1", payment=session.ref, provider_id=asked.provider_id)
    assert shop.do(shop.provider.fetch_refund(ref)).status is RefundStatus.FAILED
    assert shop.fetch(session).status is S.SUCCEEDED


def test_a_hold_is_let_go(shop):
    session = shop.create()
    assert shop.void(session).status is S.PENDING
    assert shop.statuses() == [S.AUTHORIZED, S.CANCELED]
    assert shop.fetch(session).status is S.CANCELED
    # Too late: what has become of it is the answer.
    assert shop.capture(session).status is S.CANCELED


def test_a_hold_lapses(shop):
    session = shop.create()
    shop.world.clock.forward(days=7)
    assert shop.fetch(session).status is S.EXPIRED
    shop.world.settle()
    assert shop.statuses() == [S.AUTHORIZED, S.EXPIRED]


def test_what_is_under_way_is_no_success(make_world):
    shop = shop_of(make_world(checkoutcom={"processing": timedelta(minutes=5)}))
    session = shop.create(capture=CaptureMode.AUTOMATIC)
    assert shop.fetch(session).status is not S.SUCCEEDED
    shop.world.clock.forward(minutes=5)
    assert shop.fetch(session).status is S.SUCCEEDED
    back = shop.refund(session, PART)
    ref = RefundRef(reference="BACK-1", payment=session.ref, provider_id=back.provider_id)
    with pytest.raises(NotFound):
        shop.do(shop.provider.fetch_refund(ref))
    shop.world.settle()
    assert S.PARTIALLY_REFUNDED not in shop.statuses()
    shop.world.clock.forward(minutes=5)
    assert shop.do(shop.provider.fetch_refund(ref)).status is RefundStatus.SUCCEEDED


def test_a_card_is_stored_charged_and_forgotten(shop):
    session = shop.create(save_token=True)
    stored = session.token
    assert (stored.customer_id, stored.label) == ("customer-7", "Visa •••• 4242")
    [event, granted] = shop.events()
    assert isinstance(granted, TokenGranted)
    assert (event.status, granted.grant) == (S.AUTHORIZED, stored.value)
    again = shop.do(
        shop.provider.create_token(
            TokenRequest(reference="ORDER-1", customer_id=granted.customer_id, grant=granted.grant)
        )
    )
    assert again.value == stored.value
    charged = shop.create(
        token=stored,
        reference="ORDER-2",
        off_session=True,
        return_url=None,
        capture=CaptureMode.AUTOMATIC,
    )
    assert shop.fetch(charged).status is S.SUCCEEDED
    shop.do(shop.provider.delete_token(stored))
    with pytest.raises(NotFound):
        shop.do(shop.provider.delete_token(stored))
    with pytest.raises(ProviderError):
        shop.create(token=stored, reference="ORDER-3", off_session=True, return_url=None)


def test_a_card_is_stored_without_a_payment(shop):
    session = shop.create(amount=Money(0, "USD"), save_token=True)
    assert (session.status, session.token.label) == (S.SUCCEEDED, "Visa •••• 4242")
    event, granted = shop.events()
    assert (event.status, event.amount) == (S.SUCCEEDED, Money(0, "USD"))
    assert granted.grant == session.token.value
    with pytest.raises(Declined):
        shop.create(common("02"), amount=Money(0, "USD"), save_token=True, reference="ORDER-2")


def test_a_card_is_stored_with_its_payers_word(shop):
    session = shop.create(common("14"), amount=Money(0, "USD"), save_token=True)
    shop.answer(session)
    stored = shop.fetch(session).token
    assert stored.value.startswith("src_")
    charged = shop.create(token=stored, reference="ORDER-2", off_session=True, return_url=None)
    assert charged.status is S.AUTHORIZED


def test_a_stored_card_is_refused_later(shop):
    stored = shop.create(common("16"), amount=Money(0, "USD"), save_token=True).token
    with pytest.raises(Declined):
        shop.create(token=stored, reference="ORDER-2", off_session=True, return_url=None)


def test_the_grant_of_the_browser_is_stored(shop):
    request = TokenRequest(reference="CARD-1", customer_id="customer-7", grant=shop.token().value)
    stored = shop.do(shop.provider.create_token(request))
    assert shop.create(token=stored).status is S.AUTHORIZED


def hosted(shop, **changes):
    request = PaymentRequest(
        reference="ORDER-1",
        amount=PRICE,
        return_url="https://shop.example/return",
        customer=PAYER,
        **changes,
    )
    session = shop.do(shop.provider.create_payment(request))
    return session, session.next.url.removeprefix(shop.world.config.public_url)


CARD = {"number": GOOD, "expiry": "12/30", "cvc": "123", "outcome": "pay"}


def test_a_payment_on_the_hosted_page(shop):
    session, page = hosted(shop)
    assert session.status is S.REQUIRES_ACTION
    assert shop.fetch(session).status is S.REQUIRES_ACTION
    returned = shop.back(shop.click(page, **CARD))
    assert (returned.status, returned.reference) == (S.SUCCEEDED, "ORDER-1")
    events = shop.events()
    assert [event.status for event in events] == [S.AUTHORIZED, S.SUCCEEDED]
    assert {event.reference for event in events} == {"ORDER-1"}
    found = shop.fetch(session)
    assert (found.status, found.captured) == (S.SUCCEEDED, PRICE)
    assert found.provider_id == events[0].provider_id
    shop.refund(session, PART)
    assert shop.fetch(session).status is S.PARTIALLY_REFUNDED


def test_the_hosted_page_tries_again(shop):
    session, page = hosted(shop, capture=CaptureMode.MANUAL)
    refused = shop.world.client.post(page, data={**CARD, "number": common("02")})
    assert refused.status_code == 402
    assert shop.fetch(session).status is S.REQUIRES_ACTION
    challenge = shop.click(page, **{**CARD, "number": common("12")})
    assert shop.fetch(session).status is S.REQUIRES_ACTION
    target = shop.click(challenge.removeprefix(shop.world.config.public_url), outcome="approve")
    assert shop.back(target).status is S.AUTHORIZED
    assert shop.fetch(session).status is S.AUTHORIZED
    assert shop.capture(session).status is S.PENDING
    assert shop.fetch(session).status is S.SUCCEEDED
    # The refused try and the paid one have one reference: the one that lives is meant.
    by_name = attrs.evolve(session.ref, provider_id=None)
    assert shop.do(shop.provider.fetch_payment(by_name)).status is S.SUCCEEDED


def test_nobody_pays_on_the_hosted_page(shop):
    session, page = hosted(shop)
    assert shop.click(page, outcome="leave").startswith("https://shop.example/return")
    assert shop.fetch(session).status is S.REQUIRES_ACTION
    shop.world.clock.forward(minutes=30)
    assert shop.fetch(session).status is S.EXPIRED


def test_the_payer_complains(shop):
    session = shop.create(common("20"), capture=CaptureMode.AUTOMATIC)
    event = shop.events()[-1]
    assert (event.status, event.reference, event.provider_id) == (
        S.DISPUTED,
        "ORDER-1",
        session.provider_id,
    )


class LossyShop(CardShop):
    """Every answer to a call that moves money is lost."""

    def perform(self, request):
        answer = super().perform(request)
        if request.moves_money:
            raise OutcomeUnknown("the answer was lost")
        return answer


def test_an_answer_that_is_lost_is_found_by_the_number(shop):
    token = shop.token()
    with pytest.raises(OutcomeUnknown):
        LossyShop(shop.world, shop.provider).create(token=token)
    found = shop.do(shop.provider.fetch_payment(PaymentRef(reference="ORDER-1")))
    assert (found.status, found.amount) == (S.AUTHORIZED, PRICE)
    # The same key again, within a day: the same payment.
    assert shop.create(token=token).provider_id == found.provider_id
    assert len(shop.world.payments()) == 1


def test_two_payments_under_one_number(shop):
    first = shop.create()
    shop.create(idempotency_key="another-key")
    by_name = attrs.evolve(first.ref, provider_id=None)
    assert shop.do(shop.provider.fetch_payment(by_name)).status is S.NEEDS_REVIEW


@pytest.mark.parametrize(
    "amount",
    [
        Money(999_999_999, "VND"),
        Money(150_000, "VND"),
        Money(1, "USD"),
        Money(1010, "KWD"),
        Money(500, "CLP"),
        Money(500, "ISK"),
    ],
)
def test_each_currency_arrives_as_it_was_meant(shop, amount):
    session = shop.create(amount=amount, capture=CaptureMode.AUTOMATIC)
    assert shop.fetch(session).captured == amount
    assert [event.amount for event in shop.events()] == [amount, amount]
    [shown] = shop.world.payments()
    assert (shown["amount"], shown["currency"]) == (amount.minor, amount.currency)


def test_ten_digits_are_never_sent(shop):
    with pytest.raises(InvalidRequest):
        shop.create(amount=Money(1_000_000_000, "VND"))
    assert shop.world.payments() == []


def test_a_wrong_key(world):
    shop = shop_of(world, secret_key="sk_sbox_somebodyelseskeyaaaaaaaaa")
    with pytest.raises(AuthenticationFailed):
        shop.create()


@pytest.mark.parametrize(
    "changes", [{"signature_key": "another"}, {"webhook_authorization": "another"}]
)
def test_a_webhook_for_somebody_else(shop, changes):
    shop.create()
    stranger = shop_of(shop.world, **changes)
    with pytest.raises(SignatureError):
        stranger.events()
