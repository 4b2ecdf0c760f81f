"""Adyen's adapter against its simulator: two implementations of the same facts pin each other."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import urlsplit

import attrs
import pytest

from paykit.errors import (
    AuthenticationFailed,
    Declined,
    IdempotencyConflict,
    InvalidRequest,
    MalformedDelivery,
    NotFound,
    ProviderError,
    RequestInProgress,
    SignatureError,
)
from paykit.events import Movement, MovementKind, PaymentProcessed, TokenGranted
from paykit.http import Delivery
from paykit.models import (
    CaptureMode,
    HandleInClient,
    Nothing,
    PaymentStatus,
    PaymentToken,
    Redirect,
    RefundRequest,
    RefundStatus,
    TokenRequest,
)
from paykit.money import Money
from paykit.providers.adyen import Adyen, AdyenConfig

from . import adyen_client as client
from .test_adapters import AMOUNT, HALF, Shop

S = PaymentStatus


class AdyenShop(Shop):
    @property
    def manual(self):
        return self.provider.config.capture_mode is CaptureMode.MANUAL

    def pay_with(self, number=client.GOOD, reference="ORDER-1", **changes):
        """Pay with what the card field gave."""
        value = json.dumps(client.typed(self.world, number))
        token = PaymentToken(provider="adyen", value=value)
        return self.ask(reference, token=token, **changes)

    def ask(self, reference="ORDER-1", **changes):
        changes.setdefault("capture", self.provider.config.capture_mode)
        session = super().ask(reference, **changes)
        self.world.settle()
        return session

    def events(self):
        """What each notice says, the oldest first."""
        self.world.settle()
        found = []
        for request in self.world.merchant.received:
            delivery = Delivery("POST", "/", b"", request.headers, request.body)
            found += self.read(self.provider.verify(delivery))
        return found

    def back(self, location):
        """What the browser's verified return says."""
        events = self.read(self.provider.verify_return(Delivery.get(urlsplit(location).query)))
        return events[0]

    def choose(self, url, outcome="approve"):
        return client.answer_challenge(self.world, url, outcome)

    def open_page(self, session, number=client.GOOD, **form):
        """Pay on the hosted page."""
        path = session.next.url.removeprefix(client.ROOT)
        form = {"number": number, "expiry": "03/30", "cvc": "737", "name": "", **form}
        response = self.world.client.post(path, data=form)
        self.world.settle()
        return response

    def held(self, number=client.GOOD, **changes):
        """A payment that waits for its capture, as its ref knows it."""
        return self.pay_with(number, **changes).ref

    def capture(self, ref, amount=None, *, key="capture-1", final=True):
        flow = self.provider.capture(ref, amount, idempotency_key=key, final=final)
        payment = self.do(flow)
        self.world.settle()
        return payment

    def void(self, ref):
        payment = self.do(self.provider.void(ref, idempotency_key="void-1"))
        self.world.settle()
        return payment

    def refund(self, ref, amount=None, *, reference="REFUND-1"):
        request = RefundRequest(payment=ref, reference=reference, amount=amount)
        refund = self.do(self.provider.refund(request))
        self.world.settle()
        return refund


def shop_of(world, **settings):
    account = world.config.adyen
    config = AdyenConfig.from_dict(
        {
            "merchant_account": account.merchant_account,
            "api_key": account.api_key,
            "hmac_key": account.hmac_key,
            "capture_mode": "manual",
            "multiple_captures": account.multiple_captures,
            "base_url": f"{world.config.public_url}/adyen/v72",
            **settings,
        }
    )
    return AdyenShop(world, Adyen(config, clock=world.clock))


@pytest.fixture
def shop(world):
    return shop_of(world)


@pytest.fixture
def taking(world):
    """A shop whose account takes the money at once."""
    return shop_of(world, capture_mode="automatic")


@pytest.fixture
def several(make_world):
    """A shop whose account knows several captures of one payment."""
    return shop_of(make_world(adyen={"multiple_captures": True}))


