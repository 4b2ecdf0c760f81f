"""Adyen's webhooks: nobody moves a part of one value into another, and nothing unsigned decides."""

import json
import string
from base64 import b64decode, b64encode
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from paykit import (
    Adyen,
    ConfigurationError,
    Delivery,
    MalformedDelivery,
    Money,
    MovementKind,
    PaymentProcessed,
    PaymentRequest,
    PaymentStatus,
    PaymentToken,
    SignatureError,
    TokenGranted,
    WebhookError,
)
from paykit.flow import run
from paykit.http import HttpResponse
from paykit.providers.adyen.codes import EVENTS
from paykit.providers.adyen.notices import MAX_ITEMS, read_items
from paykit.service import PaymentService

from .support.adyen import KEY, sign, signed, signed_text

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PSP, MODIFICATION = "993617895204576J", "993617894906488A"
SETTINGS = {
    "merchant_account": "PaykitECOM",
    "api_key": "api-key",
    "hmac_key": KEY,
    "capture_mode": "manual",
    "return_url": "https://shop.example/return",
}
OTHER_KEY = "DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00"


def shop(**settings):
    return Adyen.from_dict({**SETTINGS, **settings}, clock=lambda: NOW)


HOLDS, TAKES = shop(), shop(capture_mode="automatic")


def item(code="AUTHORISATION", **changes):
    made = {
        "pspReference": PSP,
        "merchantAccountCode": "PaykitECOM",
        "merchantReference": "ORDER-1",
        "amount": {"currency": "EUR", "value": 1999},
        "eventCode": code,
        "success": "true",
        "eventDate": "2026-01-02T03:00:00Z",
    }
    if code not in {"AUTHORISATION", "OFFER_CLOSED"}:
        made |= {"pspReference": MODIFICATION, "originalReference": PSP}
    return {**made, **changes}


def batch(*items, live="false"):
    wrapped = [{"NotificationRequestItem": one} for one in items]
    return Delivery.post_json(json.dumps({"live": live, "notificationItems": wrapped}))


def received(delivery, provider=HOLDS):
    return provider.parse(run(provider.verify(delivery), lambda call: pytest.fail(repr(call))))


def told(code, provider=HOLDS, **changes):
    return received(batch(signed(item(code, **changes))), provider)


# What is signed can be read in one way only.

texts = st.text(string.ascii_letters + string.digits + ":\\/ -_", max_size=12)
words = st.text(string.ascii_uppercase + string.digits + "_", min_size=1, max_size=12)


@given(st.data())
def test_a_signed_text_is_split_in_one_way_only(data):
    """Whoever has a genuine notice cannot share its text out to other values."""
    genuine = signed(item("CAPTURE", merchantReference=data.draw(texts.filter(bool))))
    [expected] = received(batch(genuine))
    parts = signed_text(genuine).split(":")
    # Any eight pieces of the same text: the colons between them are chosen anew.
    places = data.draw(
        st.lists(st.integers(1, len(parts) - 1), min_size=7, max_size=7, unique=True).map(sorted)
        if len(parts) > 8
        else st.just(list(range(1, 8)))
    )
    ends = [0, *places, len(parts)]
    psp, original, account, reference, value, currency, code, success = (
        ":".join(parts[a:b]) for a, b in pairwise(ends)
    )
    forged = {
        **genuine,
        "pspReference": psp,
        "originalReference": original,
        "merchantAccountCode": account,
        "merchantReference": reference,
        "amount": {"currency": currency, "value": int(value) if value.isdigit() else value},
        "eventCode": code,
        "success": success,
    }
    assert signed_text(forged) == signed_text(genuine)
    try:
        events = received(batch(forged))
    except WebhookError:
        return
    assert events == (expected,)


