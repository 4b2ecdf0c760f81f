"""The service on a real database, blocking and async, by the same tests."""

import json
import sqlite3
import threading
from functools import partial

import attrs
import pytest

from paykit import (
    Adyen,
    AuthenticationFailed,
    CheckoutCom,
    ConfigurationError,
    Declined,
    Delivery,
    Discrepancy,
    InvalidRequest,
    Money,
    NoAnswer,
    Nothing,
    NotSent,
    Outcome,
    PaymentStatus,
    PaymentToken,
    Redirect,
    SignatureError,
    StoreUnavailable,
    Stripe,
)
from paykit.http import HttpResponse
from paykit.service import AsyncPaymentService, PaymentService, unclaimed

from .everywhere import everywhere, rows
from .shop import START, momo, notice, request, vnpay

S = PaymentStatus


def code_of(receipt):
    return json.loads(receipt.reply.body)["RspCode"]


def published(service):
    """Every event that waits, handed to a handler in this thread."""
    events = []
    service.service._handlers[:] = [events.append]
    while service.relay():
        pass
    return events


@everywhere
def test_a_payment_from_start_to_end(service):
    session = service.create(request(order_id="order-7"), provider="vnpay")
    assert session.payment_id == "pay_0001"
    assert session.status is S.REQUIRES_ACTION
    assert isinstance(session.next, Redirect)
    assert service.status("pay_0001").status is S.REQUIRES_ACTION

    receipt = service.receive(notice(), provider="vnpay")
    assert (receipt.outcome, code_of(receipt), receipt.error) == (Outcome.ACCEPTED, "00", None)
    record = service.status("pay_0001")
    assert (record.status, record.captured, record.final) == (
        S.SUCCEEDED,
        Money(150_000, "VND"),
        True,
    )
    (event,) = published(service)
    assert (event.payment_id, event.order_id, event.status, event.sequence) == (
        "pay_0001",
        "order-7",
        S.SUCCEEDED,
        1,
    )
    assert event.provider_id == "14422574"


@everywhere
def test_duplicates_are_harmless(service, database):
    service.create(request(), provider="vnpay")
    codes = [code_of(service.receive(notice(), provider="vnpay")) for _ in range(4)]
    assert codes == ["00", "02", "02", "02"]
    assert len(rows(database, "paykit_outbox")) == 1
    assert [event.sequence for event in published(service)] == [1]


@everywhere
def test_failure_then_success(service):
    service.create(request(), provider="vnpay")
    assert code_of(service.receive(notice(code="24", number="0"), provider="vnpay")) == "00"
    assert code_of(service.receive(notice(), provider="vnpay")) == "00"
    # The failure comes again, late: it changes nothing.
    assert code_of(service.receive(notice(code="24", number="0"), provider="vnpay")) == "02"
    assert code_of(service.receive(notice(code="51"), provider="vnpay")) == "00"
    assert [(event.status, event.sequence) for event in published(service)] == [
        (S.CANCELED, 1),
        (S.SUCCEEDED, 2),
    ]


@everywhere
@pytest.mark.parametrize(
    ("amount", "discrepancy"),
    [
        (149_999, Discrepancy.UNDERPAID),
        (150_001, Discrepancy.OVERPAID),
        (1_500, Discrepancy.UNDERPAID),
    ],
)
def test_wrong_amount_needs_review(service, amount, discrepancy):
    session = service.create(request(), provider="vnpay")
    codes = [code_of(service.receive(notice(amount=amount), provider="vnpay")) for _ in range(2)]
    assert codes == ["04", "04"]
    record = service.status(session.payment_id)
    assert (record.status, record.discrepancy) == (S.NEEDS_REVIEW, discrepancy)
    (event,) = published(service)
    assert (event.status, event.discrepancy, event.captured) == (
        S.NEEDS_REVIEW,
        discrepancy,
        Money(0, "VND"),
    )


@everywhere
def test_one_transaction_cannot_pay_two_orders(service):
    service.create(request("ORDER-1"), provider="vnpay")
    second = service.create(request("ORDER-2"), provider="vnpay")
    assert code_of(service.receive(notice("ORDER-1"), provider="vnpay")) == "00"
    assert code_of(service.receive(notice("ORDER-2"), provider="vnpay")) == "04"
    assert service.status(second.payment_id).discrepancy is Discrepancy.PROVIDER_ID