def test_money_is_held_and_taken(shop):
    session = shop.pay_with()
    assert (session.status, session.next) == (S.AUTHORIZED, Nothing())
    [authorised] = shop.events()
    assert (authorised.status, authorised.reference, authorised.amount) == (
        S.AUTHORIZED,
        "ORDER-1",
        AMOUNT,
    )
    assert authorised.provider_id == session.provider_id is not None
    payment = shop.capture(session.ref)
    assert payment.status == S.PENDING
    taken = shop.events()[-1]
    assert (taken.status, taken.reference, taken.provider_id) == (
        S.SUCCEEDED,
        "ORDER-1",
        session.provider_id,
    )
    assert taken.movement == Movement(
        kind=MovementKind.CAPTURE, id=payment.transaction_id, amount=AMOUNT
    )
    assert shop.world.payments()[0]["status"] == "Captured"


def test_money_is_taken_at_once(taking):
    session = taking.pay_with()
    assert session.status == S.SUCCEEDED
    [event] = taking.events()
    assert (event.status, event.captured) == (S.SUCCEEDED, AMOUNT)
    assert taking.world.payments()[0]["status"] == "Captured"


def test_a_capture_by_adyen_itself_is_not_counted_twice(make_world):
    world = make_world(adyen={"automatic_capture_notices": True})
    shop = shop_of(world, capture_mode="automatic")
    shop.pay_with()
    first, second = shop.events()
    assert [(one.status, one.captured, one.movement) for one in (first, second)] == [
        (S.SUCCEEDED, AMOUNT, None)
    ] * 2


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("01", "card_declined"),
        ("02", "insufficient_funds"),
        ("03", "limit_exceeded"),
        ("04", "expired_card"),
        ("05", "incorrect_cvc"),
        ("06", "card_declined"),
        ("08", "fraud_suspected"),
        ("09", "card_not_supported"),
        ("10", "processing_error"),
        ("11", "issuer_unavailable"),
    ],
)
def test_a_decline(shop, number, reason):
    with pytest.raises(Declined) as declined:
        shop.pay_with(client.common(number))
    assert declined.value.reason == reason
    [event] = shop.events()
    assert (event.status, event.reference) == (S.FAILED, "ORDER-1")


def test_3d_secure_by_a_redirect(shop):
    session = shop.pay_with(client.CHALLENGED)
    assert session.status == S.REQUIRES_ACTION
    assert isinstance(session.next, Redirect)
    location = shop.choose(session.next.url)
    returned = shop.back(location)
    [event] = shop.events()
    assert (returned.status, event.status) == (S.AUTHORIZED, S.AUTHORIZED)
    assert returned.provider_id == event.provider_id
    # The browser's reload asks again with the same key, and hears the same.
    assert shop.back(location) == returned
    ref = attrs.evolve(session.ref, provider_id=event.provider_id)
    shop.capture(ref)
    assert shop.events()[-1].status == S.SUCCEEDED


def test_the_reference_may_change_with_the_action(make_world):
    shop = shop_of(make_world(adyen={"new_reference_after_action": True}))
    session = shop.pay_with(client.CHALLENGED)
    assert session.provider_id is None
    returned = shop.back(shop.choose(session.next.url))
    assert shop.events()[0].provider_id == returned.provider_id
    shop.capture(attrs.evolve(session.ref, provider_id=returned.provider_id))
    assert shop.events()[-1].status == S.SUCCEEDED


def test_3d_secure_that_is_refused(shop):
    session = shop.pay_with(client.CHALLENGED)
    returned = shop.back(shop.choose(session.next.url, "refuse"))
    assert (returned.status, returned.reason) == (S.FAILED, "authentication_failed")
    [event] = shop.events()
    assert event.status == S.FAILED


def test_3d_secure_that_nobody_answers(shop):
    shop.pay_with(client.CHALLENGED)
    shop.world.clock.forward(hours=12)
    shop.world.payments()
    [event] = shop.events()
    assert (event.status, event.reference) == (S.EXPIRED, "ORDER-1")


def test_3d_secure_inside_the_shops_page(shop):
    session = shop.pay_with(client.CHALLENGED, extra=client.NATIVE)
    assert isinstance(session.next, HandleInClient)
    result = client.answer_in_page(shop.world, dict(session.next.action))
    payment = shop.do(shop.provider.submit_details(session.ref, {"details": result}))
    assert payment.status == S.AUTHORIZED
    shop.world.settle()
    [event] = shop.events()
    assert event.provider_id == payment.provider_id


