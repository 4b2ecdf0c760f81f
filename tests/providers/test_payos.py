"""What the case folder leaves open: confirm-webhook, the keys, and properties of the signed text."""

import hmac
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paykit import (
    AuthenticationFailed,
    Delivery,
    HttpResponse,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    Money,
    NotFound,
    PaymentRef,
    PayOS,
    PayOSConfig,
    ProviderError,
    SignatureError,
    WebhookError,
)
from paykit.events import TransferReceived
from paykit.flow import run
from paykit.providers.payos import order_code, signed_text
from paykit.testing.conformance.base import Wire
from paykit.wire import Environment

KEY = "1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LINK = "0123456789abcdef0123456789abcdef"
HOOK = "https://shop.example/webhooks/payos"


def payos(**settings):
    config = {"client_id": "client", "api_key": "api-key", "checksum_key": KEY, **settings}
    return PayOS(PayOSConfig(**config), clock=lambda: NOW)


PAYOS = payos()


def plain(value):
    """A flat value as payOS signs it, said again."""
    if value is None or value in ("null", "undefined"):
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def sign(data, key=KEY):
    text = "&".join(f"{name}={plain(data[name])}" for name in sorted(data))
    return hmac.new(key.encode(), text.encode(), "sha256").hexdigest()


def envelope(data, **changes):
    return {"code": "00", "desc": "success", "data": data, "signature": sign(data), **changes}


def received(body, provider=PAYOS):
    def refuse_network(request):
        raise AssertionError(request)

    return provider.parse(run(provider.verify(Delivery.post_json(body)), refuse_network))


def answered(flow, body, status=200):
    wire = Wire([HttpResponse(status, body=json.dumps(body).encode())])
    return run(flow, wire.send), wire.sent[0]


# Registering an address.

ACCOUNT = {
    "webhookUrl": HOOK, "accountName": "NGUYEN VAN A", "accountNumber": "0123456789",
    "name": "Ngân hàng A", "shortName": "A",
}  # fmt: skip


@pytest.mark.parametrize("body", [envelope(ACCOUNT), {"code": "00", "desc": "", "data": ACCOUNT}])
def test_confirm_webhook(body):
    account, request = answered(PAYOS.confirm_webhook(HOOK), body)
    assert account == ACCOUNT
    assert (request.method, request.url) == (
        "POST",
        "https://api-merchant.payos.vn/confirm-webhook",
    )
    assert json.loads(request.body) == {"webhookUrl": HOOK}
    assert (request.replay_safe, request.moves_money) == (True, False)
    assert request.header("x-api-key") == "api-key"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"code": "20", "desc": "Webhook url invalid", "data": "status code 404"}, ProviderError),
        (400, {"code": "20", "desc": "Webhook url invalid", "data": None}, ProviderError),
        (200, envelope(ACCOUNT, signature="0" * 64), MalformedResponse),
        (401, {"message": "Unauthorized"}, AuthenticationFailed),
        (403, {}, AuthenticationFailed),
        (404, {"code": "101"}, NotFound),
        (404, {"message": "Not Found"}, MalformedResponse),
        (201, envelope(ACCOUNT), MalformedResponse),
    ],
)  # fmt: skip
def test_confirm_webhook_refused(status, body, error):
    with pytest.raises(error):
        answered(PAYOS.confirm_webhook(HOOK), body, status)


SAMPLE = {
    "orderCode": 123, "amount": 3000, "description": "VQRIO123", "accountNumber": "12345678",
    "reference": "TF230204212323", "transactionDateTime": "2023-02-04 18:25:00", "currency": "VND",
    "paymentLinkId": "124c33293c43417ab7879e14c8d9eb18", "code": "00", "desc": "Thành công",
    "counterAccountBankId": "", "counterAccountBankName": "", "counterAccountName": "",
    "counterAccountNumber": "", "virtualAccountName": "", "virtualAccountNumber": "",
}  # fmt: skip


def test_the_sample_means_nothing():
    """Whatever an order 123 of the shop is about: this is not its payment request."""
    assert received(envelope(SAMPLE)) == ()
    for changes in ({"paymentLinkId": LINK}, {"orderCode": 124}, {"amount": 3001}):
        (event,) = received(envelope({**SAMPLE, **changes}))
        assert isinstance(event, TransferReceived)
    with pytest.raises(SignatureError):
        received(envelope(SAMPLE, signature=sign(SAMPLE, "another key")))


# Settings.


def test_a_partner_says_so():
    request = next(payos(partner_code="PARTNER").fetch_payment(PaymentRef(reference="1")))
    assert request.header("x-partner-code") == "PARTNER"
    assert next(PAYOS.fetch_payment(PaymentRef(reference="1"))).header("x-partner-code") is None


@pytest.mark.parametrize("environment", Environment)
def test_there_is_one_payos(environment):
    assert payos(environment=environment).base == "https://api-merchant.payos.vn"
    assert payos(environment=environment, base_url="http://127.0.0.1:1/p").base.endswith(":1/p")


def test_the_page_of_our_own_sandbox_may_be_plain_http():
    sandbox = payos(base_url="http://127.0.0.1:8100/payos")
    assert sandbox.page("http://127.0.0.1:8100/payos/web/1")
    for url in ("http://127.0.0.1:8101/payos/1", "http://payos.vn/1", "javascript:alert(1)", ""):
        with pytest.raises(MalformedResponse):
            sandbox.page(url)