@given(st.lists(st.text(":AB1", max_size=4), min_size=8, max_size=8))
def test_two_readings_never_share_a_text(values):
    """What is read says what is signed, letter by letter: nothing is trimmed, escaped or lost."""
    names = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
    told = dict(zip(names, values, strict=False))
    told["amount"] = {"currency": values[5], "value": values[4]}
    told |= {"eventCode": values[6], "success": values[7]}
    try:
        [(read, _)] = read_items({"notificationItems": [{"NotificationRequestItem": told}]})
    except MalformedDelivery:
        return
    assert read.signed_text.decode() == signed_text(told)


@given(texts.filter(bool))
def test_any_reference_verifies(reference):
    [event] = told("AUTHORISATION", merchantReference=reference)
    assert event.reference == reference


@pytest.mark.parametrize(
    "changes",
    [
        {"success": "TRUE"},
        {"success": "yes"},
        {"success": True},
        {"success": ""},
        {"success": None},
        {"amount": {"currency": "EUR", "value": "1999"}},
        {"amount": {"currency": "EUR", "value": 1999.0}},
        {"amount": {"currency": "EUR", "value": -1}},
        {"amount": {"currency": "EUR", "value": True}},
        {"amount": {"currency": "EUR", "value": 2**63}},
        {"amount": {"currency": "eur", "value": 1}},
        {"amount": {"currency": "EUR"}},
        {"amount": {"currency": ["EUR"]}},
        {"amount": {"value": 1}},
        {"amount": None},
        {"amount": {"currency": "XXX", "value": 1}},
        {"eventCode": "authorisation"},
        {"eventCode": "AUTHORISATION "},
        {"eventCode": ["AUTHORISATION"]},
        {"eventCode": None},
        {"pspReference": "a:b"},
        {"pspReference": ""},
        {"pspReference": None},
        {"pspReference": 7},
        {"originalReference": "a:b"},
        {"originalReference": 7},
        {"merchantAccountCode": "PaykitECOM:x"},
        {"merchantAccountCode": "paykitecom"},
        {"merchantAccountCode": None},
        {"merchantReference": ""},
        {"merchantReference": None},
        {"merchantReference": 7},
    ],
    ids=repr,
)
def test_what_adyen_never_writes_is_refused_however_it_is_signed(changes):
    with pytest.raises(MalformedDelivery):
        told("AUTHORISATION", **changes)


def test_an_amount_is_an_object():
    with pytest.raises(MalformedDelivery):
        received(batch({**signed(item()), "amount": "1999"}))


# The signature.


def test_a_batch_is_believed_whole_or_not_at_all():
    good, bad = signed(item()), signed(item("CAPTURE"))
    assert len(received(batch(good, bad))) == 2
    bad["merchantReference"] = "ORDER-2"
    for items in ((good, bad), (bad, good), (good, good, bad)):
        with pytest.raises(SignatureError):
            received(batch(*items))


@pytest.mark.parametrize("count", [0, MAX_ITEMS + 1])
def test_a_batch_has_a_sensible_size(count):
    assert len(received(batch(*[signed(item())] * MAX_ITEMS))) == MAX_ITEMS
    with pytest.raises(MalformedDelivery):
        received(batch(*[signed(item())] * count))


@pytest.mark.parametrize(
    "body",
    [
        {"live": "false"},
        {"live": "false", "notificationItems": {}},
        {"live": "false", "notificationItems": [None]},
        {"live": "false", "notificationItems": [[]]},
        {"live": "false", "notificationItems": [{}]},
        {"live": "false", "notificationItems": [{"NotificationRequestItem": []}]},
    ],
)
def test_what_holds_no_items_is_refused(body):
    with pytest.raises(WebhookError):
        received(Delivery.post_json(json.dumps(body)))


@pytest.mark.parametrize("given", [None, 7, [], "", " ", "x", "AAAA", "=" * 44])
def test_a_signature_of_another_kind_is_none(given):
    one = signed(item())
    one["additionalData"]["hmacSignature"] = given
    with pytest.raises(SignatureError):
        received(batch(one))