def test_a_forged_return_says_nothing(shop):
    shop.pay_with(client.CHALLENGED)
    with pytest.raises(MalformedDelivery):
        shop.back("https://shop.example/return?redirectResult=forged")
    with pytest.raises(MalformedDelivery):
        shop.back("https://shop.example/return?sessionId=CS1&sessionResult=forged")


def test_a_part_is_taken_and_the_rest_released(shop):
    ref = shop.held()
    shop.capture(ref, HALF)
    assert shop.events()[-1].movement.amount == HALF
    shop.capture(ref, HALF, key="capture-2")
    refused = shop.events()[-1]
    assert (refused.status, refused.reason) == (S.AUTHORIZED, "capture_failed")
    assert refused.movement.undone


def test_several_captures_and_a_void_of_the_rest(several):
    ref = several.held()
    for number in (1, 2):
        part = Money(50_000, "VND")
        several.capture(ref, part, key=f"capture-{number}", final=False)
    several.void(ref)
    events = several.events()
    assert [one.status for one in events] == [S.AUTHORIZED, S.SUCCEEDED, S.SUCCEEDED, S.CANCELED]
    assert len({one.movement.id for one in events[1:3]}) == 2


def test_a_capture_that_the_scheme_takes_back(shop):
    payment = shop.capture(shop.held(client.common("21")))
    *_, taken, undone = shop.events()
    assert (taken.movement.id, undone.movement.id) == (payment.transaction_id,) * 2
    assert (undone.status, undone.reason) == (S.FAILED, "capture_failed")
    assert undone.movement.undone


def test_a_void(shop):
    ref = shop.held()
    assert shop.void(ref).status == S.PENDING
    event = shop.events()[-1]
    assert (event.status, event.provider_id) == (S.CANCELED, ref.provider_id)


def test_a_void_of_a_payment_whose_answer_was_lost(shop):
    ref = shop.held()
    assert shop.void(attrs.evolve(ref, provider_id=None)).status == S.PENDING
    event = shop.events()[-1]
    assert (event.status, event.reference) == (S.CANCELED, "ORDER-1")


def test_a_void_that_comes_too_late(shop):
    ref = shop.held()
    shop.capture(ref)
    shop.void(ref)
    event = shop.events()[-1]
    assert (event.status, event.reason) == (S.AUTHORIZED, "void_failed")


def test_refunds(shop):
    ref = shop.held()
    shop.capture(ref)
    refund = shop.refund(ref, HALF)
    assert (refund.status, refund.amount) == (RefundStatus.PENDING, HALF)
    event = shop.events()[-1]
    assert (event.status, event.reference) == (S.PARTIALLY_REFUNDED, "ORDER-1")
    assert event.movement == Movement(kind=MovementKind.REFUND, id=refund.provider_id, amount=HALF)
    shop.refund(ref, AMOUNT, reference="REFUND-2")
    refused = shop.events()[-1]
    assert (refused.status, refused.reason) == (S.NEEDS_REVIEW, "refund_failed")
    shop.refund(ref, HALF, reference="REFUND-3")
    assert shop.world.payments()[0]["status"] == "Refunded"


def test_two_equal_refunds_are_two_and_a_repeated_one_is_one(shop):
    ref = shop.held()
    shop.capture(ref)
    first = shop.refund(ref, HALF)
    assert shop.refund(ref, HALF).provider_id == first.provider_id
    assert shop.world.payments()[0]["refunded"] == HALF.minor
    assert shop.refund(ref, HALF, reference="REFUND-2").provider_id != first.provider_id
    assert shop.world.payments()[0]["refunded"] == AMOUNT.minor


def test_a_refund_that_comes_back(shop):
    ref = shop.held(client.common("22"))
    shop.capture(ref)
    refund = shop.refund(ref)
    event = shop.events()[-1]
    assert (event.status, event.reason) == (S.NEEDS_REVIEW, "refund_failed")
    assert event.movement == Movement(
        kind=MovementKind.REFUND, id=refund.provider_id, amount=AMOUNT, undone=True
    )