@everywhere
def test_unknown_reference_is_kept_and_joined_later(service):
    receipt = service.receive(notice("ORDER-9"), provider="vnpay")
    assert (receipt.outcome, code_of(receipt)) == (Outcome.UNKNOWN_REFERENCE, "01")
    assert code_of(service.receive(notice("ORDER-9"), provider="vnpay")) == "01"
    (orphan,) = service.orphans()
    assert (orphan.reference, orphan.status) == ("ORDER-9", S.SUCCEEDED)
    assert published(service) == []

    session = service.create(request("ORDER-9"), provider="vnpay")
    assert service.status(session.payment_id).status is S.SUCCEEDED
    assert service.orphans() == []
    assert [event.payment_id for event in published(service)] == [session.payment_id]
    assert code_of(service.receive(notice("ORDER-9"), provider="vnpay")) == "02"


@everywhere
def test_every_orphan_can_be_seen(service, monkeypatch):
    monkeypatch.setattr(unclaimed, "_A_PAGE", 2)
    for number in range(5):
        service.receive(notice(f"OTHER-{number}", number=str(number + 1)), provider="vnpay")
    pages = [service.orphans()]
    while page := service.orphans(after=pages[-1][-1]):
        pages.append(page)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({fact.reference for page in pages for fact in page}) == 5


def test_another_provider_cannot_settle_an_order(open_service):
    service = open_service(providers=[vnpay(), vnpay("second", "SHOP0002")])
    session = service.create(request(), provider="vnpay-second")
    receipt = service.receive(notice(), provider="vnpay")
    assert receipt.outcome is Outcome.UNKNOWN_REFERENCE
    assert service.status(session.payment_id).status is S.REQUIRES_ACTION


@everywhere
def test_nothing_unverified_is_stored(service, database):
    service.create(request(), provider="vnpay")
    forged = notice()
    forged = attrs.evolve(forged, query=forged.query.replace(b"vnp_Amount=1", b"vnp_Amount=2"))
    receipt = service.receive(forged, provider="vnpay")
    assert (receipt.outcome, code_of(receipt)) == (Outcome.BAD_SIGNATURE, "97")
    assert isinstance(receipt.error, SignatureError)
    malformed = notice(vnp_PayDate="99999999999999")
    assert service.receive(malformed, provider="vnpay").outcome is Outcome.MALFORMED
    other = notice(vnp_TmnCode="SHOP0002")
    assert service.receive(other, provider="vnpay").outcome is Outcome.MALFORMED
    assert rows(database, "paykit_inbox") == [
        row for row in rows(database, "paykit_inbox") if row["digest"] == ""
    ]
    assert rows(database, "paykit_outbox") == []


@everywhere
def test_the_return_informs_and_never_settles(service, database):
    session = service.create(request(), provider="vnpay")
    before = rows(database, "paykit_inbox")
    info = service.receive_return(notice(), provider="vnpay")
    assert info.verified
    assert (info.record.payment_id, info.record.status) == (session.payment_id, S.REQUIRES_ACTION)
    forged = service.receive_return(Delivery.get("vnp_TxnRef=ORDER-1"), provider="vnpay")
    assert (forged.verified, forged.record) == (False, None)
    assert rows(database, "paykit_inbox") == before


@everywhere
def test_creating_again_gives_the_same_session(service, database):
    first = service.create(request(), provider="vnpay")
    second = service.create(request(), provider="vnpay")
    assert (second.payment_id, second.next, second.expires_at) == (
        first.payment_id,
        first.next,
        first.expires_at,
    )
    assert len(rows(database, "paykit_payments")) == 1
    for other in (request(amount=1), request(order_id="another")):
        with pytest.raises(InvalidRequest):
            service.create(other, provider="vnpay")


@everywhere
def test_a_refused_request_leaves_nothing(service, database):
    with pytest.raises(InvalidRequest):
        service.create(request("bad reference!"), provider="vnpay")
    with pytest.raises(InvalidRequest):
        service.create(attrs.evolve(request(), amount=Money(1, "USD")), provider="vnpay")
    with pytest.raises(ConfigurationError):
        service.create(request(), provider="paypal")
    assert rows(database, "paykit_payments") == []


CREATED = {
    "partnerCode": "MOMOSHOP",
    "orderId": "ORDER-1",
    "requestId": "ORDER-1",
    "amount": 150_000,
    "resultCode": 0,
    "message": "Successful.",
    "responseTime": 1,
    "payUrl": "https://test-payment.momo.vn/v2/gateway/pay?t=1",
}