def test_base64_has_one_spelling():
    one = signed(item())
    right = one["additionalData"]["hmacSignature"]
    assert right.endswith("=")
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    last = alphabet[alphabet.index(right[-2]) ^ 1]
    twin = right[:-2] + last + "="
    assert b64decode(twin) == b64decode(right)
    long = b64encode(b64decode(right) + b"x").decode()  # 44 characters, and 33 bytes
    assert len(long) == len(right)
    for spelt in (twin, long, right[:-1], f"{right}\n", f" {right}", right.replace("=", "")):
        one["additionalData"]["hmacSignature"] = spelt
        with pytest.raises(SignatureError):
            received(batch(one))


def test_keys_change():
    delivery = batch(signed(item()))
    during = shop(hmac_key=OTHER_KEY, previous_hmac_keys=[KEY])
    assert received(delivery, during) == received(delivery)
    with pytest.raises(SignatureError):
        received(delivery, shop(hmac_key=OTHER_KEY))
    mixed = batch(signed(item()), signed(item("CAPTURE"), shop(hmac_key=OTHER_KEY)))
    assert len(received(mixed, during)) == 2


@pytest.mark.parametrize("key", [KEY[:-1], KEY + "0", "g" * 64, " " * 64, KEY[:-1] + "\n"])
def test_a_key_is_64_hex_digits(key):
    with pytest.raises(ConfigurationError):
        shop(hmac_key=key)
    assert shop(hmac_key=KEY.lower())


def test_an_item_is_no_body_and_a_body_no_item():
    """Both kinds are signed with one key, and neither signature proves the other kind."""
    one = signed(item())
    text = signed_text(one)
    for body in (text, json.dumps({"environment": "test", "text": text})):
        headers = {"HmacSignature": one["additionalData"]["hmacSignature"]}
        with pytest.raises(WebhookError):
            received(Delivery("POST", headers=headers, body=body.encode()))
    whole = batch(item()).body
    with pytest.raises(SignatureError):
        received(Delivery("POST", headers={"HmacSignature": sign(whole)}, body=whole))


# Beside the signature.


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic x"},
        {"Authorization": f"Basic {b64encode(b'adyen:wrong').decode()}"},
        {"Authorization": f"basic {b64encode(b'adyen:secret').decode()}"},
        {"Authorization": f"Bearer {b64encode(b'adyen:secret').decode()}"},
        {"Authorization": b64encode(b"adyen:secret").decode()},
    ],
)
def test_user_and_password_are_demanded_beside_the_signature(headers):
    guarded = shop(webhook_user="adyen", webhook_password="secret")
    good = batch(signed(item()))
    with pytest.raises(SignatureError):
        received(Delivery("POST", headers=headers, body=good.body), guarded)


def test_user_and_password_never_replace_the_signature():
    guarded = shop(webhook_user="adyen", webhook_password="secret")
    headers = {"Authorization": f"Basic {b64encode(b'adyen:secret').decode()}"}
    good, forged = batch(signed(item())), batch(item())
    assert received(Delivery("POST", headers=headers, body=good.body), guarded)
    with pytest.raises(SignatureError):
        received(Delivery("POST", headers=headers, body=forged.body), guarded)


@pytest.mark.parametrize("live", ["true", "", "no", True, False, None, 0, ["false"]])
def test_a_notice_of_another_world_is_refused(live):
    with pytest.raises(MalformedDelivery):
        received(batch(signed(item()), live=live))
    production = shop(environment="production", live_prefix="1797a841fbb37ca7-PaykitShop")
    if live == "true":
        assert received(batch(signed(item()), live=live), production)
    with pytest.raises(MalformedDelivery):
        received(batch(signed(item())), production)