def test_two_accounts_do_not_share_events():
    (one,) = received(envelope({**SAMPLE, "orderCode": 1}))
    (other,) = received(envelope({**SAMPLE, "orderCode": 1}), payos(account="second"))
    assert one.provider_id == other.provider_id
    assert (one.event_id != other.event_id, other.account) == (True, "second")


# Answers.

CREATED = {
    "bin": "970422", "accountNumber": "1", "amount": 3000, "description": "VQRIO123",
    "orderCode": 123, "currency": "VND", "paymentLinkId": LINK, "status": "PENDING",
    "checkoutUrl": "https://pay.payos.vn/web/1", "qrCode": "000201",
}  # fmt: skip


def create(answer):
    from paykit import PaymentRequest

    request = PaymentRequest(
        reference="123", amount=Money(3000, "VND"), return_url="https://shop.example/"
    )
    return answered(PAYOS.create_payment(request), answer)[0]


@pytest.mark.parametrize("name", [*CREATED, "new"])
def test_a_signed_answer_that_was_changed_is_refused(name):
    assert create(envelope(CREATED)).provider_id == LINK
    changed = {**CREATED, name: "9999999999"}
    with pytest.raises(MalformedResponse):
        create(envelope(changed, signature=sign(CREATED)))
    with pytest.raises(MalformedResponse):
        create(envelope(CREATED, signature=5))


# References.


@given(st.integers(1, 2**53 - 1))
def test_a_number_is_its_own_reference(number):
    assert order_code(str(number)) == number


@given(st.text() | st.integers(2**53).map(str) | st.integers(max_value=0).map(str))
def test_no_other_text_is_a_reference(text):
    if text.isascii() and text.isdigit() and text[0] != "0" and int(text) < 2**53:
        return
    with pytest.raises(InvalidRequest):
        order_code(text)


# The signed text.

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
#: Memos of which several readings of the signed text can be made.
PIECES = ["", "x", "&orderCode=7", "&orderInfo=y", "&paymentLinkId=z", "&reference=FT9", "&s=", "="]
MEMO = st.lists(st.sampled_from(PIECES) | TEXT, max_size=5).map("".join)
NAME = st.text(st.sampled_from("abcmnopyz"), min_size=1, max_size=5)


def transfer(**changes):
    return {**SAMPLE, "orderCode": 1001, "paymentLinkId": LINK, **changes}


@given(TEXT.filter(lambda text: "&" not in text), st.dictionaries(NAME, TEXT, max_size=3))
def test_any_text_verifies(memo, more):
    (event,) = received(envelope({**more, **transfer(description=memo)}))
    nothing = memo in ("null", "undefined")
    assert (event.memo, event.amount) == ("" if nothing else memo, Money(3000, "VND"))


@given(MEMO, st.data())
def test_one_signed_text_has_one_meaning(memo, data):
    """Cut the signed text of a genuine notice anew, in any way that keeps its order of names.

    Whoever has seen a notice, and chose its memo, must not be able to make another one of it.
    """
    genuine = transfer(description=memo)
    parts = signed_text(genuine).split("&")
    joined = data.draw(st.sets(st.integers(0, len(parts) - 1), max_size=3), label="joined")
    fields, names = [], []
    for index, part in enumerate(parts):
        name, equals, _ = part.partition("=")
        if equals and index not in joined and (not names or name > names[-1]):
            fields.append(part)
            names.append(name)
        elif fields:
            fields[-1] += f"&{part}"
        else:
            return
    forged = dict(field.split("=", 1) for field in fields)
    for name in ("orderCode", "amount"):
        if forged.get(name, "").isdigit():
            forged[name] = int(forged[name])
    if signed_text(forged) != signed_text(genuine):
        return
    try:
        events = received(envelope(forged, signature=sign(genuine)))
    except WebhookError:
        return
    assert events == received(envelope(genuine))


@given(st.data())
def test_no_byte_of_a_notice_can_be_changed(data):
    body = json.dumps(envelope(transfer(description="Thanh toán")), ensure_ascii=False)
    position = data.draw(st.integers(body.index('"data"'), len(body) - 1))
    letter = data.draw(st.sampled_from('0123456789abcdefXYZ&="{}[],: \\'))
    try:
        events = received(body[:position] + letter + body[position + 1 :])
    except WebhookError:
        return
    assert events == received(body)


@pytest.mark.parametrize("status", ["2026-01-02T03:04:05Z", "2026-01-02 10:04:05"])
def test_times_are_vietnams(status):
    (event,) = received(envelope(transfer(transactionDateTime=status)))
    assert event.occurred_at == NOW


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01 00:00:00", "0001-01-01 00:00:00", "2026-01-02 24:00:01"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(MalformedDelivery):
        received(envelope(transfer(transactionDateTime=text)))


def test_several_transfers_for_one_payment():
    """Each is a fact of its own; a repeated notice is the same fact, whatever else it says now."""
    first = transfer(amount=1000, reference="FT1")
    notices = [first, transfer(amount=2000, reference="FT2"), {**first, "counterAccountName": "B"}]
    (one,), (two,), (again,) = (received(envelope(notice)) for notice in notices)
    assert one == again
    assert one.event_id != two.event_id
    assert [event.amount.minor for event in (one, two)] == [1000, 2000]
    assert one.reference == two.reference == "1001"