def answer(**changes):
    return HttpResponse(200, {}, json.dumps({**CREATED, **changes}).encode())


@everywhere
def test_a_lost_answer_is_asked_for_again_with_the_same_request(open_service, database):
    service = open_service(answers=[NoAnswer("timed out"), answer()])
    with pytest.raises(NoAnswer):
        service.create(request(), provider="momo")
    (row,) = rows(database, "paykit_payments")
    assert (row["status"], row["session"]) == ("pending", None)
    session = service.create(request(), provider="momo")
    assert session.payment_id == row["payment_id"]
    first, second = service.transport.asked
    assert first == second


@everywhere
def test_what_was_not_sent_leaves_nothing(open_service, database):
    service = open_service(answers=[NotSent("refused")])
    with pytest.raises(NotSent):
        service.create(request(), provider="momo")
    assert rows(database, "paykit_payments") == []


@everywhere
def test_what_was_perhaps_sent_before_is_not_forgotten(open_service, database):
    service = open_service(answers=[NoAnswer("timed out"), NotSent("refused")])
    for error in (NoAnswer, NotSent):
        with pytest.raises(error):
            service.create(request(), provider="momo")
    assert len(rows(database, "paykit_payments")) == 1


@everywhere
def test_a_notice_before_the_answer_was_stored(open_service, database):
    """The provider's notice overtakes its own answer: the success stays."""

    def answer_late(asked):
        # What the provider does while our call is still open, over another connection.
        with PaymentService([momo()], database=database) as other:
            body = {
                "partnerCode": "MOMOSHOP", "orderId": "ORDER-1", "requestId": "ORDER-1",
                "amount": 150_000, "orderInfo": "x", "orderType": "momo_wallet",
                "transId": 1, "resultCode": 0, "message": "ok", "payType": "qr",
                "responseTime": 1_700_000_000_000, "extraData": "",
            }  # fmt: skip
            from paykit.providers.momo import NOTICE_FIELDS

            body["signature"] = momo().signature(NOTICE_FIELDS, body)
            receipt = other.receive(Delivery.post_json(body), provider="momo")
            assert receipt.outcome is Outcome.ACCEPTED
        return answer()

    service = open_service(answers=[answer_late])
    session = service.create(request(), provider="momo")
    assert service.status(session.payment_id).status is S.SUCCEEDED
    assert [event.status for event in published(service)] == [S.SUCCEEDED]


def charge(**changes):
    body = {
        "partnerCode": "MOMOSHOP", "orderId": "ORDER-1", "requestId": "ORDER-1",
        "amount": 150_000, "transId": 77, "resultCode": 0, "message": "ok", "responseTime": 1,
    }  # fmt: skip
    return HttpResponse(200, {}, json.dumps({**body, **changes}).encode())


@pytest.fixture(scope="module")
def public_key():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


TOKEN = PaymentToken(provider="momo", value="token-1", customer_id="customer-1")


def test_a_token_pays_at_once(open_service, public_key):
    service = open_service(providers=[momo(public_key=public_key)], answers=[charge()])
    session = service.create(request(token=TOKEN), provider="momo")
    assert (session.status, session.next, session.provider_id) == (S.SUCCEEDED, Nothing(), "77")
    assert [event.status for event in published(service)] == [S.SUCCEEDED]
    again = service.create(request(token=TOKEN), provider="momo")
    assert (again.status, again.next, len(service.transport.asked)) == (S.SUCCEEDED, Nothing(), 1)


def test_a_declined_token_is_a_failed_payment(open_service, public_key):
    service = open_service(
        providers=[momo(public_key=public_key)], answers=[charge(resultCode=1001)]
    )
    with pytest.raises(Declined):
        service.create(request(token=TOKEN), provider="momo")
    (event,) = published(service)
    assert (event.status, event.reason, event.code) == (S.FAILED, "insufficient_funds", "1001")


def test_a_wrong_key_leaves_the_payment_open(open_service, database):
    service = open_service(answers=[answer(resultCode=13)])
    with pytest.raises(AuthenticationFailed):
        service.create(request(), provider="momo")
    (row,) = rows(database, "paykit_payments")
    assert row["status"] == "pending"