@given(
    st.dictionaries(
        st.sampled_from(["eventDate", "reason", "paymentMethod", "operations", "x"]),
        st.none() | st.text(max_size=20) | st.integers() | st.lists(st.text(max_size=3)),
    ),
    st.dictionaries(st.text(max_size=20).filter(lambda name: name != "hmacSignature"), st.text()),
)
def test_what_is_not_signed_decides_nothing(outside, more):
    assume(
        "\x00" not in json.dumps([outside, more]) and "\\u0000" not in json.dumps([outside, more])
    )
    for code in ("AUTHORISATION", "CANCEL_OR_REFUND", "REFUND"):
        one = signed(item(code))
        [genuine] = received(batch(one))
        changed = {**one, **outside, "additionalData": {**more, **one["additionalData"]}}
        try:
            [event] = received(batch(changed))
        except MalformedDelivery:
            continue
        assert event.occurred_at <= NOW  # shown, and it orders nothing
        assert event.event_id == genuine.event_id
        assert [getattr(event, name) for name in DECISIVE] == [
            getattr(genuine, name) for name in DECISIVE
        ]


DECISIVE = "status reference provider_id amount captured refunded reason code movement".split()


def test_when_it_happened_is_never_in_the_future():
    [event] = told("AUTHORISATION", eventDate="9999-12-31T23:59:59Z")
    assert event.occurred_at == NOW
    for strange in ("x", "2026-01-02T03:00:00", None, 7, "0001-01-01T00:00:00+14:00"):
        [event] = told("AUTHORISATION", eventDate=strange)
        assert event.occurred_at == NOW
        assert event.to_json()["occurred_at"] == "2026-01-02T03:04:05Z"
    [event] = told("AUTHORISATION", eventDate="2026-01-02T04:00:00+01:00")
    assert event.occurred_at == NOW - timedelta(minutes=4, seconds=5)


def test_an_event_is_known_by_what_happened_to_what():
    ids = {
        told(code, **changes)[0].event_id
        for code in ("AUTHORISATION", "CAPTURE", "REFUND")
        for changes in ({}, {"success": "false"}, {"pspReference": "ANOTHER1"})
    }
    assert len(ids) == 9
    [first], [again] = told("REFUND"), told("REFUND", eventDate="2026-01-02T03:00:01Z", reason="x")
    assert first.event_id == again.event_id
    [other] = received(batch(signed(item("REFUND"))), shop(account="second"))
    assert other.event_id != first.event_id


# What it means.


@pytest.mark.parametrize(
    ("code", "success", "holds", "takes"),
    [
        ("AUTHORISATION", "true", "authorized", "succeeded +capture"),
        ("AUTHORISATION", "false", "failed", "failed"),
        ("CAPTURE", "true", "succeeded +capture", "succeeded"),
        ("CAPTURE", "false", "authorized -capture", "failed -capture"),
        ("CAPTURE_FAILED", "true", "failed -capture", "failed -capture"),
        ("CAPTURE_FAILED", "false", None, None),
        ("CANCELLATION", "true", "canceled", "canceled"),
        ("CANCELLATION", "false", "authorized", None),
        ("TECHNICAL_CANCEL", "true", "canceled", "canceled"),
        ("TECHNICAL_CANCEL", "false", "authorized", None),
        ("CANCEL_OR_REFUND", "true", "needs_review +refund", "partially_refunded +refund"),
        ("CANCEL_OR_REFUND", "false", None, None),
        ("REFUND", "true", "partially_refunded +refund", "partially_refunded +refund"),
        ("REFUND", "false", "needs_review -refund", "needs_review -refund"),
        ("REFUND_FAILED", "true", "needs_review -refund", "needs_review -refund"),
        ("REFUND_FAILED", "false", None, None),
        ("REFUNDED_REVERSED", "true", "needs_review -refund", "needs_review -refund"),
        ("REFUNDED_REVERSED", "false", None, None),
        ("EXPIRE", "true", "expired", "expired"),
        ("EXPIRE", "false", None, None),
        ("OFFER_CLOSED", "true", "expired", "expired"),
        ("OFFER_CLOSED", "false", None, None),
        *[
            (code, success, meaning, meaning)
            for code, kind in EVENTS.items()
            if kind == "dispute"
            for success, meaning in (("true", "disputed"), ("false", None))
        ],
        *[
            (code, success, None, None)
            for code in (
                "REPORT_AVAILABLE",
                "RECURRING_CONTRACT",
                "AUTHORISATION_ADJUSTMENT",
                "VOID_PENDING_REFUND",
                "POSTPONED_REFUND",
                "NOTIFICATION_OF_FRAUD",
                "NEVER_PUBLISHED",
            )
            for success in ("true", "false")
        ],
    ],
)
def test_meaning(code, success, holds, takes):
    for provider, expected in ((HOLDS, holds), (TAKES, takes)):
        events = told(code, provider, success=success)
        if expected is None:
            assert events == ()
            continue
        [event] = events
        assert isinstance(event, PaymentProcessed)
        moved = event.movement
        shown = "" if moved is None else f" {'-' if moved.undone else '+'}{moved.kind}"
        assert f"{event.status}{shown}" == expected
        assert (event.amount, event.code) == (Money(1999, "EUR"), code)
        if moved is not None:
            # One movement. It is a total only of an account that takes by itself.
            itself = provider is TAKES and moved.kind == "capture"
            name = PSP if itself else MODIFICATION
            assert (moved.id, moved.amount) == (name, Money(1999, "EUR"))
            total = moved.amount if code == "AUTHORISATION" else None
            assert (event.captured, event.refunded) == (total, None)
        assert event.provider_id == PSP