def test_a_dispute(shop):
    shop.capture(shop.held(client.common("20")))
    assert {one.status for one in shop.events()[2:]} == {S.DISPUTED}


def test_what_nobody_captures_expires(shop):
    ref = shop.held()
    shop.world.clock.forward(days=28)
    shop.world.payments()
    event = shop.events()[-1]
    # Such a notice may name the payment or the change: it is told under our reference alone.
    assert (event.status, event.reference) == (S.EXPIRED, ref.reference)


# Stored cards.


def test_a_card_is_stored_charged_while_the_payer_is_away_and_forgotten(shop):
    session = shop.pay_with(amount=Money(0, "VND"), save_token=True)
    assert session.status == S.SUCCEEDED
    assert session.token.label == "•••• 1111"
    first = shop.events()[0]
    assert (first.status, first.amount) == (S.SUCCEEDED, Money(0, "VND"))
    for number, off_session in enumerate((False, True)):
        paid = shop.ask(f"ORDER-{number + 2}", token=session.token, off_session=off_session)
        assert paid.status == S.AUTHORIZED
    [card] = shop.do(shop.provider.list_tokens("user@example.com"))
    assert card.value == session.token.value
    shop.do(shop.provider.delete_token(card))
    with pytest.raises(NotFound):
        shop.do(shop.provider.delete_token(card))
    with pytest.raises(NotFound):
        shop.ask("ORDER-4", token=card)


def test_a_card_whose_id_is_not_told_is_found_by_asking(make_world):
    shop = shop_of(make_world(adyen={"tells_stored_id": False}))
    assert shop.pay_with(save_token=True).token is None
    request = TokenRequest(reference="ORDER-1", customer_id="user@example.com")
    token = shop.do(shop.provider.create_token(request))
    assert shop.ask("ORDER-2", token=token, off_session=True).status == S.AUTHORIZED


def test_a_stored_card_is_told_by_a_webhook_of_its_own(make_world):
    shop = shop_of(make_world(adyen={"token_notices": True}))
    session = shop.pay_with(save_token=True)
    [granted] = [one for one in shop.events() if isinstance(one, TokenGranted)]
    assert (granted.grant, granted.customer_id) == (session.token.value, "user@example.com")


def test_a_card_that_needs_its_payer(shop):
    session = shop.pay_with(client.CHALLENGED, save_token=True)
    shop.back(shop.choose(session.next.url))
    request = TokenRequest(reference="ORDER-1", customer_id="user@example.com")
    token = shop.do(shop.provider.create_token(request))
    with pytest.raises(Declined) as declined:
        shop.ask("ORDER-2", token=token, off_session=True)
    assert declined.value.reason == "authentication_required"


# The hosted page.


def test_a_hosted_page_from_asking_to_taken(shop):
    session = shop.ask()
    assert (session.status, session.provider_id) == (S.REQUIRES_ACTION, None)
    assert session.expires_at == shop.world.clock.now.replace(microsecond=0) + timedelta(hours=1)
    refused = shop.open_page(session, client.common("02"))
    assert refused.status_code == 402
    location = shop.open_page(session).headers["location"]
    returned = shop.back(location)
    failed, event = shop.events()
    assert (failed.status, event.status, returned.status) == (S.FAILED, S.AUTHORIZED, S.AUTHORIZED)
    assert (failed.reference, event.reference) == ("ORDER-1", "ORDER-1")
    assert returned.provider_id == event.provider_id != failed.provider_id
    shop.capture(attrs.evolve(session.ref, provider_id=event.provider_id))
    assert shop.events()[-1].status == S.SUCCEEDED


def test_a_hosted_page_with_3d_secure(taking):
    session = taking.ask()
    question = taking.open_page(session, client.CHALLENGED).headers["location"]
    assert taking.back(taking.choose(question)).status == S.SUCCEEDED
    assert taking.events()[-1].captured == AMOUNT


def test_a_hosted_page_that_the_payer_leaves(shop):
    session = shop.ask()
    location = shop.open_page(session, outcome="leave").headers["location"]
    fields = client.query(location)
    flow = shop.provider.fetch_session(session.ref, fields["sessionId"], fields["sessionResult"])
    assert shop.do(flow).status == S.CANCELED
    assert shop.events() == []