def test_a_locked_database_makes_the_provider_come_again(open_service, database, monkeypatch):
    from paykit.service import database as opening

    monkeypatch.setattr(opening, "_LOCK_SECONDS", 0.05)
    service = open_service()
    service.create(request(), provider="vnpay")
    locker = sqlite3.connect(database.removeprefix("sqlite:///"), isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")
    receipt = service.receive(notice(), provider="vnpay")
    assert (receipt.outcome, code_of(receipt)) == (Outcome.TRY_AGAIN, "99")
    assert isinstance(receipt.error, StoreUnavailable)
    locker.execute("ROLLBACK")
    locker.close()
    assert code_of(service.receive(notice(), provider="vnpay")) == "00"


def test_a_verification_that_needs_the_network_can_fail(open_service):
    class Distant(type(vnpay())):
        def verify(self, delivery):
            yield "request"

    service = open_service(
        providers=[Distant(vnpay().config)], answers=[NoAnswer("certificate host is down")]
    )
    receipt = service.receive(notice(), provider="vnpay")
    assert (receipt.outcome, code_of(receipt)) == (Outcome.TRY_AGAIN, "99")


def test_a_failing_handler_gets_the_event_again(service, clock, database):
    for number in (1, 2):
        service.create(request(f"ORDER-{number}"), provider="vnpay")
    service.receive(notice("ORDER-1", code="24", number="0"), provider="vnpay")
    service.receive(notice("ORDER-1", number="1"), provider="vnpay")
    service.receive(notice("ORDER-2", number="2"), provider="vnpay")
    taken = []
    broken = [True]

    def handler(event):
        if broken[0] and event.reference == "ORDER-1":
            raise RuntimeError("the shop is closed")
        taken.append((event.reference, event.sequence))

    service.service._handlers[:] = [handler]
    while service.relay():
        pass
    assert taken == [("ORDER-2", 1)]
    (failed, waiting) = [row for row in rows(database, "paykit_outbox") if not row["published_at"]]
    assert (failed["attempts"], failed["last_error"]) == (1, "RuntimeError: the shop is closed")
    assert waiting["attempts"] == 0  # it is behind the failed one, in order
    broken[0] = False
    assert service.relay() == 0  # the pause is not over
    clock.pass_(seconds=2)
    while service.relay():
        pass
    assert taken == [("ORDER-2", 1), ("ORDER-1", 1), ("ORDER-1", 2)]


@everywhere
def test_events_wait_for_a_subscriber_and_survive_a_restart(open_service):
    first = open_service()
    first.create(request(), provider="vnpay")
    first.receive(notice(), provider="vnpay")
    first.close()
    assert [event.status for event in published(open_service())] == [S.SUCCEEDED]
    assert published(open_service()) == []


class Numbering(type(vnpay())):
    """Its event ids are its own, as they are of another account of it."""

    def parse(self, verified):
        return tuple(attrs.evolve(event, event_id="1") for event in super().parse(verified))


@everywhere
def test_event_ids_of_two_accounts_may_be_the_same(open_service):
    accounts = [Numbering(vnpay(*names).config) for names in ((), ("second", "SHOP0002"))]
    service = open_service(providers=accounts)
    for key, code in (("vnpay", "SHOP0001"), ("vnpay-second", "SHOP0002")):
        service.create(request(), provider=key)
        for outcome in (Outcome.ACCEPTED, Outcome.DUPLICATE):
            receipt = service.receive(notice(vnp_TmnCode=code), provider=key)
            assert receipt.outcome is outcome
    events = published(service)
    assert [event.account for event in events] == ["default", "second"]
    assert events[0].event_id == "1"
    assert len({event.event_id for event in events}) == 2


def test_one_account_under_two_names_is_refused(open_service):
    with pytest.raises(ConfigurationError, match="vnpay-second and vnpay are one account"):
        open_service(providers=[vnpay(), vnpay("second")])


ADYEN = {"api_key": "k", "hmac_key": "0" * 64, "capture_mode": "manual", "merchant_account": "M"}
CHECKOUT = {"secret_key": "sk_sbox_one", "signature_key": "key-one"}
STRIPE = {"secret_key": "sk_test_one", "webhook_secret": "whsec_one"}


@pytest.mark.parametrize(
    ("kind", "settings", "changes"),
    [
        (Adyen, ADYEN, {"capture_mode": "automatic"}),
        (Adyen, ADYEN, {"hmac_key": "1" * 64, "api_key": "other"}),
        (CheckoutCom, CHECKOUT, {"signature_key": "key-two"}),
        (Stripe, STRIPE, {"webhook_secret": "whsec_two"}),
    ],
)
def test_one_account_with_other_settings_is_one_account(open_service, kind, settings, changes):
    # Each webhook of an account tells of all its payments: also of those under the other name.
    other = kind.from_dict({**settings, **changes, "account": "other"})
    with pytest.raises(ConfigurationError, match="are one account"):
        open_service(providers=[kind.from_dict(settings), other])


@pytest.mark.parametrize(
    ("kind", "settings", "changes"),
    [
        (Adyen, ADYEN, {"merchant_account": "N"}),
        (CheckoutCom, CHECKOUT, {"processing_channel_id": "pc_2"}),
        (Stripe, STRIPE, {"secret_key": "sk_test_two"}),
    ],
)
def test_two_accounts_of_one_gateway(open_service, kind, settings, changes):
    other = kind.from_dict({**settings, **changes, "account": "other"})
    open_service(providers=[kind.from_dict(settings), other])


def test_two_accounts_with_one_name_are_refused(open_service):
    with pytest.raises(ConfigurationError):
        open_service(providers=[vnpay(), vnpay()])


@pytest.mark.parametrize(
    "url", ["not a url", "sqlite://", "sqlite:///:memory:", "oracle://localhost/x"]
)
def test_a_database_that_cannot_hold_money_is_refused(url):
    with pytest.raises(ConfigurationError):
        PaymentService([vnpay()], database=url)


def test_a_database_that_cannot_be_opened(tmp_path):
    with pytest.raises(StoreUnavailable):
        PaymentService([vnpay()], database=f"sqlite:///{tmp_path}/missing/payments.db")


def test_both_faces_have_the_same_methods():
    def public(kind):
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(PaymentService) == public(AsyncPaymentService)


def test_subscribe_publishes_in_the_background(database):
    done = threading.Event()
    with PaymentService([vnpay()], database=database) as service:
        service.subscribe(lambda event: done.set())
        service.create(request(), provider="vnpay")
        service.receive(notice(), provider="vnpay")
        assert done.wait(5)


def test_a_blocking_service_refuses_async_handlers(database, clock):
    async def handler(event):
        raise AssertionError(event)

    with PaymentService([vnpay()], database=database, clock=clock) as service:
        with pytest.raises(ConfigurationError, match="AsyncPaymentService"):
            service.subscribe(handler)
        # One that does not look like one is found out when it is called.
        service.subscribe(partial(_called, handler), background=False)
        service.create(request(), provider="vnpay")
        service.receive(notice(), provider="vnpay")
        service.relay()
    (row,) = rows(database, "paykit_outbox")
    assert (row["published_at"], row["last_error"]) == (
        None,
        "TypeError: an async handler needs AsyncPaymentService",
    )


def _called(handler, event):
    return handler(event)


async def subscribe_in_the_background(database, kind):
    import asyncio

    done = asyncio.Event()

    async def awaited(event):
        done.set()

    def plain(event):
        done.set()

    async with AsyncPaymentService([vnpay()], database=database) as service:
        await service.subscribe({"async": awaited, "plain": plain}[kind])
        await service.create(request(), provider="vnpay")
        await service.receive(notice(), provider="vnpay")
        async with asyncio.timeout(5):
            await done.wait()


@pytest.mark.parametrize("kind", ["async", "plain"])
def test_async_subscribe_publishes_in_the_background(database, kind):
    import asyncio

    asyncio.run(subscribe_in_the_background(database, kind))


@everywhere
def test_times_come_back_with_their_zone(service):
    session = service.create(request(), provider="vnpay")
    record = service.status(session.payment_id)
    assert (record.created_at, record.created_at.tzinfo) == (START, START.tzinfo)
    assert service.status("pay_nobody") is None


@everywhere
@pytest.mark.parametrize(
    "payment_id", ["", "pay_\0", "pay_\ud800", "x" * 10_000, "' OR 1=1 --", "PAY_0001"]
)
def test_nobody_has_that_id(service, payment_id):
    service.create(request(), provider="vnpay")  # pay_0001
    assert service.status(payment_id) is None
    assert service.session(payment_id) is None
    for ask in (service.refresh, service.capture, service.refund):
        with pytest.raises(InvalidRequest):
            ask(payment_id)


@pytest.mark.parametrize("text", ["\0", "\ud800"])
def test_what_no_database_keeps_is_refused_before_it_is_sent(service, text):
    payment_id = service.create(request(), provider="vnpay").payment_id
    for words in {"idempotency_key": f"key{text}"}, {"description": f"why{text}"}:
        with pytest.raises(InvalidRequest) as caught:
            service.refund(payment_id, **words)
        assert caught.value.field == next(iter(words))