@pytest.mark.parametrize("first", ["AUTHORISATION", "CAPTURE_FAILED"])
def test_what_was_taken_by_itself_is_taken_back(first, tmp_path):
    codes = [first, *({"AUTHORISATION", "CAPTURE_FAILED"} - {first})]
    with booked(tmp_path) as (service, payment_id):
        for code in codes:
            service.receive(batch(signed(item(code))), provider="adyen")
        record = service.status(payment_id)
    assert (record.status, record.captured) == ("needs_review", Money(0, "EUR"))
    assert record.discrepancy == "reversed"


def test_two_payments_of_one_reference_are_seen(tmp_path):
    with booked(tmp_path) as (service, payment_id):
        for psp in (PSP, PSP, "ANOTHER1"):
            service.receive(batch(signed(item(pspReference=psp))), provider="adyen")
        record = service.status(payment_id)
    assert (record.status, record.captured) == ("needs_review", Money(3998, "EUR"))
    assert record.discrepancy == "overpaid"


def test_one_payment_told_in_every_way_is_one(tmp_path):
    with booked(tmp_path) as (service, payment_id):
        for code in ("CAPTURE", "AUTHORISATION", "CAPTURE"):
            service.receive(batch(signed(item(code))), provider="adyen")
        record = service.status(payment_id)
    assert (record.status, record.captured) == ("succeeded", Money(1999, "EUR"))
    assert record.discrepancy is None


@contextmanager
def booked(tmp_path):
    """A payment that Adyen took at once, by its answer."""
    paid = {"resultCode": "Authorised", "pspReference": PSP, "merchantReference": "ORDER-1"}
    transport = Answering(HttpResponse(200, body=json.dumps(paid).encode()))
    database = f"sqlite:///{tmp_path}/payments.db"
    with PaymentService([TAKES], database=database, transport=transport) as service:
        card = json.dumps({"type": "scheme", "encryptedCardNumber": "test_1"})
        asked = PaymentRequest(
            reference="ORDER-1",
            amount=Money(1999, "EUR"),
            token=PaymentToken(provider="adyen", value=card),
        )
        yield service, service.create(asked, provider="adyen").payment_id


class Answering:
    """A transport with one answer to everything."""

    def __init__(self, response):
        self.response = response

    def send(self, _request):
        return self.response

    def close(self):
        pass