def test_a_hosted_page_stores_a_card(shop):
    session = shop.ask(save_token=True)
    shop.open_page(session)
    [card] = shop.do(shop.provider.list_tokens("user@example.com"))
    assert card.label == "•••• 1111"


# The same again, and what is refused.


def test_asking_again_pays_once(shop):
    value = json.dumps(client.typed(shop.world))
    token = PaymentToken(provider="adyen", value=value)
    first, again = (shop.ask(token=token) for _ in range(2))
    assert first.provider_id == again.provider_id
    assert len(shop.world.payments()) == len(shop.events()) == 1
    with pytest.raises(IdempotencyConflict):
        shop.ask(token=token, amount=HALF)


def test_asking_again_too_soon(make_world):
    shop = shop_of(make_world(adyen={"key_busy": timedelta(seconds=2)}))
    token = PaymentToken(provider="adyen", value=json.dumps(client.typed(shop.world)))
    first = shop.ask(token=token)
    with pytest.raises(RequestInProgress):
        shop.ask(token=token)
    shop.world.clock.forward(seconds=2)
    assert shop.ask(token=token).provider_id == first.provider_id


def test_a_capture_again_takes_once(several):
    ref = several.held()
    first, again = (several.capture(ref, HALF, final=False) for _ in range(2))
    assert first.transaction_id == again.transaction_id
    assert len(several.events()) == 2


def test_wrong_keys(world):
    with pytest.raises(AuthenticationFailed):
        shop_of(world, api_key="wrong").ask()
    with pytest.raises(AuthenticationFailed):
        shop_of(world, merchant_account="Other").ask()
    shop_of(world).pay_with()
    with pytest.raises(SignatureError):
        shop_of(world, hmac_key="0" * 64).events()


def test_a_payment_that_adyen_does_not_know(shop):
    ref = attrs.evolve(shop.held(), provider_id="XXXXXXXXXXXXXXXX")
    with pytest.raises(ProviderError):
        shop.capture(ref)
    with pytest.raises(InvalidRequest):
        shop.capture(attrs.evolve(ref, provider_id=None))


# Notices.


def test_a_batch_of_notices(make_world):
    world = make_world(adyen={"batch": 10})
    shop = shop_of(world)
    shop.pay_with(save_token=True)
    assert len(client.batches(world)[0]["notificationItems"]) == 2
    events = shop.events()
    assert [one.status for one in events if isinstance(one, PaymentProcessed)] == [S.AUTHORIZED]


def test_the_webhook_has_a_login(make_world):
    world = make_world(adyen={"webhook_login": ("paykit", "hook-password")})
    login = {"webhook_user": "paykit", "webhook_password": "hook-password"}
    shop_of(world, **login).pay_with()
    assert len(shop_of(world, **login).events()) == 1
    with pytest.raises(SignatureError):
        shop_of(world, **{**login, "webhook_password": "other"}).events()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pspReference", "XXXXXXXXXXXXXXXX"),
        ("originalReference", "XXXXXXXXXXXXXXXX"),
        ("merchantReference", "ORDER-2"),
        ("merchantAccountCode", "Other"),
        ("eventCode", "REFUND"),
        ("success", "false"),
        ("amount", {"currency": "VND", "value": 150_001}),
        ("amount", {"currency": "JPY", "value": 150_000}),
    ],
)
def test_a_notice_with_another_word_is_refused(shop, name, value):
    shop.capture(shop.held())
    request = shop.world.merchant.received[-1]
    batch = json.loads(request.body)
    client.unwrapped(batch)[0][name] = value
    delivery = Delivery("POST", "/", b"", request.headers, json.dumps(batch).encode())
    with pytest.raises(SignatureError):
        shop.do(shop.provider.verify(delivery))


def test_a_report_and_unknown_events_mean_nothing(shop):
    ref = shop.held()
    for path in ("REPORT_AVAILABLE", f"MANUAL_REVIEW_ACCEPT?psp={ref.provider_id}"):
        shop.world.client.post(f"/adyen/_sandbox/tell/{path}")
    assert len(shop.events()) == 1