def test_a_report_for_the_company_does_not_keep_back_what_comes_behind_it():
    report = {
        "pspReference": "settlement_detail_report_batch_42.csv",
        "merchantAccountCode": "PaykitCompany",
        "merchantReference": "",
    }
    assert told("REPORT_AVAILABLE", **report) == ()
    with pytest.raises(MalformedDelivery, match="merchant account"):
        told("AUTHORISATION", merchantAccountCode="PaykitCompany")


def test_every_code_is_in_the_table():
    [mark] = [m for m in test_meaning.pytestmark if m.name == "parametrize"]
    assert {row[0] for row in mark.args[1]} >= EVENTS.keys()


def test_a_capture_and_its_failure_are_one_movement():
    [taken], [undone] = told("CAPTURE"), told("CAPTURE_FAILED")
    assert (taken.movement.kind, undone.movement.kind) == (MovementKind.CAPTURE,) * 2
    assert taken.movement.id == undone.movement.id
    assert (taken.movement.undone, undone.movement.undone) == (False, True)


def test_a_card_that_is_kept_without_a_payment():
    for provider in (HOLDS, TAKES):
        [event] = told("AUTHORISATION", provider, amount={"currency": "EUR", "value": 0})
        assert (event.status, event.captured) == (PaymentStatus.SUCCEEDED, Money(0, "EUR"))


def test_whose_payment_it_is_where_nothing_says():
    [dispute] = told("CHARGEBACK_REVERSED", originalReference=None)
    assert dispute.provider_id is None  # its pspReference may be the dispute's
    [late] = told("EXPIRE", originalReference=PSP, pspReference="ANOTHER1")
    assert late.provider_id == PSP
    [late] = told("EXPIRE", originalReference=None)
    assert late.provider_id is None
    [closed] = told("OFFER_CLOSED")  # of one attempt of several
    assert closed.provider_id == PSP


# Webhooks that are signed as a whole.


def token_notice(**changes):
    return {
        "createdAt": "2026-01-02T04:04:00+01:00",
        "eventId": "QBQQ9DLNRHHKGK38",
        "environment": "test",
        "data": {
            "merchantAccount": "PaykitECOM",
            "storedPaymentMethodId": "M5N7TQ4TG5PFWR50",
            "shopperReference": "CUSTOMER-7",
            "type": "visa",
        },
        "type": "recurring.token.created",
        **changes,
    }


def whole(body, *, signature=None):
    raw = json.dumps(body).encode()
    return Delivery("POST", headers={"HmacSignature": signature or sign(raw)}, body=raw)


def test_a_stored_card():
    [event] = received(whole(token_notice()))
    assert isinstance(event, TokenGranted)
    assert (event.customer_id, event.grant) == ("CUSTOMER-7", "M5N7TQ4TG5PFWR50")
    [again] = received(whole(token_notice(createdAt="2026-01-02T04:04:01+01:00")))
    assert again.event_id == event.event_id
    with pytest.raises(SignatureError):
        received(whole(token_notice(), signature=sign(b"{}")))


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": "live"},
        {"environment": None},
        {"environment": ["test"]},
        {"eventId": None},
        {"eventId": ""},
        {"data": None},
        {"data": {**token_notice()["data"], "merchantAccount": "OtherECOM"}},
        {"data": {**token_notice()["data"], "storedPaymentMethodId": "../x"}},
        {"data": {**token_notice()["data"], "storedPaymentMethodId": None}},
        {"data": {**token_notice()["data"], "shopperReference": ""}},
        {"data": {**token_notice()["data"], "shopperReference": 7}},
    ],
    ids=repr,
)
def test_a_stored_card_that_cannot_be_read(changes):
    with pytest.raises(MalformedDelivery):
        received(whole(token_notice(**changes)))


@pytest.mark.parametrize("kind", ["recurring.token.disabled", "merchant.created", None, [], {}])
def test_other_webhooks_of_the_account_are_no_news(kind):
    assert received(whole(token_notice(type=kind))) == ()
